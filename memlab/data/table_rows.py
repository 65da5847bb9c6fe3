"""Rows of a table file: the separator, the cells, and one cell for each name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise

from memlab.data.table_columns import (
    AROUND,
    row_numbers,
)
from memlab.data.table_text import cut
from memlab.errors import DataError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""Supported separators and their names."""


_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|"}


Records = list[tuple[int, list[str]]]
"""Rows with the line of the file on which each begins."""


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return column names for a message: the first few, each cut to 40 characters."""
    return ", ".join(cut(name, 40) for name in names[:most]) + (
        f", ... ({len(names)} columns)" if len(names) > most else ""
    )


def separator_named(given: str, told: str) -> str:
    """Return the separator that an option gives, as a character or by name."""
    found = _NAMES.get(given, given)
    if len(found) != 1 or found in '"\r\n' or found.isalnum():
        known = ", ".join([*_NAMES])
        raise DataError(f"{told}: separator {given!r}: one character, or a name ({known})")
    return found


def without_comments(text: str) -> str:
    """Blank the comment lines (#) above the header, so that line numbers stay the same.

    A header line that is marked with #, as NumPy writes it, loses its mark.
    """
    lines = text.splitlines(keepends=True)
    for place, line in enumerate(lines):
        bare = line.lstrip()
        if not bare:
            continue
        if not bare.startswith("#"):
            return "".join(lines)
        names = bare.lstrip("# ")
        separators = [each for each in SEPARATORS if each in names]
        if any(_is_usual([(0, names.split(separator))]) for separator in separators):
            lines[place] = names
            return "".join(lines)
        lines[place] = "\n"
    return text  # only comments


def records_of(text: str, given: str | None, told: str, option: str | None) -> tuple[str, Records]:
    """Return the separator and the rows, without blank rows."""
    if given is not None:
        return given, _parsed(text, given, told)
    header = next((line for line in text.splitlines() if line.strip()), "")
    there = [separator for separator in SEPARATORS if separator in header]
    if len(there) <= 1:
        found = there[0] if there else ","
        return found, _parsed(text, found, told)
    possible: dict[str, Records] = {}
    problem: DataError | None = None
    for separator in there:
        try:
            records = _parsed(text, separator, told)
        except DataError as error:
            problem = problem or error
            continue
        if len(records[0][1]) > 1:
            possible[separator] = records
    if not possible:
        if problem is not None:
            raise problem
        return ",", _parsed(text, ",", told)
    for wanted in (_is_even, _is_usual):
        chosen = {each: rows for each, rows in possible.items() if wanted(rows)}
        possible = chosen or possible
        if len(possible) == 1:
            return next(iter(possible.items()))
    names = " or ".join(SEPARATORS[each] for each in possible)
    remedy = f"give {option}.separator" if option else "save the table with commas"
    raise DataError(f"{told}: separated by {names}? {remedy} (first line: {header[:80]!r})")


def _parsed(text: str, separator: str, told: str) -> Records:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    records: Records = []
    start = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                records.append((start, stripped))
            start = reader.line_num + 1
    except csv.Error as error:
        why = str(error)
        if "unexpected end" in why or "field limit" in why:
            why = "a quotation mark that is not closed"
        elif "expected after" in why:
            why = "a quotation mark inside a quoted cell: double it"
        raise DataError(f"{told}: line {start}: {why}") from error
    if not records:
        raise DataError(f"{told}: is empty; a table has a line of names, such as image,score")
    return records


def _is_even(records: Records) -> bool:
    """Return whether all rows have as many cells as the header."""
    width = _width(records)
    return all(
        len(cells) == width or (len(cells) > width and not any(cells[width:]))
        for _, cells in records
    )


def _is_usual(records: Records) -> bool:
    """Return whether a column has a common name for images or participants."""
    from memlab.data.columns import IMAGES, PEOPLE, normal

    return any(normal(name) in {"id", *IMAGES, *PEOPLE} for name in records[0][1])


def _width(records: Records) -> int:
    """Return the number of columns; trailing unnamed columns count if they have a filled cell."""
    names = records[0][1]
    width = len(names)
    while width > 1 and not names[width - 1].strip(AROUND):
        if any(len(cells) >= width and cells[width - 1] for _, cells in records[1:]):
            break
        width -= 1
    return width


def even_rows(records: Records, separator: str, told: str) -> tuple[list[str], Records, int]:
    """Return the names, the rows with a cell for each, and how often the header is repeated."""
    width = _width(records)
    names, rows = records[0][1][:width], records[1:]
    if rows and all(len(cells) == width + 1 for _, cells in rows):
        numbered = row_numbers([cells[0] for _, cells in rows])
        if numbered:  # R writes no name for its row names
            names, width = ["", *names], width + 1
    even: Records = []
    repeated = 0
    for line, cells in rows:
        if len(cells) < width or any(cells[width:]):
            raise DataError(_uneven(names, cells, line, separator, told))
        if cells[:width] == names:
            repeated += 1
        else:
            even.append((line, cells[:width]))
    return names, even, repeated


def _uneven(names: list[str], cells: list[str], line: int, separator: str, told: str) -> str:
    count = f"{len(cells)} cell{'s' if len(cells) != 1 else ''}"
    more = ""
    halves = pairwise(cells)
    if len(cells) > len(names) and separator == ",":
        if any(a.lstrip("-").isdecimal() and b.isdecimal() for a, b in halves):
            more = "; are these decimal commas? write 0.5, or separate the columns by semicolons"
        else:
            more = "; put quotation marks around a cell with a comma"
    return (
        f"{told}: line {line} has {count}, for {len(names)} columns separated by "
        f"{SEPARATORS.get(separator, repr(separator))} ({listed(names)}){more}"
    )
