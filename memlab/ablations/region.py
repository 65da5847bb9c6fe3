"""Where in a picture a change is made: `all`, `faces`, `not faces`, `people without faces`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from memlab.errors import MemlabError

_SPELT = re.compile(r"(not )?([\w-]+)((?: without [\w-]+)*)")


@dataclass(frozen=True)
class Region:
    """A part of a picture, by the names of masks.

    Args:
        name: of the region; `all` for the whole picture.
        inverted: everything but the region.
        without: regions that are cut out of it, where the picture has masks of them: on photographs
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

    def mask(self, masks: Mapping[str, Tensor]) -> Tensor | None:
        """The region of each picture, (B, 1, H, W) of 0 and 1; None where there are no masks.

        Args:
            masks: region name to (B, 1, H, W) of 0 and 1.
        """
        if self.name not in masks:
            return None
        mask = (masks[self.name] > 0).float()
        for other in self.without:
            if other in masks:
                mask = mask * (masks[other] == 0)
        return 1 - mask if self.inverted else mask
