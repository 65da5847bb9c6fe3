"""Swap of a figure: exchange a person, object or word for that of a donor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from memlab.ablations.swaps import Swap
from memlab.errors import MemlabError
from memlab.imaging.exchange import alike, exchanged, sides_of
from memlab.imaging.figures import gap_of, largest_figure
from memlab.imaging.insertion import whole_figures
from memlab.imaging.palette import swap_palette
from memlab.masks.expression import Region
from memlab.types import Context, Donors

Less = Literal["nothing", "colour"]
"""What the round trip of a figure moves as well, so that it is not counted."""


class SwapFigure(Swap):
    """Swap of the largest figure of a region for a complete figure of a donor.

    The figure is filled from the pixels around it. The donor's figure takes the middle of its place
    and is not resized. Figures of other regions stay in front. Donors are chosen: their figure is
    cut off by neither the frame nor another region, and its side is that of the own figure within a
    tenth. A figure larger than all complete ones has no donor. The round-trip control puts the own
    figure back and fills the pixels that the donor's figure would cover.

    Args:
        amount: blending weight of the donor's figure, 0 to 1.
        region: NAME or `NAME without NAME`, required.
        less: what is not counted, `nothing` or `colour`. With `colour`, the round trip gives the
            own figure the chroma of the donor's at its own luma. What the colours of faces move,
            which is a feature of its own, is then no part of which face it is.
    """

    family = "region"
    target = "likeness"
    one_pass = True

    def __init__(self, amount: float = 1.0, *, region: str, less: Less = "nothing") -> None:
        super().__init__(dose=amount, region=region)
        if less not in get_args(Less):
            raise MemlabError(f"{self.name}: less is {less!r}; give nothing or colour")
        self.less = less
        self.donor_regions = (self.place.name,)

    def within(self, context: Context) -> Tensor | None:
        """Return 1 everywhere but on figures of other regions, which stay in front."""
        own = self.place.mask(context.masks)
        front = torch.zeros_like(next(iter(context.masks.values())), dtype=torch.float32)
        for name, mask in context.masks.items():
            if name not in ("background", self.place.name):
                front = front.maximum((mask > 0).float())
        return 1 - front if own is None else 1 - front * (1 - own)

    def eligible(self, context: Context) -> Tensor:
        """Return which images have the region, and a donor with a complete figure of its size."""
        found = super().eligible(context)
        if context.donors is None or not found.any():
            return found
        own, theirs = sides_of(self._own(context)), sides_of(self._complete(context.donors))
        return found & torch.tensor([alike(*pair) for pair in zip(own, theirs, strict=True)])

    def described(self, donor: Donors) -> float | None:
        """Return the side of the largest complete figure of one donor, None if it has none."""
        return sides_of(self._complete(donor))[0]

    def wanted(self, context: Context) -> Callable[[int, float | None], bool]:
        """Return which donors, by their side, suit an image, by its position in the batch."""
        own = sides_of(self._own(context))
        return lambda image, side: alike(own[image], side)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Exchange the figure with weight `dose`; for a round trip, put the own figure back."""
        donors, own = self.donors_of(context), self._own(context)
        given, theirs = donors.images.to(images), self._complete(donors)
        back = context.role == "round-trip"
        changed = exchanged(images, own, given, theirs, self.noises(context, donors), back)
        if back and self.less == "colour":
            own, theirs = own.to(images), theirs.to(images)
            both = own.amax(dim=(1, 2, 3)) * theirs.amax(dim=(1, 2, 3)) > 0
            coloured = swap_palette(changed, given, own, theirs, keep=False)
            changed = torch.where(both.view(-1, 1, 1, 1) & (own > 0), coloured, changed)
        return torch.lerp(images, changed, dose)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' figures."""
        return self.change(images, context, 1.0)

    def _own(self, context: Context) -> Tensor:
        """Return the largest figure of each image, (B, 1, H, W)."""
        mask = self.place.mask(context.masks)
        if mask is None:
            raise MemlabError(f"{self.name}: no masks of {self.region!r}")
        return largest_figure(mask, gap_of(self.place.name))

    def _complete(self, donors: Donors) -> Tensor:
        """Return the largest complete figure of each donor, (B, 1, H, W); empty if it has none."""
        mask = Region(self.place.name, without=self.place.without).mask(donors.masks)
        if mask is None:
            return torch.zeros_like(donors.images[:, :1])
        others = {
            name: other
            for name, other in donors.masks.items()
            if name not in (self.place.name, "background")
        }
        return whole_figures(mask, others, self.place.without, gap_of(self.place.name))[1]
