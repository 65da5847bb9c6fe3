"""A random part of a data set, copied with its table."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from memlab.data.table import MASK, Table
from memlab.errors import DataError
from memlab.files import make_folder, replacing, require_empty

FILE = "subset.csv"


def write_subset(
    table: Table, n: int, seed: int, out: Path, progress: Callable[[int], None] | None = None
) -> Path:
    """Copy `n` random pictures, and the masks they have, and write their table.

    Which ones depends on the ids and the seed, not on the order of the table.

    Args:
        table: the whole.
        n: how many.
        seed: of the draw.
        out: a folder that does not exist yet, or is empty.
        progress: called with the number of pictures done since the last call.

    Returns:
        The path of the CSV file, written last.

    Raises:
        DataError: if there are fewer than `n` pictures, or one is missing.
        MemlabError: if the folder holds something already.
    """
    if n < 1 or n > len(table.rows):
        raise DataError(f"{table.origin}: {len(table.rows)} pictures there, {n} asked for")
    require_empty(out)
    ordered = table.rows.sort_values("id", ignore_index=True)
    chosen = np.sort(np.random.default_rng(seed).choice(len(ordered), size=n, replace=False))
    rows = ordered.iloc[chosen].reset_index(drop=True)
    paths = ["image", *(name for name in rows.columns if name.startswith(MASK))]
    for place in range(n):
        for column in paths:
            name = rows[column].iloc[place]
            if not isinstance(name, str):
                continue
            source, inside = table.root / str(name), _inside(str(name), column, place)
            target = out / inside
            rows.at[place, column] = inside
            make_folder(target.parent)
            try:
                shutil.copy2(source, target)
            except OSError as error:
                raise DataError(f"{source}: cannot be copied: {error.strerror}") from error
        if progress:
            progress(1)
    kept = rows.dropna(axis=1, how="all")
    with replacing(out / FILE) as temporary:
        kept.to_csv(temporary, index=False)
    return out / FILE


def _inside(name: str, column: str, place: int) -> str:
    """The path of a copy: as it was, unless that leads out of the folder."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        return f"{column}/{place:06d}-{path.name}"
    return name
