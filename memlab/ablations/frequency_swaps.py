"""Swaps of spatial frequency: replace sharpness or spectral slope by those of donors."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.swaps import Swap
from memlab.imaging.blur import blur_difference, gaussian
from memlab.imaging.slope import swap_slope
from memlab.types import Context, Donors


class SwapSharpness(Swap):
    """Swap of the sharpness: the image is blurred or sharpened until it is as sharp as the donor.

    The blur is measured at the sharpest edges, as the variance of a Gaussian. The filter has the
    difference of the variances. Two images that are as sharp as pixels allow are not changed,
    whatever they show; nor is an image where it or its donor lacks step edges, so that its blur is
    unknown. Blurring is exact. Sharpening cannot restore what a blur has removed. The round trip
    applies the filter and undoes it. It measures this loss, because it sharpens as many images as
    the swap does. Contrast changes as far as a blur changes it. Mean colour and composition stay.

    Args:
        amount: share of the way to the donor's variance, 0 to 1.
    """

    family = "frequency"
    target = "sharpness_to_donor"
    one_pass = True

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Filter the images by the share `dose` of the difference; undo it for a round trip."""
        variance = blur_difference(images, self.donors_of(context).images)
        changed = gaussian(images, dose * variance)
        return gaussian(changed, -dose * variance) if context.role == "round-trip" else changed

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' sharpness."""
        return gaussian(images, blur_difference(images, donors.images))


class SwapSlope(Swap):
    """Swap of the spectral slope: the balance of coarse and fine detail comes from the donor.

    Amplitudes of luma above four cycles per width are scaled by one power of frequency. Their total
    energy stays, and so do coarser structure, phases, chroma, and the curvature of the spectrum
    that a blur leaves. Edges become crisper or softer with the texture.

    Args:
        amount: share of the way to the donor's slope, 0 to 1.
        region: region whose slope is swapped: `all`, `background`, `figures`, or another region.
    """

    family = "frequency"
    target = "slope_to_donor"

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' spectral slopes."""
        own, theirs = self.cores(images, context, donors)
        return swap_slope(images, donors.images, own, theirs)
