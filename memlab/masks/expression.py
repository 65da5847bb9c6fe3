"""Region expressions: `all`, `faces`, `not faces`, `people without faces`, `figures`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.errors import MemlabError
from memlab.imaging.morphology import dilated
from memlab.imaging.plates import eroded
from memlab.types import DERIVED

_SPELT = re.compile(r"(not )?([\w-]+)((?: without [\w-]+)*)")


@dataclass(frozen=True)
class Region:
    """Part of an image, defined by the names of masks.

    Args:
        name: name of the region; `all` for the whole image.
        inverted: use everything but the region.
        without: regions that are cut out of it, if the image has their masks: on photographs, faces
            lie inside people.
    """

    name: str = "all"
    inverted: bool = False
    without: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, asker: str) -> Region:
        """Parse `all`, NAME, `not NAME` or `NAME without NAME`.

        Raises:
            MemlabError: if the text has another form; the message begins with `asker`.
        """
        match = _SPELT.fullmatch(" ".join(text.split()))
        inverted, name, rest = match.groups() if match else (None, "not", "")
        without = tuple(rest.split(" without ")[1:])
        if name in ("not", "without") or (name == "all" and (inverted or without)):
            raise MemlabError(
                f"{asker}: region {text!r} is not 'all', NAME, 'not NAME' or 'NAME without NAME'"
            )
        return cls(name, bool(inverted), without)

    @property
    def needed(self) -> tuple[str, ...]:
        """Regions whose masks are required."""
        return () if self.name == "all" else (self.name,)

    def mask(self, masks: Mapping[str, Tensor], apart: int = 0) -> Tensor | None:
        """Return the region of each image, (B, 1, H, W) of 0 and 1; None if there are no masks.

        Args:
            masks: region name to (B, 1, H, W) of 0 and 1.
            apart: width in pixels of the margin that is cut out around regions in `without`.
        """
        named = mask_of(self.name, masks)
        if named is None:
            return None
        mask = (named > 0).float()
        for other in self.without:
            cut = mask_of(other, masks)
            if cut is not None:
                mask = mask * (1 - dilated((cut > 0).float(), apart))
        return 1 - mask if self.inverted else mask

    def core(self, masks: Mapping[str, Tensor]) -> Tensor | None:
        """Return the region without its border, where pixels mix the region and its surroundings.

        Args:
            masks: region name to (B, 1, H, W) of 0 and 1.

        Returns:
            (B, 1, H, W) of 0 and 1: the whole region where it is nothing but border. None for whole
            images, and if there are no masks.
        """
        mask = None if self.name == "all" else self.mask(masks)
        if mask is None:
            return None
        inner = eroded(mask)
        return torch.where(inner.amax(dim=(1, 2, 3), keepdim=True) > 0, inner, mask)


def mask_of(name: str, masks: Mapping[str, Tensor]) -> Tensor | None:
    """Return the masks of a region, (B, 1, H, W) of 0 and 1; None if there are none.

    If other regions have masks but the background has none, the background is everything that no
    region covers. The figures are everything else.
    """
    if name in masks or name not in DERIVED or not masks:
        return masks.get(name)
    if name == "figures":
        background = mask_of("background", masks)
        return None if background is None else (background == 0).float()
    labelled = torch.stack([mask > 0 for mask in masks.values()]).any(dim=0)
    return (~labelled).float()
