"""Where in an image a change is made: `all`, `faces`, `not faces`, `people without faces`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.errors import MemlabError
from memlab.imaging.morphology import dilated

_SPELT = re.compile(r"(not )?([\w-]+)((?: without [\w-]+)*)")


@dataclass(frozen=True)
class Region:
    """A part of an image, by the names of masks.

    Args:
        name: of the region; `all` for the whole image.
        inverted: everything but the region.
        without: regions that are cut out of it, where the image has masks of them: on photographs
            faces lie inside people.
    """

    name: str = "all"
    inverted: bool = False
    without: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, asker: str) -> Region:
        """Read `all`, NAME, `not NAME` or `NAME without NAME`.

        Raises:
            MemlabError: if it is none of these; begins with the asker's name.
        """
        found = _SPELT.fullmatch(" ".join(text.split()))
        inverted, name, rest = found.groups() if found else (None, "not", "")
        without = tuple(rest.split(" without ")[1:])
        if name in ("not", "without") or (name == "all" and (inverted or without)):
            raise MemlabError(
                f"{asker}: region {text!r} is not 'all', NAME, 'not NAME' or 'NAME without NAME'"
            )
        return cls(name, bool(inverted), without)

    @property
    def needed(self) -> tuple[str, ...]:
        """Masks that there must be."""
        return () if self.name == "all" else (self.name,)

    def mask(self, masks: Mapping[str, Tensor], apart: int = 0) -> Tensor | None:
        """The region of each image, (B, 1, H, W) of 0 and 1; None where there are no masks.

        Args:
            masks: region name to (B, 1, H, W) of 0 and 1.
            apart: pixels around a region that is cut out which are cut out with it.
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


def mask_of(name: str, masks: Mapping[str, Tensor]) -> Tensor | None:
    """The masks of a region, (B, 1, H, W) of 0 and 1; None where there are none.

    Where there are masks but none of the background, it is all that no other region has.
    """
    if name in masks or name != "background" or not masks:
        return masks.get(name)
    labelled = torch.stack([mask > 0 for mask in masks.values()]).any(dim=0)
    return (~labelled).float()
