"""Opening of masks of any supported kind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from memlab.errors import DataError
from memlab.masks.base import EmptyMasks, MaskSource
from memlab.masks.coco import CocoMasks
from memlab.masks.files import masks_in_folder
from memlab.masks.names import Names
from memlab.masks.store_files import FILE
from memlab.masks.stored import StoredMasks


def open_masks(
    path: Path, rows: pd.DataFrame, root: Path = Path(), empty: EmptyMasks | None = None
) -> MaskSource:
    """Open the masks at a path: a mask store, a COCO file, or a folder of images.

    Args:
        path: path of the masks.
        rows: the images of the data set: columns `id` and `image`.
        root: folder that the images' paths are relative to.
        empty: meaning of an image without a mask; `unknown` by default. A mask store records which
            images are annotated.

    Raises:
        DataError: if the path is of none of these kinds, or has no masks of these images.
    """
    names = Names(rows)
    if path.is_file() and path.name == FILE:
        path = path.parent
    if (path / FILE).is_file():
        return StoredMasks(path, names)
    if path.is_dir():
        return masks_in_folder(path, names, rows["id"].astype(str), empty or "unknown")
    if path.is_file() and path.suffix.lower() == ".json":
        pairs = zip(rows["id"].astype(str), rows["image"].astype(str), strict=True)
        return CocoMasks(
            path, names, {name: root / image for name, image in pairs}, empty or "unknown"
        )
    what = "neither a folder nor a .json file" if path.exists() else "no such file or folder"
    raise DataError(
        f"{path}: {what}; masks are a store, a COCO file, or a folder with REGION/IMAGE.png"
    )
