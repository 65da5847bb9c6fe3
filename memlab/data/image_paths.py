"""Search for the image files of names in a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from memlab.errors import DataError
from memlab.image_files import images_in, what_is
from memlab.masks.names import Names


def image_paths(
    names: Sequence[tuple[str, ...]], roots: Iterable[Path], folder: Path | None = None
) -> list[Path | None]:
    """Return the file of each image, or None.

    Args:
        names: names of each image, the best first: path, id.
        roots: folders that the names may be relative to, the likeliest first.
        folder: folder of the images, also of folders inside it: the end of a name is enough there.

    Raises:
        DataError: if `folder` is no folder, or has none of the images.
    """
    inside: dict[int, Path] = {}
    if folder is not None:
        if what_is(folder) != "folder":
            raise DataError(f"{folder}: no such folder; --images is the folder of the images")
        inside = _inside(names, folder)
        if not inside:
            raise DataError(
                f"{folder}: none of the {len(names)} images is in it, such as {names[0][0]}"
            )
    roots = list(dict.fromkeys(roots))
    return [inside.get(place) or _first(each, roots) for place, each in enumerate(names)]


def paths_in(images: Sequence[str], folder: Path, table: Path) -> tuple[list[str], list[str]]:
    """Find images by their names in a folder.

    Args:
        images: names as people's answers have them: paths of a web page, or bare names.
        folder: folder of the image files.
        table: folder of the table that the paths are relative to.

    Returns:
        Path of each image relative to `table`, whether or not the file exists, and the names of
        those that have no file.

    Raises:
        DataError: if no image has a file.
    """
    names = [(name.lstrip("/"), PurePosixPath(name).name) for name in images]
    found = image_paths(names, [folder])
    missing = [name for name, path in zip(images, found, strict=True) if path is None]
    if len(missing) == len(images):
        raise DataError(f"{folder}: has none of the {len(images)} images, such as {images[0]}")
    paths = [
        Path(os.path.relpath((path or folder / each[0]).resolve(), table.resolve())).as_posix()
        for path, each in zip(found, names, strict=True)
    ]
    return paths, missing


def _first(names: tuple[str, ...], roots: list[Path]) -> Path | None:
    """Return the first existing file; an absolute name counts wherever the root is."""
    paths = (root / name for name in names for root in roots)
    return next((path for path in paths if what_is(path) == "file"), None)


def _inside(names: Sequence[tuple[str, ...]], folder: Path) -> dict[int, Path]:
    files = sorted(images_in(folder))
    relative = [path.relative_to(folder).as_posix() for path in files]
    index = Names(pd.DataFrame({"id": relative, "image": relative}))
    found: dict[int, Path] = {}
    for place, each in enumerate(names):
        for name in each:
            matched, _ = index.match([name], str(folder))
            if matched:
                found[place] = folder / next(iter(matched))
                break
    return found
