"""Swap of the layout: move figures to the places of a donor's figures."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.swaps import Swap
from memlab.imaging.arrangement import Move, moves, rearranged
from memlab.imaging.figures import figures_of
from memlab.masks.expression import mask_of
from memlab.types import Context, Donors


class SwapLayout(Swap):
    """Swap of the layout: each figure moves to the place of a donor's figure, in its own size.

    A figure is a connected part of the labelled regions. Regions inside it, such as the face of a
    person, move with it. It takes the middle of the donor's figure of the same kind, else of
    another free position. It is not resized: a resized figure lacks detail, which is no layout, and
    where figures hide each other their boxes do not tell their sizes. The ground that it leaves is
    filled. Larger figures are drawn first. The whole image changes, not only where figures are. An
    image without figures has no layout; any image can donate. In the round-trip control the figures
    stay, and the ground at the places to which they would move is filled.

    Args:
        amount: share of the way to the donor's positions, 0 to 1.
    """

    family = "texture"
    target = "layout_to_donor"
    one_pass = True

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the region that an image must have."""
        return ("figures",)

    def absent(self, context: Context) -> Tensor:
        """Return which images are annotated for all regions and have no figures: (B,) bool."""
        figures = mask_of("figures", context.masks)
        if figures is None:
            return super().absent(context)
        none = ~(figures > 0).flatten(1).any(dim=1).cpu()
        return none & context.annotated_for("figures")

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Move the figures the share `dose` of the way; for a round trip, not at all."""
        donors = self.donors_of(context)
        planned = self.planned(context, donors)
        some = [[move.partly(dose) for move in one] for one in planned]
        back = context.role == "round-trip"
        return rearranged(images, some, self.noises(context, donors), back)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' layouts."""
        return self.change(images, context, 1.0)

    def planned(self, context: Context, donors: Donors) -> list[list[Move]]:
        """Return the moves of each image's figures at full dose."""
        own, theirs = figures_of(context.masks), figures_of(donors.masks)
        generators = self.noises(context, donors)
        theirs = theirs or [[]] * len(own)
        return [moves(*one) for one in zip(own, theirs, generators, strict=True)]
