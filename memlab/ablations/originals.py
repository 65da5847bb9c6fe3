"""Loose pictures that are to be changed, each at its own size, with the masks that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import InterpolationMode, resize

from memlab.data.decode import decode
from memlab.data.geometry import Geometry
from memlab.data.sources.base import recognise
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.files import find_pictures
from memlab.regions.base import MaskSource, require_fit
from memlab.regions.open import open_masks


@dataclass(frozen=True)
class Original:
    """One picture as it was given.

    Args:
        name: short, one of its own among all.
        path: of the file.
        id: by which its masks go.
        masks: region to where its masks come from.
    """

    name: str
    path: Path
    id: str = ""
    masks: Mapping[str, MaskSource] = field(default_factory=dict)

    def has(self, region: str) -> bool:
        """Whether the region was found in the picture."""
        return region in self.masks and self.id in self.masks[region].having(region)

    def looked_for(self, region: str) -> bool:
        """Whether somebody looked for the region in the picture."""
        return region in self.masks and self.id in self.masks[region].looked_at(region)

    def read(self, size: int | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The picture, (3, H, W) uint8, and its masks, (1, H, W) uint8 of 0 and 1.

        Args:
            size: side in pixels that both are brought to; the picture's own by default.

        Raises:
            DataError: if a file cannot be read, or a mask is not of this picture.
        """
        pixels = decode(self.path)
        height, width = pixels.shape[1:]
        own = [height, width]
        masks = {}
        for region, source in self.masks.items():
            inside = torch.zeros(1, *own, dtype=torch.uint8)
            for mask in source.read(self.id, [region]).values():
                require_fit(mask, str(self.path), (width, height), pixels)
                inside = resize(mask.inside, own, interpolation=InterpolationMode.NEAREST)
            masks[region] = inside if size is None else Geometry(size).mask(inside)
        return pixels if size is None else Geometry(size).picture(pixels), masks


def find_originals(given: Sequence[Path], masks: Path | None = None) -> list[Original]:
    """The pictures that files and folders mean, in order, each once.

    A folder that is a data set with masks gives the pictures of its table, and their masks.

    Args:
        given: files and folders.
        masks: of the pictures, of any kind that `memlab.regions.open.open_masks` knows; they take
            the place of a data set's own of the same region.

    Raises:
        DataError: if something does not exist, there is no picture, or names cannot be told apart.
    """
    found: dict[Path, tuple[str, Mapping[str, MaskSource]]] = {}
    for path in given:
        table = _with_masks(path) if path.is_dir() else None
        if table is None:
            found |= {file: (str(file), {}) for file in find_pictures([path]) if file not in found}
            continue
        for name, image in zip(table.rows["id"], table.rows["image"], strict=True):
            found[table.root / str(image)] = (str(name), table.masks)
    names = _names(list(found))
    if masks is None:
        return [Original(names[path], path, *rest) for path, rest in found.items()]
    rows = pd.DataFrame({"id": [name for name, _ in found.values()], "image": map(str, found)})
    source = open_masks(masks, rows)
    there = dict.fromkeys(source.regions, source)
    return [
        Original(names[path], path, name, {**own, **there}) for path, (name, own) in found.items()
    ]


def lenders(folder: Path, originals: Sequence[Original]) -> list[Original]:
    """The pictures of a folder as donors, those that are to be changed left out.

    Raises:
        DataError: if there are none.
    """
    taken = {original.path.resolve() for original in originals}
    lent = [one for one in find_originals([folder]) if one.path.resolve() not in taken]
    if not lent:
        raise DataError(f"{folder}: no picture but those to be changed; give other donors")
    return lent


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
