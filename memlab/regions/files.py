"""Masks as pictures: in the columns of a table, or in a folder for each region."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.data.decode import decode_mask
from memlab.errors import DataError
from memlab.files import fingerprint, state_of
from memlab.image_files import pictures_in
from memlab.regions.base import Mask, MaskSource, region_name
from memlab.regions.names import Names


class MaskFiles(MaskSource):
    """A file per picture and region.

    Args:
        origin: the table or the folder.
        files: region to the files, by picture id.
        looked_at: the pictures in which regions were looked for; only those with a file by default.
        unknown: how many files belong to no picture of the data set.
    """

    def __init__(
        self,
        origin: str,
        files: Mapping[str, Mapping[str, Path]],
        looked_at: Iterable[str] | None = None,
        unknown: int = 0,
    ) -> None:
        self.origin = origin
        self.files = files
        self.regions = tuple(files)
        self.unknown = unknown
        self._looked_at = None if looked_at is None else frozenset(looked_at)

    def looked_at(self, region: str) -> Collection[str]:
        """See `MaskSource.looked_at`."""
        return self.files[region].keys() if self._looked_at is None else self._looked_at

    def having(self, region: str) -> Collection[str]:
        """Pictures with a file, though it may be all black; see `MaskSource.having`."""
        return self.files[region].keys()

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
            "kind": "pictures",
            "origin": self.origin,
            "fingerprint": fingerprint(json.dumps(states)),
            "unknown_files": self.unknown,
        }


def masks_in_columns(
    rows: pd.DataFrame, columns: Mapping[str, str], root: Path, origin: str
) -> MaskFiles:
    """The masks that a table names; where it names none, the picture has no such region.

    Args:
        rows: rows of a table.
        columns: region to the column of its masks.
        root: folder that the paths are relative to.
        origin: what the table was read from.
    """
    ids = rows["id"].astype(str)
    there = {region: rows[column].notna() for region, column in columns.items()}
    files = {
        region: {
            name: root / str(path)
            for name, path in zip(ids[there[region]], rows[column][there[region]], strict=True)
        }
        for region, column in columns.items()
    }
    return MaskFiles(origin, files, ids)


def masks_in_folder(folder: Path, names: Names) -> MaskFiles:
    """The masks in a folder, `REGION/PICTURE.png`; a picture without a file was not looked at.

    Args:
        folder: with a folder for each region; inside, a mask has the name or path of its picture.
        names: the pictures of the data set.

    Raises:
        DataError: if there are none, or two are of the same picture.
    """
    files: dict[str, dict[str, Path]] = {}
    unknown = 0
    for inside in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(path.relative_to(inside).as_posix() for path in pictures_in(inside))
        found, others = names.match(paths, str(inside))
        unknown += others
        if found:
            region = region_name(inside.name, str(folder))
            if region in files:
                raise DataError(
                    f"{inside}: another folder beside it has masks of {region!r}, too; put them "
                    "into one"
                )
            files[region] = {name: inside / path for name, path in found.items()}
    if not files:
        unlike = f": its {unknown} masks have the names of none" if unknown else ""
        raise DataError(
            f"{folder}: no masks of pictures in the data set{unlike}; masks are "
            f"{folder}/REGION/PICTURE.png, such as faces/0001.png for 0001.jpg"
        )
    return MaskFiles(str(folder), files, unknown=unknown)
