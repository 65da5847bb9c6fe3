"""Copy of a random part of a data set, with its table."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from memlab.data.table import MASK, Table
from memlab.errors import DataError
from memlab.files import make_folder, replacing, require_empty
from memlab.image_files import leaves, shown, what_is
from memlab.imaging.decode import is_image

FILE = "subset.csv"


@dataclass
class Subset:
    """Record of a copy.

    Args:
        path: path of the CSV file.
        copied: number of images that were copied.
        left_out: why an image was not copied, by id.
        linked: ids of images whose file is a link to a file outside the data set's folder.
    """

    path: Path
    copied: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    linked: list[str] = field(default_factory=list)

    def say(self) -> Subset:
        """Print on stderr what was not copied, the first three by name; return the subset."""
        for reason in list(self.left_out.values())[:3]:
            print(f"memlab: not copied: {reason}", file=sys.stderr)  # noqa: T201
        if len(self.left_out) > 3:
            print(f"memlab: and {len(self.left_out) - 3} more", file=sys.stderr)  # noqa: T201
        if self.linked:
            told = f"{len(self.linked)} of the copied files are links out of the folder"
            print(f"memlab: {told}, such as {self.linked[0]}", file=sys.stderr)  # noqa: T201
        return self


def write_subset(
    table: Table,
    n: int,
    seed: int,
    out: Path,
    progress: Callable[[int], None] | None = None,
    outside: bool = False,
) -> Subset:
    """Copy `n` random images with their masks, and write their table.

    The choice depends on the ids and the seed, not on the order of the table. A copy is likely to
    be shared, and a table may name any file of this machine. Therefore only image files are copied,
    and a file outside the data set's folder is copied only if `outside` is set.

    Args:
        table: the whole data set.
        n: number of images.
        seed: seed of the draw.
        out: a folder that does not exist yet, or is empty.
        progress: called with the number of images done since the last call.
        outside: also copy images whose paths lead out of the folder.

    Returns:
        The record of the copy; the CSV file is written last.

    Raises:
        DataError: if there are fewer than `n` images, one is missing, or none can be copied.
        MemlabError: if the folder is not empty.
    """
    if n < 1 or n > len(table.rows):
        raise DataError(f"{table.origin}: {len(table.rows)} images there, {n} asked for")
    require_empty(out)
    ordered = table.rows.sort_values("id", ignore_index=True)
    chosen = np.sort(np.random.default_rng(seed).choice(len(ordered), size=n, replace=False))
    rows = ordered.iloc[chosen].reset_index(drop=True)
    paths = ["image", *(name for name in rows.columns if name.startswith(MASK))]
    found = Subset(out / FILE)
    files = [
        {name: row[name] for name in paths if isinstance(row[name], str)}
        for row in rows[paths].to_dict("records")
    ]
    reasons = [_refused(table, named, outside) for named in files]  # before anything is copied
    found.left_out = {str(name): why for name, why in zip(rows["id"], reasons, strict=True) if why}
    if all(reasons):
        raise DataError(f"{table.origin}: none of {n} images can be copied: {reasons[0]}")
    targets = _Targets()
    for place, named in enumerate(files):
        for column, name in named.items() if not reasons[place] else ():
            other = f"{column}/{place:06d}"
            rows.at[place, column] = targets.of(table.root / name, name, table.root, other)
            _copy(table.root / name, out / str(rows.at[place, column]))
        if not reasons[place] and _elsewhere(table.root, named["image"]):
            found.linked.append(str(rows["id"].iloc[place]))
        if progress:
            progress(1)
    found.copied = reasons.count("")
    _write(rows[[not why for why in reasons]], found.path)
    return found


class _Targets:
    """Paths of copies: unchanged, unless a path leads out of the folder or is already taken."""

    def __init__(self) -> None:
        self._taken: dict[str, Path] = {FILE: Path(FILE)}

    def of(self, source: Path, name: str, root: Path, other: str) -> str:
        """Return the path for a file, relative to the copy; a file always gets the same path."""
        target = os.path.normpath(name)
        if Path(target).is_absolute() or leaves(root, name):
            target = f"{other}-{source.name}"
        # file systems may ignore case
        if self._taken.setdefault(target.casefold(), source) != source:
            target = f"{other}-{source.name}"
            self._taken[target.casefold()] = source
        return Path(target).as_posix()


def _refused(table: Table, files: dict[str, str], outside: bool) -> str:
    """Return why a row is not copied, or "" if it can be."""
    for column, name in files.items():
        path = table.root / name
        what = "" if column == "image" else f" ({column})"
        if leaves(table.root, name) and not outside:
            return (
                f"{shown(name)}{what}: leads out of {table.root}; if it belongs to the data set, "
                "give --outside"
            )
        if what_is(path) == "nothing":
            raise DataError(f"{shown(path)}: cannot be copied: no such file")
        if not is_image(path):
            return f"{shown(name)}{what}: not an image"
    return ""


def _elsewhere(root: Path, name: str) -> bool:
    """Return whether links lead from inside the folder to a file outside."""
    inside = (root / name).resolve().is_relative_to(root.resolve())
    return not inside and not leaves(root, name)


def _copy(source: Path, target: Path) -> None:
    make_folder(target.parent)
    try:
        shutil.copy2(source, target)
    except OSError as error:
        raise DataError(f"{shown(source)}: cannot be copied: {error.strerror}") from error


def _write(rows: pd.DataFrame, path: Path) -> None:
    with replacing(path) as temporary:
        rows.dropna(axis=1, how="all").to_csv(temporary, index=False)
