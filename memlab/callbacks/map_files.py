"""Files of attribution maps: one part per process, joined into `maps/METHOD.npz`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from memlab.errors import MemlabError
from memlab.files import make_folder, replacing, write_text
from memlab.shards import SHARDS

Arrays = dict[str, Any]
"""Content of `maps/METHOD.npz`, one entry per image in each array."""


def clear(folder: Path) -> None:
    """Remove the parts of an interrupted run, which must not be joined with those of this run."""
    shutil.rmtree(_parts(folder), ignore_errors=True)


def write_part(folder: Path, method: str, rank: int, arrays: Arrays) -> None:
    """Write one process's maps by a method to the folder from which the first process joins them.

    Args:
        folder: the command's folder.
        method: name of the method.
        rank: number of the process.
        arrays: the maps.
    """
    write_arrays(make_folder(_parts(folder)) / f"{method}.{rank:05d}.npz", arrays)


def write_failure(folder: Path, method: str, rank: int, reason: str) -> None:
    """Record why a process has no maps by a method, or none of some images."""
    write_text(make_folder(_parts(folder)) / f"{method}.{rank:05d}.txt", reason)


def failure(folder: Path, method: str) -> str | None:
    """Return why maps by a method are missing, from the first process that recorded a reason."""
    paths = sorted(_parts(folder).glob(f"{method}.*.txt"))
    return paths[0].read_text(encoding="utf-8") if paths else None


def joined(folder: Path, method: str) -> Arrays | None:
    """Return the maps of all processes in the order of `index`; None if there are none.

    Raises:
        MemlabError: if a part is damaged.
    """
    parts = [_read(path) for path in sorted(_parts(folder).glob(f"{method}.*.npz"))]
    if not parts:
        return None
    merged = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.argsort(merged["index"], kind="stable")
    return {key: values[order] for key, values in merged.items()}


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as a compressed `.npz`, atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # zipfile and NumPy raise many kinds on a damaged file
        raise MemlabError(f"{path} is damaged: give the same command again") from error


def _parts(folder: Path) -> Path:
    return folder / SHARDS / "maps"
