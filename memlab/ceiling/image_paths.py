"""Paths of the images that people saw, from a table in another folder."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from memlab.errors import DataError


def paths_in(images: list[str], folder: Path, table: Path) -> tuple[list[str], list[str]]:
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
    paths, missing = [], []
    for name in images:
        tries = [folder / name.lstrip("/"), folder / PurePosixPath(name).name]
        known = [path for path in tries if path.is_file()]
        if not known:
            missing.append(name)
        path = (known or tries[:1])[0]
        paths.append(Path(os.path.relpath(path.resolve(), table.resolve())).as_posix())
    if len(missing) == len(images):
        raise DataError(f"{folder}: has none of the {len(images)} images, such as {images[0]}")
    return paths, missing
