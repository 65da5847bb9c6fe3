"""Contrast and brightness: measures and transforms."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import gamut_share, luma
from memlab.imaging.parts import in_parts
from memlab.imaging.spectrum import luma_room

GAIN = 8.0
"""Largest amplification of contrast, so that noise of a nearly flat image does not become form."""
FLAT = 1 / 255
"""Contrast below which an image counts as flat: it cannot be given another contrast."""
STEPS = 8
"""Corrections of the gain and of the mean for tones that the gamut limits."""


def contrast(images: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the RMS contrast, which is the SD of luma: (B,), in units of the pixel range.

    Args:
        images: (B, 3, H, W) in [0, 1].
        weights: (B, 1, H, W) of the pixels; None for equal weights.
    """
    return _spread(luma(images), _shares(luma(images), weights))


def swap_contrast(
    images: Tensor,
    donors: Tensor,
    own: Tensor | None = None,
    theirs: Tensor | None = None,
    whole: Tensor | None = None,
) -> Tensor:
    """Scale luma about its own mean until its SD is the donors'; mean luma, chroma and hue stay.

    The luma of a pixel ends where its chroma leaves no more room. Gain and mean are corrected for
    that. A lower contrast always fits. A higher one only approaches the donor's where many colours
    are at the border of the gamut.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W), weights of the images' pixels in their contrast; None for equal weights.
        theirs: (B, 1, H, W), weights of the donors' pixels.
        whole: (B, 1, H, W), weights of the pixels that are changed, whose mean luma stays; `own` by
            default.

    Returns:
        (B, 3, H, W) in [0, 1]; a flat image as it is.
    """
    grey, (low, high) = luma(images), luma_room(images)
    shares, changed = _shares(grey, own), _shares(grey, own if whole is None else whole)
    mean = (changed * grey).sum(dim=(2, 3), keepdim=True)
    start, wanted = _spread(grey, shares), contrast(donors, theirs)
    gain, shift = torch.ones_like(start), torch.zeros_like(mean)
    made = grey
    for _ in range(STEPS):
        gain = (gain * wanted / _spread(made, shares).clamp(min=FLAT / GAIN)).clamp(max=GAIN)
        made = torch.minimum(mean + shift + gain.view(-1, 1, 1, 1) * (grey - mean), high)
        made = torch.maximum(made, low)
        shift = shift + mean - (changed * made).sum(dim=(2, 3), keepdim=True)
    made = torch.where((start < FLAT).view(-1, 1, 1, 1), grey, made)
    return (images - grey + made).clamp(0, 1)  # rounding


def _spread(grey: Tensor, shares: Tensor) -> Tensor:
    """Return the SD of (B, 1, H, W) values by the shares of pixels: (B,)."""
    mean = (shares * grey).sum(dim=(2, 3), keepdim=True)
    return (shares * (grey - mean).square()).sum(dim=(1, 2, 3)).sqrt()


def _shares(like: Tensor, weights: Tensor | None) -> Tensor:
    """Return weights of pixels as shares of their sum: (B, 1, H, W)."""
    weights = torch.ones_like(like) if weights is None else weights
    return weights / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)


def flatten_luma(images: Tensor, amount: float) -> Tensor:
    """Move luma towards its mean over the image; chroma stays within the RGB gamut.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 luma is constant.
    """

    def change(some: Tensor, out: Tensor | None) -> Tensor:
        grey = luma(some)
        flat = torch.lerp(grey, grey.mean(dim=(2, 3), keepdim=True).expand_as(grey), amount)
        above = some.amax(dim=1, keepdim=True).sub_(grey)
        share = gamut_share(flat, above, grey - some.amin(dim=1, keepdim=True))
        # flat + share · (some − grey), without a tensor of differences
        rest = flat.addcmul_(share, grey, value=-1)
        return torch.addcmul(rest, share, some, out=out).clamp_(0, 1)

    return in_parts(change, images)


def darken(images: Tensor, amount: float) -> Tensor:
    """Multiply R, G and B by 1 − amount, as Pillow's `ImageEnhance.Brightness` does.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: 0 to 1; at 1 the image is black.
    """
    return images * (1 - amount)
