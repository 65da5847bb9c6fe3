"""Reading of users' tables as text, with detection of encoding, separator and decimal commas.

In half of Europe, Excel writes semicolons, decimal commas and UTF-16. A table is read if its format
is unambiguous, and a one-line note reports the format. Otherwise an error says what was found and
how to fix it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd

from memlab.errors import DataError
from memlab.image_files import shown, what_is

LINE = "line"
"""Name of the index of a table: the line of the file on which a row begins."""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""Supported separators and their names."""
ENDINGS = (".csv", ".tsv", ".tab", ".txt")

_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|"}
_OTHERS = {
    b"PK\x03\x04": "a workbook (Excel, OpenDocument) or zip file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"SQLite": "a database",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"{\\rtf": "a document of a word processor",
}
"""Descriptions of other file types, by their first bytes."""
_MARKS = (  # longer marks first: the UTF-32 mark begins with the UTF-16 mark
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MISSING = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
]  # fmt: skip
_AROUND = " \t\r\n\v\f\xa0\ufeff\u200b\"'"
"""Characters that are stripped from the names of columns."""

Records = list[tuple[int, list[str]]]
"""Rows with the line of the file on which each begins."""
Columns = list[tuple[str, ...]]


@dataclass(frozen=True)
class TextTable:
    """Table as text.

    Args:
        frame: columns of text; empty cells are ""; the index is the line of the file.
        path: the file.
        note: detected format, if the file is not a plain CSV file in UTF-8; else empty.
    """

    frame: pd.DataFrame
    path: Path
    note: str = ""

    def values(self, keep: Iterable[str] = ()) -> pd.DataFrame:
        """Return the columns with missing values (empty, NA, null, ...) as NA.

        Args:
            keep: columns of names, in which only an empty cell is missing: an image may be named
                NA.
        """
        kept = set(keep)
        columns = {
            name: column.mask(column.isin([""] if name in kept else _MISSING))
            for name, column in self.frame.items()
        }
        return pd.DataFrame(columns, index=self.frame.index)


def read_text_table(
    path: Path,
    separator: str | None = None,
    encoding: str | None = None,
    option: str | None = "--data.source",
) -> TextTable:
    """Read a table with a header line.

    Args:
        path: the file.
        separator: separator of the columns, or its name, such as `tab`; recognised by default.
        encoding: encoding of the text, as Python names it; recognised by default.
        option: option prefix in error messages, before `.separator` or `.encoding`; None if the
            command has no such options.

    Raises:
        DataError: if the format is ambiguous or wrong; names the line and the finding.
    """
    told = shown(path)
    text, decoded = _text(_content(path), encoding, told, option)
    given = None if separator is None else _separator(separator, told)
    first, _, rest = text.partition("\n")
    declared = re.fullmatch(r'"?sep=(.)"?\s*', first)
    if declared:  # a line that Excel writes
        text, given = "\n" + rest, given or declared.group(1)
    text = _without_comments(text)
    found, records = _records(text, given, told, option)
    decisions = [f"as {decoded}"] if decoded else []
    if found != ",":
        decisions.append(f"separated by {SEPARATORS.get(found, repr(found))}")
    names, rows, repeated = _even(records, found, told)
    columns = list(zip(*(cells for _, cells in rows), strict=True)) or [()] * len(names)
    names, columns = _named(names, columns, told)
    lines = pd.Index([line for line, _ in rows], name=LINE)
    if _commas(columns):
        columns = _points(names, columns, list(lines), told)
        decisions.append("with decimal commas")
    notes = [f"read {', '.join(decisions)}"] if decisions else []
    if repeated:
        notes.append(f"{repeated} repeated line{'s' if repeated > 1 else ''} of names left out")
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)), index=lines, dtype=str)
    return TextTable(frame, path, f"{told}: {'; '.join(notes)}" if notes else "")


