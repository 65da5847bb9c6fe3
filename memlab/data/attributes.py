"""Columns that describe the images of a data set, from its table or from a separate CSV file."""

from __future__ import annotations

from pathlib import Path, PurePath

import pandas as pd

from memlab.data.columns import IMAGES, normal, usual
from memlab.data.columns import named as column_named
from memlab.data.table import MASK, Table
from memlab.data.table_rows import listed
from memlab.data.tables import read_text_table
from memlab.errors import DataError
from memlab.masks.base import MaskSource
from memlab.masks.names import Names
from memlab.progress import Advance

_KEPT = {
    "id",
    "image",
    "score",
    "split",
    "hits",
    "misses",
    "false_alarms",
    "correct_rejections",
    "n",
}
"""Columns that identify the image or from which its score is computed."""
_TAKEN = {
    name: f"given_{name}" for name in ("index", "predicted", "residual", "calibrated_residual")
}
"""Column names that memlab uses itself, and the names that such columns of the user get."""


LEVELS = ("uniqueid", "concept", "category", "level", "folder", "word", "name", "id")
"""Usual names of a column of levels; the first that a table has is used."""


def _own_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the descriptive columns of a data set's table, such as `category`, indexed by `id`."""
    names = [name for name in rows if name not in _KEPT and not str(name).startswith(MASK)]
    return rows.set_index("id")[names].rename(columns=_TAKEN)


def joined_columns(
    path: Path, rows: pd.DataFrame, image: str | None = None
) -> tuple[pd.DataFrame, list[str], str]:
    """Return the columns of a CSV file for the images of a data set, indexed by `id`.

    Args:
        path: CSV file with a column `id` or a column of image paths (`image`, `filename`, ...), and
            any other columns.
        rows: the images: columns `id` and `image`.
        image: the column that names the image; recognised by default.

    Returns:
        The columns, with one row per image that the file lists; the names in the file that match
        no image; and a note on how the file was read.

    Raises:
        DataError: if the file cannot be read, has no column that names the image or no other
            column, names an image twice, or names none of the images.
    """
    text = read_text_table(path)
    names = list(text.frame.columns)
    columns = listed(names)
    found_key = usual(names, ("id", *IMAGES), str(path), "--columns.image")
    key = None if found_key is None else found_key.name
    if image is not None:
        key = column_named(names, image, str(path))
    if key is None:
        raise DataError(
            f"{path}: which column names the image? give --columns.image NAME (columns: {columns})"
        )
    frame = text.values(keep=[key])
    named = frame[frame[key].notna()]
    twice = named.loc[named[key].duplicated(), key]
    if len(twice):
        raise DataError(f"{path}: {twice.iloc[0]} is there twice ({key}); one row per image")
    others = [name for name in frame if name != key and name not in _KEPT]
    if not others:
        raise DataError(f"{path}: nothing beside the image in it (columns: {columns})")
    matched, _ = Names(rows).match(named[key], str(path))
    if not matched:
        raise DataError(
            f"{path}: none of its {len(named)} images was tested: there {named[key].iloc[0]!r}, "
            f"tested {rows['id'].iloc[0]!r}; give them the ids or paths of the test"
            if len(named)
            else f"{path}: no images in it"
        )
    by_name = named.set_index(key)[others].loc[list(matched.values())]
    found = by_name.set_axis(pd.Index(list(matched), name="id"))
    found = found.apply(_typed).rename(columns=_TAKEN)
    used = set(matched.values())
    return found, [str(name) for name in named[key] if name not in used], text.note


