"""Loose pictures that are to be changed, each at its own size, with the masks that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from memlab.ablations.donors import DonorList
from memlab.data.dataset import PictureDataset
from memlab.data.decode import decode, decode_mask
from memlab.data.geometry import Geometry
from memlab.data.sources.base import recognise
from memlab.data.table import MASK, Table
from memlab.errors import DataError
from memlab.files import find_pictures


@dataclass(frozen=True)
class Original:
    """One picture as it was given.

    Args:
        name: short, one of its own among all.
        path: of the file.
        masks: region to its mask's file, None where the picture lacks the region.
    """

    name: str
    path: Path
    masks: Mapping[str, Path | None] = field(default_factory=dict)

    def read(self, size: int | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The picture, (3, H, W) uint8, and its masks, (1, H, W) uint8 of 0 and 1.

        Args:
            size: side in pixels that both are brought to; the picture's own by default.

        Raises:
            DataError: if a file cannot be read, or a mask is of another size than its picture.
        """
        pixels = decode(self.path)
        masks = {}
        for region, path in self.masks.items():
            if path is None:
                masks[region] = torch.zeros(1, *pixels.shape[1:], dtype=torch.uint8)
                continue
            masks[region] = decode_mask(path)
            if masks[region].shape[1:] != pixels.shape[1:]:
                (high, wide), (tall, broad) = masks[region].shape[1:], pixels.shape[1:]
                raise DataError(
                    f"{path}: the mask has {wide} × {high} pixels, its picture {broad} × {tall}; "
                    "make them the same size"
                )
        if size is not None:
            geometry = Geometry(size)
            masks = {region: geometry.mask(mask) for region, mask in masks.items()}
            pixels = geometry.picture(pixels)
        return pixels, masks


def find_originals(given: Sequence[Path]) -> list[Original]:
    """The pictures that files and folders mean, in order, each once.

    A folder that is a data set with masks gives the pictures of its table, and their masks.

    Raises:
        DataError: if something does not exist, there is no picture, or names cannot be told apart.
    """
    found: dict[Path, Mapping[str, Path | None]] = {}
    for path in given:
        table = _with_masks(path) if path.is_dir() else None
        if table is None:
            for file in find_pictures([path]):
                found.setdefault(file, {})
            continue
        for row in table.rows.to_dict("records"):
            paths = {region: row[MASK + region] for region in table.regions}
            found[table.root / str(row["image"])] = {
                region: None if pd.isna(mask) else table.root / str(mask)
                for region, mask in paths.items()
            }
    names = _names(list(found))
    return [Original(names[path], path, masks) for path, masks in found.items()]


def donors_in(folder: Path, originals: Sequence[Original], size: int, seed: int) -> DonorList:
    """The pictures of a folder as donors, those that are to be changed left out.

    Raises:
        DataError: if there are none.
    """
    taken = {original.path.resolve() for original in originals}
    lent = [one for one in find_originals([folder]) if one.path.resolve() not in taken]
    if not lent:
        raise DataError(f"{folder}: no picture but those to be changed; give other donors")
    regions = list(lent[0].masks)
    columns = {
        MASK + region: [
            None if (path := one.masks.get(region)) is None else str(path.absolute())
            for one in lent
        ]
        for region in regions
    }
    paths = [str(one.path.absolute()) for one in lent]
    rows = pd.DataFrame({"id": [one.name for one in lent], "image": paths, "score": 0.0, **columns})
    having = {
        region: [place for place, one in enumerate(lent) if one.masks.get(region) is not None]
        for region in regions
    }
    pictures = PictureDataset(rows, Path(), Geometry(size), regions)
    return DonorList(pictures, having, len(lent), [one.name for one in originals], seed)


def _with_masks(folder: Path) -> Table | None:
    """The data set of a folder, where it is one with masks."""
    try:
        table = recognise(folder).table(folder)
    except DataError:  # loose pictures beside something that is no table of theirs
        return None
    return table if table.regions else None


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each picture: its own, or, where two files share it, with its folder's."""
    count = Counter(path.stem for path in paths)
    names = {
        path: path.stem if count[path.stem] == 1 else "-".join([*path.parent.parts[-2:], path.name])
        for path in paths
    }
    if len(set(names.values())) < len(paths):
        raise DataError("two pictures have the same name; give them one folder at a time")
    return names
