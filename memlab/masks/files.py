"""Masks as image files, named in the columns of a table or stored in a folder for each region."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.errors import DataError
from memlab.files import fingerprint, state_of
from memlab.image_files import images_in
from memlab.imaging.decode import decode_mask, mask_is_empty
from memlab.masks.base import EmptyMasks, Mask, MaskSource, region_name
from memlab.masks.names import Names
from memlab.progress import progress


class MaskFiles(MaskSource):
    """Masks with one file per image and region.

    Args:
        origin: the table or the folder.
        files: region to the files, by image id.
        ids: the images of the data set.
        empty: meaning of an image without a file: `none` (lacks the region) or `unknown` (not
            annotated).
        unknown: number of files that belong to no image of the data set.
    """

    def __init__(
        self,
        origin: str,
        files: Mapping[str, Mapping[str, Path]],
        ids: Iterable[str],
        empty: EmptyMasks,
        unknown: int = 0,
    ) -> None:
        self.origin = origin
        self.files = files
        self.regions = tuple(files)
        self.unknown = unknown
        self.empty = empty
        self.ids = frozenset(ids)
        self._having: dict[str, frozenset[str]] = {}

    def annotated(self, region: str) -> Collection[str]:
        """See `MaskSource.annotated`."""
        return self.ids if self.empty == "none" else self.files[region].keys()

    def having(self, region: str) -> Collection[str]:
        """See `MaskSource.having`; each file is read once, because it may be all black."""
        if region not in self._having:
            files = self.files[region]
            with (
                progress(f"Masks of {region}", len(files)) as advance,
                ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool,
            ):
                present = []
                for name, empty in zip(files, pool.map(mask_is_empty, files.values()), strict=True):
                    present += [] if empty else [name]
                    advance(1)
            self._having[region] = frozenset(present)
        return self._having[region]

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """See `MaskSource.read`."""
        paths = {region: self.files[region].get(name) for region in regions}
        return {
            region: Mask(decode_mask(path), str(path))
            for region, path in paths.items()
            if path is not None
        }

    def paths(self, region: str) -> Collection[Path]:
        """See `MaskSource.paths`."""
        return self.files[region].values()

    def describe(self, region: str) -> dict[str, Any]:
        """See `MaskSource.describe`."""
        states = sorted((name, state_of(path)) for name, path in self.files[region].items())
        return {
            "kind": "images",
            "origin": self.origin,
            "fingerprint": fingerprint(json.dumps(states)),
            "unknown_files": self.unknown,
            "empty": self.empty,
        }


def masks_in_columns(
    rows: pd.DataFrame,
    columns: Mapping[str, str],
    root: Path,
    origin: str,
    empty: EmptyMasks = "none",
) -> MaskFiles:
    """Return the masks that a table names; an empty cell means what `empty` says.

    Args:
        rows: rows of a table.
        columns: region to the column of its masks.
        root: folder that the paths are relative to.
        origin: file or folder that the table was read from.
        empty: meaning of an empty cell: `none` (lacks the region) or `unknown` (not annotated).
    """
    ids = rows["id"].astype(str)
    has_mask = {
        region: rows[column].notna()
        & (rows[column].astype("string").str.strip() != "").fillna(False)
        for region, column in columns.items()
    }
    files = {
        region: {
            name: root / str(path)
            for name, path in zip(
                ids[has_mask[region]], rows[column][has_mask[region]], strict=True
            )
        }
        for region, column in columns.items()
    }
    return MaskFiles(origin, files, ids, empty)


def masks_in_folder(
    folder: Path, names: Names, ids: Iterable[str], empty: EmptyMasks = "unknown"
) -> MaskFiles:
    """Return the masks in a folder, `REGION/IMAGE.png`.

    Args:
        folder: folder with a subfolder for each region; a mask has the name or path of its image.
        names: the images of the data set.
        ids: ids of the images.
        empty: meaning of an image without a file: `none` (lacks the region) or `unknown` (not
            annotated).

    Raises:
        DataError: if there are no masks, or two are of the same image.
    """
    files: dict[str, dict[str, Path]] = {}
    unknown = 0
    for inside in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(path.relative_to(inside).as_posix() for path in images_in(inside))
        matched, others = names.match(paths, str(inside))
        unknown += others
        if matched:
            region = region_name(inside.name, str(folder))
            if region in files:
                raise DataError(
                    f"{inside}: another folder beside it has masks of {region!r}, too; put them "
                    "into one"
                )
            files[region] = {name: inside / path for name, path in matched.items()}
    if not files:
        unlike = f": its {unknown} masks have the names of none" if unknown else ""
        raise DataError(
            f"{folder}: no masks of images in the data set{unlike}; masks are "
            f"{folder}/REGION/IMAGE.png, such as faces/0001.png for 0001.jpg"
        )
    return MaskFiles(str(folder), files, ids, empty, unknown)
