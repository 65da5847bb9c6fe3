"""Reading of users' tables as text, with detection of encoding, separator and decimal commas.

In half of Europe, Excel writes semicolons, decimal commas and UTF-16. A table is read if its format
is unambiguous, and a one-line note reports the format. Otherwise an error says what was found and
how to fix it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memlab.data.table_columns import (
    MISSING,
    decimal_commas,
    named_columns,
    with_points,
)
from memlab.data.table_rows import (
    SEPARATORS,
    even_rows,
    records_of,
    separator_named,
    without_comments,
)
from memlab.data.table_text import content_of_table, text_of_table
from memlab.image_files import shown

LINE = "line"
"""Name of the index of a table: the line of the file on which a row begins."""
ENDINGS = (".csv", ".tsv", ".tab", ".txt")


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
            name: column.mask(column.isin([""] if name in kept else MISSING))
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
    text, decoded = text_of_table(content_of_table(path), encoding, told, option)
    given = None if separator is None else separator_named(separator, told)
    first, _, rest = text.partition("\n")
    declared = re.fullmatch(r'"?sep=(.)"?\s*', first)
    if declared:  # a line that Excel writes
        text, given = "\n" + rest, given or declared.group(1)
    text = without_comments(text)
    found, records = records_of(text, given, told, option)
    decisions = [f"as {decoded}"] if decoded else []
    if found != ",":
        decisions.append(f"separated by {SEPARATORS.get(found, repr(found))}")
    names, rows, repeated = even_rows(records, found, told)
    columns = list(zip(*(cells for _, cells in rows), strict=True)) or [()] * len(names)
    names, columns = named_columns(names, columns, told)
    lines = pd.Index([line for line, _ in rows], name=LINE)
    if decimal_commas(columns):
        columns = with_points(names, columns, list(lines), told)
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
