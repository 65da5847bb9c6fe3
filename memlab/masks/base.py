"""What a source of masks is, and whether a mask belongs to its image."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from memlab.errors import DataError, MaskError
from memlab.paths import shown

THUMBNAIL = 8
"""Side of the grey thumbnail that tells one image from another."""

ANOTHER_IMAGE = 6.0
"""Mean difference of two thumbnails, in grey levels, from which they are of two images.

Halving a photograph and saving it as JPEG of quality 50 moves it by at most 3; the two most alike
of 240 photographs differ by 13, of 80 rendered scenes by 10.
"""

LONGEST = 100
"""Characters of a region's name."""

_REGION = re.compile(rf"[\w-]{{1,{LONGEST}}}")

EmptyMasks = Literal["none", "unknown"]
"""What an image without a mask has: `none` of the region, or `unknown`, as nobody looked."""

RESERVED = ("all", "not", "without")
"""Words that say where a change is made, and so cannot name a region."""

NAMES = {"person": "people", "face": "faces", "object": "objects", "texts": "text"}
"""Other names of memlab's own regions; any others are kept."""


def known_regions(regions: Collection[str]) -> set[str]:
    """Regions that masks of these tell of: the background is what no other region has."""
    return {*regions, "background"} if regions else set()


@dataclass(frozen=True)
class Mask:
    """Where a region lies in one image.

    Args:
        inside: (1, h, w) uint8 of 0 and 1, on the upright image, of its size or scaled evenly.
        file: where it was read, for messages.
        thumbnail: of the image it was drawn on, as by `thumbnail_of`, where that is known.
    """

    inside: Tensor
    file: str
    thumbnail: Tensor | None = None


class MaskSource(ABC):
    """Masks of the images of one data set, whatever file they are kept in.

    Images go by the ids of the data set's table. Objects travel to worker processes.
    """

    origin: str
    """The file or folder, for messages and results."""
    regions: tuple[str, ...]
    """Names of the regions."""

    @abstractmethod
    def looked_at(self, region: str) -> Collection[str]:
        """Ids of the images in which the region was looked for."""

    @abstractmethod
    def having(self, region: str) -> Collection[str]:
        """Ids of the images in which the region is present: its mask is not empty.

        A mask that cannot be read counts as present: whoever reads it gets the error.
        """

    @abstractmethod
    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """The masks of one image: empty where nothing was found, absent where nobody looked.

        Args:
            name: id of the image.
            regions: some of the source's.

        Raises:
            DataError: if a mask cannot be read; names the file.
        """

    @abstractmethod
    def paths(self, region: str) -> Iterable[Path]:
        """The files that the masks of a region are read from: their dates tell of changes."""

    @abstractmethod
    def describe(self, region: str) -> dict[str, Any]:
        """Where the masks of a region come from, as plain data for the results."""


def thumbnail_of(image: Tensor) -> Tensor:
    """What of an image survives resizing and saving again: (3, H, W) uint8 to (64,) uint8.

    Mean grey of each cell of an 8 x 8 grid; nothing of the aspect ratio.
    """
    grey = image.float().mean(dim=0, keepdim=True)
    return adaptive_avg_pool2d(grey, THUMBNAIL).flatten().round().to(torch.uint8)


def require_fit(mask: Mask, name: str, size: tuple[int, int], image: Tensor) -> None:
    """See that a mask belongs to an image.

    It may be of any size, if some scale brings the image to it within a pixel on each side, as
    programs round differently.

    Args:
        mask: the mask.
        name: the image's file.
        size: (width, height) of the upright image.
        image: (3, H, W) uint8, the image at any size and aspect ratio.

    Raises:
        MaskError: if it has another shape, or was drawn on another image; names both.
    """
    height, width = mask.inside.shape[-2:]
    require_shape((width, height), mask.file, size, name)
    if mask.thumbnail is None:
        return
    difference = (mask.thumbnail.float() - thumbnail_of(image).float()).abs().mean()
    if difference > ANOTHER_IMAGE:
        raise MaskError(
            f"{mask.file}: masks of another image than {name}; find them anew with "
            "memlab regions find, in an empty --out"
        )


def require_shape(mask: tuple[int, int], file: str, size: tuple[int, int], name: str) -> None:
    """See that a mask has its image's shape; nothing of either is read.

    Args:
        mask: its width and height.
        file: where it is, for messages.
        size: width and height of the upright image.
        name: the image's file.

    Raises:
        MaskError: if no scale brings one to the other; names both.
    """
    if _alike(mask, size):
        return
    turned = " (the image lies on its side in the file; draw on it as people see it)"
    raise MaskError(
        f"{file}: the mask is {mask[0]} x {mask[1]} pixels, its image {name} "
        f"{size[0]} x {size[1]}: draw it at the image's size, or scale both sides alike"
        f"{turned if _alike(mask[::-1], size) else ''}"
    )


def _alike(mask: tuple[int, int], image: tuple[int, int]) -> bool:
    low = max((side - 1) / whole for side, whole in zip(mask, image, strict=True))
    high = min((side + 1) / whole for side, whole in zip(mask, image, strict=True))
    return low <= high


def region_name(text: str, origin: str) -> str:
    """A region's name as options spell it: lower case, `_` for anything else, `person` `people`.

    Raises:
        DataError: if nothing is left, or the name has a meaning of its own.
    """
    composed = unicodedata.normalize("NFC", text)
    name = re.sub(r"[^\w-]+", "_", composed.strip().lower()).strip("_")
    if not name or name in RESERVED or len(name) > LONGEST:
        long = f" (more than {LONGEST} characters)" if len(name) > LONGEST else ""
        raise DataError(f"{origin}: a region cannot be named {shown(text)}{long}; rename it")
    return NAMES.get(name, name)


def require_region(name: object, origin: str) -> str:
    """Return a region's name as it stands in a file that memlab writes, where it can be one.

    Raises:
        DataError: if it holds anything but letters, digits, `_` and `-`, or is a reserved word:
            names become parts of paths and options.
    """
    if not isinstance(name, str) or not _REGION.fullmatch(name) or name in RESERVED:
        raise DataError(
            f"{origin}: a region cannot be named {shown(str(name))} (letters, digits, _ and -); "
            "rename it, or find the masks anew"
        )
    return name