def tables_in(folder: Path) -> list[Path]:
    """Return the tables in a folder, in order: CSV files, else TSV files; no hidden files."""
    names = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~$")))
    for ending in (".csv", ".tsv"):
        found = [path for path in names if path.suffix.lower() == ending and path.is_file()]
        if found:
            return found
    return []


def cut(text: str, most: int = 60) -> str:
    """Return a cell for a message, shortened if it is long."""
    told = shown(text)
    return told if len(told) <= most else f"{told[: most - 3]}..."


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return column names for a message: the first few, each cut to 40 characters."""
    return ", ".join(cut(name, 40) for name in names[:most]) + (
        f", ... ({len(names)} columns)" if len(names) > most else ""
    )


def _content(path: Path) -> bytes:
    told = shown(path)
    kind = what_is(path)
    if kind == "nothing":
        raise DataError(f"{told}: no such file")
    if kind != "file":
        raise DataError(f"{told}: not a table, but {kind.replace('folder', 'a folder')}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{told}: cannot be read: {error.strerror}") from error
    for start, other in _OTHERS.items():
        if content.startswith(start):
            remedy = "give its folder" if other == "an image" else "save the table as CSV (UTF-8)"
            raise DataError(f"{told}: is {other}, not a CSV file; {remedy}")
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe\x1a"):
        raise DataError(f"{told}: is empty; a table has a line of names, such as image,score")
    if re.match(rb"\s*(<!doctype|<html|<table|<\?xml)", content, re.IGNORECASE):
        raise DataError(f"{told}: is HTML or XML, not a CSV file; save the table as CSV (UTF-8)")
    return content


def _text(
    content: bytes, encoding: str | None, told: str, option: str | None
) -> tuple[str, str | None]:
    """Return the text, and the name of its encoding if it should be reported."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    name = encoding or marked or _wide(content) or "utf-8"
    try:
        text = content.decode(name).removeprefix("\ufeff")
    except (LookupError, ValueError) as error:  # Python's codecs may raise either
        if isinstance(error, UnicodeDecodeError) and encoding is None:
            raise DataError(_undecoded(content, error, told, option)) from error
        reason = " ".join(str(error).split())
        raise DataError(f"{told}: cannot be read as {name}: {reason}") from error
    if encoding is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{told}: is no text in {encoding}; give another encoding") from error
    if "\0" in text:
        at = text.index("\0")
        line = text.count("\n", 0, at) + 1
        raise DataError(f"{told}: line {line}: a NUL byte: the file is damaged, or no text")
    plain = name in ("utf-8", "utf-8-sig") or encoding is not None
    return text.rstrip("\x1a"), None if plain else name.upper().removesuffix("-SIG")


