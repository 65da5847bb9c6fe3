"""Loose images to be changed, each at its own size, with the available masks."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from memlab.data.geometry import squashed, squashed_mask
from memlab.data.mask_summary import announce, require_use
from memlab.data.sources.base import recognise
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.image_files import find_images
from memlab.imaging.decode import decode
from memlab.masks.base import EmptyMasks, MaskSource, require_fit
from memlab.paths import distinct_names, short_name


@dataclass(frozen=True)
class Original:
    """Image as given by the user.

    Args:
        name: unique name, valid as a file name.
        path: path of the file.
        id: id of the image in the mask sources.
        key: key of the image's random draws, independent of the other images: the id in its data
            set, or the file's name.
        masks: region to the source of its masks.
        score: score in its table, from 0 to 1; NaN if there is none.
    """

    name: str
    path: Path
    id: str
    key: str
    masks: Mapping[str, MaskSource] = field(default_factory=dict)
    score: float = math.nan

    def has(self, region: str) -> bool:
        """Return whether the region is present in the image: its mask is not empty."""
        return region in self.masks and self.id in self.masks[region].having(region)

    def annotated_for(self, region: str) -> bool:
        """Return whether the image is annotated for the region."""
        return region in self.masks and self.id in self.masks[region].annotated(region)

    def read(self, size: int | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the image, (3, H, W) uint8, and its masks, (1, H, W) uint8 of 0 and 1.

        Args:
            size: side in pixels to resize both to; by default the image's own size.

        Raises:
            DataError: if a file cannot be read, or a mask does not fit this image.
        """
        pixels = decode(self.path)
        height, width = pixels.shape[1:]
        wanted = (height, width) if size is None else (size, size)
        masks = {}
        for region, source in self.masks.items():
            masks[region] = torch.zeros(1, *wanted, dtype=torch.uint8)
            for mask in source.read(self.id, [region]).values():
                require_fit(mask, str(self.path), (width, height), pixels)
                masks[region] = squashed_mask(mask.inside, wanted)
        return squashed(pixels, wanted), masks


def find_originals(
    given: Sequence[Path],
    masks: Path | None = None,
    empty: EmptyMasks | None = None,
    tables: Mapping[Path, Table] | None = None,
) -> list[Original]:
    """Return the images in files and folders, in order, without duplicates.

    If a folder is a data set with masks, the images of its table and their masks are returned.

    Args:
        given: files and folders.
        masks: masks of the images, of any kind that `memlab.masks.open.open_masks` reads; they
            replace a data set's own masks of the same region.
        empty: what a missing mask means; see `Table.with_masks`.
        tables: tables already read for some of the files and folders; the caller has reported which
            rows were left out.

    Raises:
        DataError: if a path does not exist, there is no image, or names are ambiguous.
    """
    found: dict[Path, tuple[str, str, Mapping[str, MaskSource], float]] = {}
    for path in given:
        table = (tables or {}).get(path)
        if table is not None and table.regions:
            table = replace(table, empty_masks=empty or table.empty_masks)
            announce(table)
        elif table is None and path.is_dir():
            table = _with_masks(path, empty)
        if table is None:
            images = find_images([path], quiet=tables is not None)
            loose = (file for file in images if file not in found)
            found |= {file: (str(file), file.name, {}, math.nan) for file in loose}
            continue
        for row in table.rows[["id", "image", "score"]].itertuples():
            name = str(row.id)
            found[table.root / str(row.image)] = (name, name, table.masks, float(str(row.score)))
    names = _names(list(found))
    there: Mapping[str, MaskSource] = {}
    if masks is not None:
        ids = [name for name, *_ in found.values()]
        rows = pd.DataFrame({"id": ids, "image": map(str, found), "split": None})
        table = Table(rows, Path(), "the images").with_masks(masks, empty)
        if not any(own for _, _, own, _ in found.values()):
            require_use(table, empty)
        announce(table)
        there = table.masks
        replaced = (region for _, _, own, _ in found.values() for region in own)
        own = sorted({region for region in replaced if region in there})
        if own:
            told = f"masks of {', '.join(own)} come from {masks}; the data set's own are not used"
            print(f"memlab: {told}", file=sys.stderr)  # noqa: T201
    return [
        Original(names[path], path, name, key, {**own, **there}, score)
        for path, (name, key, own, score) in found.items()
    ]


def donor_images(
    folder: Path, originals: Sequence[Original], empty: EmptyMasks | None = None
) -> list[Original]:
    """Return the images of a folder as donors, without the images to be changed.

    Args:
        folder: folder of the donors; may be a data set with masks.
        originals: the images to be changed.
        empty: what a missing mask means; see `Table.with_masks`.

    Raises:
        DataError: if the folder holds no other image.
    """
    taken = {original.path.resolve() for original in originals}
    found = find_originals([folder], empty=empty)
    donors = [one for one in found if one.path.resolve() not in taken]
    if not donors:
        raise DataError(f"{folder}: no image but those to be changed; give other donors")
    return donors


def _with_masks(folder: Path, empty: EmptyMasks | None) -> Table | None:
    """Return the table of a folder that is a data set with masks; else None."""
    try:
        source = recognise(folder)
    except DataError:
        return None
    try:
        table = source.table(folder)
    except DataError as error:  # the folder may only look like this source
        without = f"{error}; the images are changed all the same, without masks of its own"
        print(f"memlab: {without}", file=sys.stderr)  # noqa: T201
        return None
    if not table.regions:
        return None
    table = replace(table, empty_masks=empty or table.empty_masks)
    announce(table)
    return table


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each image: the file's stem, with its folder's name if two stems are equal.

    Names stay distinct when case is ignored and when long names are shortened.
    """
    count = Counter(path.stem.casefold() for path in paths)
    names = {
        path: path.stem
        if count[path.stem.casefold()] == 1
        else "-".join([*path.parent.parts[-2:], path.name])
        for path in paths
    }
    if len({short_name(name).casefold() for name in names.values()}) == len(paths):
        return {path: short_name(name) for path, name in names.items()}
    found = distinct_names(str(path) for path in paths)
    return {path: found[str(path)] for path in paths}
