"""The table that memlab attributes joins: options, and columns of images or of levels."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.data_options import note
from memlab.errors import MemlabError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from memlab.data.table import Table


def add_columns(parser: ArgumentParser) -> None:
    """Add the options of the table."""
    parser.add_argument(
        "--columns",
        metavar="FILE.csv",
        type=Path,
        help="more columns; id, image, path or filename names the image",
    )
    parser.add_argument(
        "--columns.image",
        dest="columns_image",
        metavar="NAME",
        help="its column of images, or of levels",
    )
    parser.add_argument(
        "--columns.by",
        dest="columns_by",
        metavar="NAME",
        help="its rows are not of images but of the levels of this column of the data set, such as "
        "category; folder: of the folders of the images",
    )


def joined_columns(
    rows: pd.DataFrame, table: Table | None, options: Namespace, notes: list[str]
) -> pd.DataFrame | None:
    """Return the columns of the table by image id; None if no table is given.

    Args:
        rows: the images: columns `id` and `image`.
        table: their data set; None if it no longer exists.
        options: options of the command.
        notes: notes for the reader, to which rows without an image are added.
    """
    from memlab.data import attributes

    file, named, by = options.columns, options.columns_image, options.columns_by
    if file is None:
        for name, value in (("image", named), ("by", by)):
            if value is not None:
                raise MemlabError(f"--columns.{name} is for the table of --columns; give it, too")
        return None
    if by is None:
        found, unknown, decided = attributes.joined_columns(file, rows, named)
    else:
        levels = _levels(rows, table, by)
        found, unknown, decided = attributes.level_columns(file, levels, by, named)
    note(decided)
    if unknown:
        examples = ", ".join(unknown[:3])
        notes.append(f"{file}: {len(unknown)} rows are of no tested image, such as {examples}")
    return found


def _levels(rows: pd.DataFrame, table: Table | None, by: str) -> pd.Series:
    """Return the level of each image: its folder, or its entry of a column of the data set."""
    from memlab.data import attributes

    if by == "folder":
        return attributes.folder_levels(rows)
    if table is None:
        raise MemlabError(f"--columns.by {by}: there is no data set; give --data.root DIR, too")
    own = attributes.columns_of(table)
    if by not in own or own[by].isna().all():
        names = [str(name) for name in own if own[name].notna().any()]
        raise MemlabError(
            f"--columns.by {by}: no such column{did_you_mean(by, names)} "
            f"(columns: {', '.join(names) or 'none'}; or folder)"
        )
    return own[by].reindex(rows["id"])
