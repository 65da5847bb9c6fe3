"""Swap of a figure: exchange a person, object or word for that of a donor."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.insertion import JOINED, TOUCHING
from memlab.ablations.swaps import Swap
from memlab.errors import MemlabError
from memlab.imaging.exchange import exchanged, largest_figure
from memlab.imaging.insertion import whole_figures
from memlab.masks.expression import Region, mask_of
from memlab.types import Context, Donors


class SwapFigure(Swap):
    """Swap of the largest figure of a region for a complete figure of a donor.

    The figure is filled from the pixels around it. The donor's figure takes its place and its area,
    without change of proportions. Figures of other regions stay in front. The donor's figure is one
    that neither the frame nor another region cuts off. For faces, `swap_face` keeps the colour of
    the skin.

    Args:
        amount: blending weight of the donor's figure, 0 to 1.
        region: NAME or `NAME without NAME`, required.
    """

    family = "region"
    target = "likeness"
    one_pass = True

    def __init__(self, amount: float = 1.0, *, region: str) -> None:
        super().__init__(dose=amount, region=region)
        self.donor_regions = (self.place.name,)
        self.joined = JOINED.get(self.place.name, TOUCHING)

    def within(self, context: Context) -> Tensor | None:
        """Return 1 everywhere but on figures of other regions, which stay in front."""
        own = self.place.mask(context.masks)
        front = torch.zeros_like(next(iter(context.masks.values())), dtype=torch.float32)
        for name, mask in context.masks.items():
            if name not in ("background", self.place.name):
                front = front.maximum((mask > 0).float())
        return 1 - front if own is None else 1 - front * (1 - own)

    def eligible(self, context: Context) -> Tensor:
        """Return which images have the region, and a donor with a complete figure: (B,) bool."""
        found = super().eligible(context)
        if context.donors is None or not found.any():
            return found
        return found & self._complete(context.donors).flatten(1).any(dim=1).cpu()

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Exchange the figure with weight `dose`; for a round trip, put the own figure back."""
        donors = self.donors_of(context)
        mask = self.place.mask(context.masks)
        if mask is None:
            raise MemlabError(f"{self.name}: no masks of {self.region!r}")
        own, theirs = largest_figure(mask, self.joined), self._complete(donors)
        able = (own.flatten(1).any(dim=1) & theirs.flatten(1).any(dim=1).to(own.device)).nonzero()
        index = able.flatten()
        changed = images.clone()
        if len(index):
            noises = self.noises(context, donors)
            changed[index] = exchanged(
                images[index],
                own[index],
                donors.images[index].to(images),
                theirs[index].to(images),
                [noises[place] for place in index.tolist()],
                context.role == "round-trip",
            )
        return torch.lerp(images, changed, dose)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' figures."""
        return self.change(images, context, 1.0)

    def _complete(self, donors: Donors) -> Tensor:
        """Return the largest complete figure of each donor, (B, 1, H, W); empty if it has none."""
        mask = mask_of(self.place.name, donors.masks)
        if mask is None:
            return torch.zeros_like(donors.images[:, :1])
        others = {
            name: other
            for name, other in donors.masks.items()
            if name not in (self.place.name, "background")
        }
        mask = Region(self.place.name, without=self.place.without).mask(donors.masks)
        return whole_figures(mask, others, self.place.without, self.joined)[1]  # type: ignore[arg-type]
