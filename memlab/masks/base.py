"""Base class of mask sources, and the check that a mask belongs to its image."""

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
from memlab.types import DERIVED

THUMBNAIL = 8
"""Side of the grey thumbnail that identifies an image."""

ANOTHER_IMAGE = 6.0
"""Mean difference of two thumbnails, in grey levels, above which they are of different images.

Halving a photograph and saving it as JPEG of quality 50 changes its thumbnail by at most 3. The two
most similar of 240 photographs differ by 13, and of 80 rendered images by 10.
"""

LONGEST = 100
"""Maximum number of characters in a region's name."""

_REGION = re.compile(rf"[\w-]{{1,{LONGEST}}}")

EmptyMasks = Literal["none", "unknown"]
"""Meaning of an image without a mask: `none` (lacks the region) or `unknown` (not annotated)."""

RESERVED = ("all", "not", "without")
"""Words with a meaning in region expressions, which cannot name a region."""

NAMES = {"person": "people", "face": "faces", "object": "objects", "texts": "text"}
"""Other names of memlab's own regions; other region names are not changed."""


def known_regions(regions: Collection[str]) -> set[str]:
    """Return the regions that masks of `regions` define: with `background` and `figures`, if any.

    The background is the part of the image that no other region covers; the figures are the rest.
    """
    return {*regions, *DERIVED} if regions else set()


@dataclass(frozen=True)
class Mask:
    """Mask of a region in one image.

    Args:
        inside: (1, h, w) uint8 of 0 and 1, on the upright image, at its size or scaled evenly.
        file: file that the mask was read from, for messages.
        thumbnail: thumbnail of the annotated image, as by `thumbnail_of`, if known.
    """

    inside: Tensor
    file: str
    thumbnail: Tensor | None = None


class MaskSource(ABC):
    """Source of masks of the images of one data set, in any file format.

    Images are identified by the ids of the data set's table. Sources are sent to worker processes.
    """

    origin: str
    """File or folder, for messages and results."""
    regions: tuple[str, ...]
    """Names of the regions."""

    @abstractmethod
    def annotated(self, region: str) -> Collection[str]:
        """Return the ids of the images that are annotated for the region."""

    @abstractmethod
    def having(self, region: str) -> Collection[str]:
        """Return the ids of the images in which the region is present: its mask is not empty.

        A mask that cannot be read counts as present; reading it raises the error.
        """

    @abstractmethod
    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """Return the masks of one image: empty if the region is absent, missing if not annotated.

        Args:
            name: id of the image.
            regions: some of the source's regions.

        Raises:
            DataError: if a mask cannot be read; names the file.
        """

    @abstractmethod
    def paths(self, region: str) -> Iterable[Path]:
        """Return the files of a region's masks; their dates show changes."""

    @abstractmethod
    def describe(self, region: str) -> dict[str, Any]:
        """Return the origin of a region's masks, as plain data for the results."""


def thumbnail_of(image: Tensor) -> Tensor:
    """Compute the thumbnail of an image: (3, H, W) uint8 to (64,) uint8.

    The thumbnail is the mean grey of each cell of an 8 x 8 grid. It changes little when the image
    is resized or saved again, and does not depend on the aspect ratio.
    """
    grey = image.float().mean(dim=0, keepdim=True)
    return adaptive_avg_pool2d(grey, THUMBNAIL).flatten().round().to(torch.uint8)


def require_fit(mask: Mask, name: str, size: tuple[int, int], image: Tensor) -> None:
    """Check that a mask belongs to an image.

    The mask may have any size, if one scale factor maps the image to it within a pixel on each
    side, because programs round differently.

    Args:
        mask: the mask.
        name: file of the image.
        size: (width, height) of the upright image.
        image: (3, H, W) uint8, the image at any size and aspect ratio.

    Raises:
        MaskError: if the mask has another shape, or was drawn on another image; names both.
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
    """Check that a mask has the shape of its image, from the sizes alone.

    Args:
        mask: width and height of the mask.
        file: file of the mask, for messages.
        size: width and height of the upright image.
        name: file of the image.

    Raises:
        MaskError: if no scale factor maps one size to the other; names both.
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
    """Normalise a region's name: lower case, `_` for other characters, `person` to `people`.

    Raises:
        DataError: if the result is empty, too long, or a reserved word.
    """
    composed = unicodedata.normalize("NFC", text)
    name = re.sub(r"[^\w-]+", "_", composed.strip().lower()).strip("_")
    if not name or name in RESERVED or len(name) > LONGEST:
        long = f" (more than {LONGEST} characters)" if len(name) > LONGEST else ""
        raise DataError(f"{origin}: a region cannot be named {shown(text)}{long}; rename it")
    return NAMES.get(name, name)


def require_region(name: object, origin: str) -> str:
    """Return a region's name from a file of memlab, if it is valid.

    Names become parts of paths and options.

    Raises:
        DataError: if it has other characters than letters, digits, `_` and `-`, or is a reserved
            word.
    """
    if not isinstance(name, str) or not _REGION.fullmatch(name) or name in RESERVED:
        raise DataError(
            f"{origin}: a region cannot be named {shown(str(name))} (letters, digits, _ and -); "
            "rename it, or find the masks anew"
        )
    return name
