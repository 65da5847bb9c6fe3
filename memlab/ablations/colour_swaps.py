"""Swaps of colour: the palette, and the saturation."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from memlab.ablations.swaps import Swap
from memlab.errors import MemlabError
from memlab.imaging.colour_moments import with_moments
from memlab.imaging.contrast import swap_contrast
from memlab.imaging.palette import swap_palette
from memlab.imaging.saturation import GREY, saturation, swap_saturation
from memlab.types import Context, Donors

Whose = Literal["own", "donor"]
"""Whose mean chroma, or luma, an image with a donor's palette has."""


class SwapPalette(Swap):
    """Swap of the palette: mean and covariance of chroma come from the donor, up to a factor.

    The factor keeps the image's own mean chroma, which is swapped by `swap_saturation`. Luma and
    its spectrum stay exactly the same, unless `luma` is `donor`. The assignment of colours to
    shapes stays. A grey image stays grey. A grey donor has no palette.

    Args:
        amount: share of the way to the donor's palette, 0 to 1.
        region: region whose palette is swapped: `all`, `background`, `figures`, or another region.
        chroma: whose mean chroma the result has, `own` or `donor`. With `donor` all of the colour
            is swapped, as is right for skin, which differs in chroma more than in hue.
        luma: whose mean luma the result has, `own` or `donor`. With `donor`, light and dark are a
            part of the palette: mean and covariance of R, G and B are the donor's, but for the
            image's own SD of luma, which is swapped by `swap_contrast`.
    """

    family = "colour"
    target = "palette_to_donor"
    fades = False

    def __init__(
        self,
        amount: float = 1.0,
        region: str = "all",
        chroma: Whose = "own",
        luma: Whose = "own",
    ) -> None:
        super().__init__(dose=amount, region=region)
        for name, value in (("chroma", chroma), ("luma", luma)):
            if value not in get_args(Whose):
                raise MemlabError(f"{self.name}: {name} is {value!r}; give own or donor")
        self.chroma, self.luma = chroma, luma

    def eligible(self, context: Context) -> Tensor:
        """Return which images the base class accepts and have donors with colour."""
        found = super().eligible(context)
        if self.chroma == "donor" or context.donors is None or not found.any():
            return found
        core = self.core(context.donors.masks, context.donors.images)
        return found & (saturation(context.donors.images, core) > GREY).cpu()

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Move the share `dose` of the way to the donor's palette, at the same mean chroma.

        Mixtures of two hues are paler than both.
        """
        mixed = super().change(images, context, dose)
        if dose == 1 or self.chroma == "donor":
            return mixed
        whole = self.whole(images, context)
        return swap_saturation(mixed, images, whole, whole)

    def blended(self, images: Tensor, changed: Tensor, weights: Tensor) -> Tensor:
        """Mix both by the weights, at the mean chroma that all of the region has.

        In a blurred image the region keeps a rim of its own palette, and mixed hues are paler.
        """
        mixed = super().blended(images, changed, weights)
        if self.chroma == "donor":
            return mixed
        region = (weights > 0).to(images)
        return torch.where(region > 0, swap_saturation(mixed, changed, region, region), mixed)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' palettes."""
        own, theirs = self.cores(images, context, donors)
        whole = self.whole(images, context)
        if self.luma == "own":
            return swap_palette(images, donors.images, own, theirs, whole, self.chroma == "own")
        changed = with_moments(images, donors.images.to(images), own, theirs)
        changed = swap_contrast(changed, images, own, own, whole)
        return swap_saturation(changed, images, whole, whole) if self.chroma == "own" else changed


class SwapSaturation(Swap):
    """Swap of the saturation: the mean chroma comes from the donor.

    The chroma of all pixels is scaled by one factor. Hue and luma stay, and so do the differences
    of hue within the image. Where the gamut leaves no room for the donor's mean chroma, the result
    only approaches it. A grey image has no hue and stays grey.

    Args:
        amount: share of the way to the donor's mean chroma, 0 to 1.
        region: region whose saturation is swapped: `all`, `background`, `figures`, or another
            region.
    """

    family = "colour"
    target = "saturation_to_donor"
    fades = False

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' mean chroma."""
        own, theirs = self.cores(images, context, donors)
        return swap_saturation(images, donors.images, own, theirs)
