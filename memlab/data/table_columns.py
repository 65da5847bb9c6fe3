"""Columns of a table file: clean names, and decimal commas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memlab.errors import DataError

MISSING = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
]  # fmt: skip


AROUND = " \t\r\n\v\f\xa0\ufeff\u200b\"'"
"""Characters that are stripped from the names of columns."""


Columns = list[tuple[str, ...]]


def named_columns(names: list[str], columns: Columns, told: str) -> tuple[list[str], Columns]:
    """Return columns with clean names, without row numbers and empty unnamed columns."""
    kept: dict[str, tuple[int, tuple[str, ...]]] = {}
    for place, (name, column) in enumerate(zip(names, columns, strict=True), start=1):
        name = " ".join(name.strip(AROUND).split())
        if not name or name.startswith("Unnamed: "):  # as pandas names them
            if not any(column) or (place == 1 and len(names) > 1 and row_numbers(column)):
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


def row_numbers(cells: Sequence[str]) -> bool:
    """Return whether cells count the rows, from 0 or 1."""
    start = cells[0] if cells else ""
    if start not in ("0", "1"):
        return False
    return list(cells) == [str(number) for number in range(int(start), int(start) + len(cells))]


_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


_WHOLE = re.compile(r"[+-]?\d+")


_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")


_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")


def decimal_commas(columns: Columns) -> list[bool]:
    """Return which columns have only numbers with decimal commas; empty if none has."""
    found = []
    for column in columns:
        filled = [cell for cell in column if cell not in MISSING]
        with_comma = [cell for cell in filled if "," in cell]
        found.append(
            bool(with_comma)
            and all(_COMMA.fullmatch(cell) for cell in with_comma)
            and not all(_THOUSANDS.fullmatch(cell) for cell in with_comma)
            and all("," in cell or _WHOLE.fullmatch(cell) for cell in filled)
        )
    return found if any(found) else []


def with_points(names: list[str], columns: Columns, lines: list[int], told: str) -> Columns:
    """Return the columns with decimal commas replaced by points.

    Raises:
        DataError: if another column has numbers that may have thousands separators: 1.234 with 0,5.
    """
    converted: Columns = []
    for name, column, commas in zip(names, columns, decimal_commas(columns), strict=True):
        if commas:
            converted.append(tuple(cell.replace(",", ".") for cell in column))
            continue
        filled = [cell for cell in column if cell not in MISSING]
        pointed = [cell for cell in filled if _POINTS.fullmatch(cell)]
        if pointed and all(_POINTS.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in filled):
            line = lines[column.index(pointed[0])]
            raise DataError(
                f"{told}: line {line}: {name} {pointed[0]!r}, in a table with decimal commas: "
                "thousands? write them without points"
            )
        converted.append(column)
    return converted
