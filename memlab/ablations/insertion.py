"""Insertion: adds a region that an image lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.errors import MemlabError
from memlab.imaging.insertion import moved, patch
from memlab.imaging.morphology import feathered, pixels_of
from memlab.types import Context

Pasted = Literal["faces", "people", "objects", "text"]


class Paste(Ablation):
    """Ablation that pastes a donor's face, person, object or text into images that have none.

    The pasted region keeps its size in the donor image. Its position is random, and the same for
    all doses. The control is a patch of the same shape at the same position, in the mean colour of
    the image under that shape at another random position, which differs between draws.

    Args:
        amount: opacity of the pasted region, 0 to 1.
        what: the region to paste: faces, people, objects or text.
        margin: how far around the region the donor's pixels fade out, in % of the width.
    """

    family = "insertion"
    unit = "of opacity"
    target = "likeness"
    control = "patch"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    needs_donors = True

    def __init__(self, amount: float = 1.0, what: Pasted = "faces", margin: float = 1.0) -> None:
        super().__init__(dose=amount)
        if not 0 <= margin <= 25:
            raise MemlabError(f"{self.name}: margin {margin:g} % of the width is outside 0 to 25")
        self.what = what
        self.margin = margin
        self.donor_regions = (what,)

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the pasted region, whose masks tell which images lack it."""
        return (self.what,)

    def eligible(self, context: Context) -> Tensor:
        """Return which images lack the region and have a donor with it: (B,) bool, on the CPU.

        An image that is not annotated may have the region, so it is not eligible.
        """
        own = context.masks.get(self.what)
        donated = None if context.donors is None else context.donors.masks.get(self.what)
        if own is None or donated is None:
            return torch.zeros(len(context.ids), dtype=torch.bool)
        has, inside = ((mask > 0).flatten(1) for mask in (own, donated))
        lacks = ~has.any(dim=1).cpu() & context.annotated_for(self.what)
        return lacks & (inside.any(dim=1) & ~inside.all(dim=1)).cpu()

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Paste with opacity `dose`."""
        donors = context.donors
        if donors is None or self.what not in donors.masks:
            raise MemlabError(f"{self.name}: needs donors with masks of {self.what!r}")
        mask = (donors.masks[self.what] > 0).to(images)
        weights = feathered(mask, pixels_of(self.margin, images.shape[-1]))
        control = context.role == "control"
        # all draws of the control are compared with the same insertion, which is the first draw
        where = replace(context, draw=0) if control else context
        pasted, weights = moved(donors.images, weights, self._places(where))
        if control:
            elsewhere = self._places(context, " patch")
            pasted = patch(images, moved(weights, weights, elsewhere)[1])
        return torch.lerp(images, pasted, dose * weights)

    def _places(self, context: Context, of: str = "") -> Tensor:
        """Return a random position for each image, down and across: (B, 2), 0 to 1."""
        drawn = context.generators(f"{self.name}{of}")
        return torch.stack([torch.rand(2, generator=one) for one in drawn])
