"""Swap of contrast."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.swaps import Swap
from memlab.imaging.contrast import swap_contrast
from memlab.types import Context, Donors


class SwapContrast(Swap):
    """Swap of the contrast: the SD of luma comes from the donor.

    Luma is scaled about its own mean. Mean luma, chroma and hue stay. All frequencies of luma are
    scaled alike, so that fine detail becomes stronger or weaker with the contrast.

    Args:
        amount: share of the way to the donor's contrast, 0 to 1.
        region: region whose contrast is swapped: `all`, `background`, `figures`, or another region.
    """

    family = "contrast"
    target = "contrast_to_donor"
    fades = False

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' contrast."""
        own, theirs = self.cores(images, context, donors)
        return swap_contrast(images, donors.images, own, theirs, self.whole(images, context))