def _wide(content: bytes) -> str | None:
    """Detect UTF-16 without a byte-order mark: in plain text every other byte is 0."""
    start = content[:4000]
    start = start[: len(start) // 2 * 2]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if len(content) % 2 or max(even, odd) < 0.4 * len(start) / 2:
        return None
    if even == 0:
        return "utf-16-le"
    return "utf-16-be" if odd == 0 else None


def _undecoded(content: bytes, error: UnicodeDecodeError, told: str, option: str | None) -> str:
    at = error.start
    line = content.count(b"\n", 0, at) + 1
    name = error.encoding.upper()
    what = f"{told}: line {line}: byte 0x{content[at]:02x} (number {at + 1}) is not {name}"
    save = "save the table as CSV (UTF-8)"
    if option is None or error.encoding not in ("utf-8", "utf8"):
        return f"{what}; {save}"
    around = content[content.rfind(b"\n", 0, at) + 1 :].partition(b"\n")[0]
    try:
        read = around[:60].decode("cp1252").strip()
    except UnicodeDecodeError:
        return f"{what}; {save}, or name its encoding: {option}.encoding NAME"
    return f"{what}; if this is right: {read!r}, give {option}.encoding cp1252; else {save}"


def _separator(given: str, told: str) -> str:
    found = _NAMES.get(given, given)
    if len(found) != 1 or found in '"\r\n' or found.isalnum():
        known = ", ".join([*_NAMES])
        raise DataError(f"{told}: separator {given!r}: one character, or a name ({known})")
    return found


def _without_comments(text: str) -> str:
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


def _records(text: str, given: str | None, told: str, option: str | None) -> tuple[str, Records]:
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
    while width > 1 and not names[width - 1].strip(_AROUND):
        if any(len(cells) >= width and cells[width - 1] for _, cells in records[1:]):
            break
        width -= 1
    return width


def _even(records: Records, separator: str, told: str) -> tuple[list[str], Records, int]:
    """Return the names, the rows with a cell for each, and how often the header is repeated."""
    width = _width(records)
    names, rows = records[0][1][:width], records[1:]
    if rows and all(len(cells) == width + 1 for _, cells in rows):
        numbered = _row_numbers([cells[0] for _, cells in rows])
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


def _named(names: list[str], columns: Columns, told: str) -> tuple[list[str], Columns]:
    """Return columns with clean names, without row numbers and empty unnamed columns."""
    kept: dict[str, tuple[int, tuple[str, ...]]] = {}
    for place, (name, column) in enumerate(zip(names, columns, strict=True), start=1):
        name = " ".join(name.strip(_AROUND).split())
        if not name or name.startswith("Unnamed: "):  # as pandas names them
            if not any(column) or (place == 1 and len(names) > 1 and _row_numbers(column)):
                continue
            name = name or f"column {place}"
        if name in kept:
            before, same = kept[name]
            if same != column and not _has_a_use(name):
                kept[f"{name} (column {place})"] = place, column
                continue
            if same != column:
                raise DataError(
                    f"{told}: columns {before} and {place} are both called {name!r}; rename one"
                )
            continue
        kept[name] = place, column
    if not kept:
        raise DataError(f"{told}: no names of columns in its first line")
    return list(kept), [column for _, column in kept.values()]


def _has_a_use(name: str) -> bool:
    """Return whether memlab reads a column by this name, so that two of them are ambiguous."""
    from memlab.data import columns

    plain = columns.normal(name)
    known = {*columns.IMAGES, *columns.SCORES, "id", "split", "category"}
    counts = {alias for names in columns.COUNTS.values() for alias in names}
    return plain in known | counts or plain.startswith("mask_")


def _row_numbers(cells: Sequence[str]) -> bool:
    """Return whether cells count the rows, from 0 or 1."""
    start = cells[0] if cells else ""
    if start not in ("0", "1"):
        return False
    return list(cells) == [str(number) for number in range(int(start), int(start) + len(cells))]


_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")


def _commas(columns: Columns) -> list[bool]:
    """Return which columns have only numbers with decimal commas; empty if none has."""
    found = []
    for column in columns:
        filled = [cell for cell in column if cell not in _MISSING]
        with_comma = [cell for cell in filled if "," in cell]
        found.append(
            bool(with_comma)
            and all(_COMMA.fullmatch(cell) for cell in with_comma)
            and not all(_THOUSANDS.fullmatch(cell) for cell in with_comma)
            and all("," in cell or _WHOLE.fullmatch(cell) for cell in filled)
        )
    return found if any(found) else []


def _points(names: list[str], columns: Columns, lines: list[int], told: str) -> Columns:
    """Return the columns with decimal commas replaced by points.

    Raises:
        DataError: if another column has numbers that may have thousands separators: 1.234 with 0,5.
    """
    converted: Columns = []
    for name, column, commas in zip(names, columns, _commas(columns), strict=True):
        if commas:
            converted.append(tuple(cell.replace(",", ".") for cell in column))
            continue
        filled = [cell for cell in column if cell not in _MISSING]
        pointed = [cell for cell in filled if _POINTS.fullmatch(cell)]
        if pointed and all(_POINTS.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in filled):
            line = lines[column.index(pointed[0])]
            raise DataError(
                f"{told}: line {line}: {name} {pointed[0]!r}, in a table with decimal commas: "
                "thousands? write them without points"
            )
        converted.append(column)
    return converted
