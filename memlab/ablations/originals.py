"""Loose pictures that are to be changed, each at its own size, with the masks that there are."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from memlab.data.decode import decode
from memlab.data.geometry import squashed, squashed_mask
from memlab.data.sources.base import recognise
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.files import file_name
from memlab.image_files import find_pictures
from memlab.regions.base import MaskSource, require_fit
from memlab.regions.describe import told


@dataclass(frozen=True)
class Original:
    """One picture as it was given.

    Args:
        name: one of its own among all, fit for a file.
        path: of the file.
        id: by which its masks go.
        key: what is drawn for it hangs on, whatever other pictures are given: its data set's id, or
            the file's name.
        masks: region to where its masks come from.
    """

    name: str
    path: Path
    id: str
    key: str
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
        wanted = (height, width) if size is None else (size, size)
        masks = {}
        for region, source in self.masks.items():
            masks[region] = torch.zeros(1, *wanted, dtype=torch.uint8)
            for mask in source.read(self.id, [region]).values():
                require_fit(mask, str(self.path), (width, height), pixels)
                masks[region] = squashed_mask(mask.inside, wanted)
        return squashed(pixels, wanted), masks


def find_originals(
    given: Sequence[Path], masks: Path | None = None, tables: Mapping[Path, Table] | None = None
) -> list[Original]:
    """The pictures that files and folders mean, in order, each once.

    A folder that is a data set with masks gives the pictures of its table, and their masks.

    Args:
        given: files and folders.
        masks: of the pictures, of any kind that `memlab.regions.open.open_masks` knows; they take
            the place of a data set's own of the same region.
        tables: those among the files and folders that were read already; who read them has said
            what was left out.

    Raises:
        DataError: if something does not exist, there is no picture, or names cannot be told apart.
    """
    found: dict[Path, tuple[str, str, Mapping[str, MaskSource]]] = {}
    for path in given:
        table = (tables or {}).get(path)
        if table is None and path.is_dir():
            table = _with_masks(path)
        if table is None:
            pictures = find_pictures([path], quiet=tables is not None)
            loose = (file for file in pictures if file not in found)
            found |= {file: (str(file), file.name, {}) for file in loose}
            continue
        for name, image in zip(table.rows["id"], table.rows["image"], strict=True):
            found[table.root / str(image)] = (str(name), str(name), table.masks)
    names = _names(list(found))
    there: Mapping[str, MaskSource] = {}
    if masks is not None:
        ids = [name for name, *_ in found.values()]
        rows = pd.DataFrame({"id": ids, "image": map(str, found), "split": None})
        table = Table(rows, Path(), "the pictures").with_masks(masks)
        print(f"memlab: {told(table)}", file=sys.stderr)  # noqa: T201
        there = table.masks
    return [
        Original(names[path], path, name, key, {**own, **there})
        for path, (name, key, own) in found.items()
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
        source = recognise(folder)
    except DataError:
        return None
    try:
        table = source.table(folder)
    except DataError as error:  # it may be no table of theirs
        without = f"{error}; the pictures are changed all the same, without masks of its own"
        print(f"memlab: {without}", file=sys.stderr)  # noqa: T201
        return None
    return table if table.regions else None


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each picture: its own, or, where two files share it, with its folder's."""
    count = Counter(path.stem for path in paths)
    names = {
        path: path.stem if count[path.stem] == 1 else "-".join([*path.parent.parts[-2:], path.name])
        for path in paths
    }
    names = {path: file_name(name) for path, name in names.items()}
    if len(set(names.values())) < len(paths):
        raise DataError("two pictures have the same name; give them one folder at a time")
    return names