def level_columns(
    path: Path, levels: pd.Series, by: str, key: str | None = None
) -> tuple[pd.DataFrame, list[str], str]:
    """Return the columns of a CSV file with one row per level, for the images of each level.

    Args:
        path: CSV file with a column of levels, and any other columns.
        levels: level of each image, such as its category or its folder, by id.
        by: name of the levels, for messages.
        key: the file's column of levels; recognised by default.

    Returns:
        The columns, with one row per image whose level the file lists, by id; the levels in the
        file that no image has; and notes on how the file was read and what the intervals hold.

    Raises:
        DataError: if the file cannot be read, has no column of levels or no other column, lists a
            level twice, or lists no level of the images.
    """
    text = read_text_table(path)
    names = list(text.frame.columns)
    found_key = usual(names, (normal(by), *LEVELS), str(path), "--columns.image")
    if key is not None:
        key = column_named(names, key, str(path))
    elif found_key is not None:
        key = found_key.name
    else:
        raise DataError(
            f"{path}: which column holds the {by}? give --columns.image NAME "
            f"(columns: {listed(names)})"
        )
    frame = text.values(keep=[key])
    frame = frame[frame[key].notna()]
    plain = frame[key].map(normal)
    if plain.duplicated().any():
        twice = frame.loc[plain.duplicated(), key].iloc[0]
        raise DataError(f"{path}: {twice} is there twice ({key}); one row per {by}")
    others = [name for name in frame if name != key]
    if not others:
        raise DataError(f"{path}: nothing beside the {by} in it (columns: {listed(names)})")
    of_images = levels.dropna().astype(str)
    wanted = of_images.map(normal)
    known = wanted[wanted.isin(set(plain))]
    if known.empty:
        example = of_images.iloc[0] if len(of_images) else ""
        raise DataError(
            f"{path}: no {by} of the images is in it: there {frame[key].iloc[0]!r}, of the images "
            f"{example!r}"
            if len(frame)
            else f"{path}: no rows in it"
        )
    by_level = frame.set_axis(pd.Index(plain))[others].apply(_typed).rename(columns=_TAKEN)
    found = by_level.loc[known].set_axis(pd.Index(known.index.astype(str), name="id"))
    unknown = frame.loc[~plain.isin(set(known)), key].map(str).tolist()
    count = known.nunique()
    note = (
        f"{path}: one value per {by}, {count} for {len(known)} images: images of one {by} are not "
        "independent, so intervals and p of these columns are too optimistic"
    )
    return found, unknown, "; ".join(filter(None, (text.note, note)))


def folder_levels(rows: pd.DataFrame) -> pd.Series:
    """Return the name of the folder that holds each image, by id."""
    folders = [PurePath(str(image)).parent.name or None for image in rows["image"]]
    return pd.Series(folders, index=rows["id"].astype(str), dtype=object)


def mask_columns(masks: dict[str, MaskSource], ids: list[str], advance: Advance) -> pd.DataFrame:
    """Return whether each image has each region, and its area: `has_faces`, `area_faces` (0 to 1).

    `has_*` is missing where the image is not annotated for the region. `area_*` is missing where
    the region is absent, so that presence and area stay separate variables.

    Args:
        masks: mask source of each region.
        ids: ids of the images.
        advance: called with 1 after each image and region.
    """
    found: dict[str, list[object]] = {}
    for region, source in masks.items():
        annotated, having = set(source.annotated(region)), set(source.having(region))
        has = found.setdefault(f"has_{region}", [])
        area = found.setdefault(f"area_{region}", [])
        for name in ids:
            mask = source.read(name, [region]).get(region) if name in having else None
            # a mask file may be all black
            share = 0.0 if mask is None else float(mask.inside.float().mean())
            has.append(float(share > 0) if name in annotated else None)
            area.append(share or None)
            advance(1)
    return pd.DataFrame(found, index=pd.Index(ids, name="id"), dtype=float)


def columns_of(table: Table) -> pd.DataFrame:
    """Return the own columns of a data set; `category` is added, empty, where the set has none."""
    own = _own_columns(table.rows)
    return own if "category" in own else own.assign(category=None)


def _typed(column: pd.Series) -> pd.Series:
    """Convert a column to numbers, or true and false to 1 and 0, if all entries allow it."""
    words = column.str.strip().str.lower()
    if words.notna().any() and words.dropna().isin(["true", "false", "yes", "no"]).all():
        return words.map({"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0})
    numbers = pd.to_numeric(column, errors="coerce")
    return column if numbers.isna().sum() > column.isna().sum() else numbers
