"""Contrast and brightness: measures and transforms."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import gamut_share, luma, with_luma
from memlab.imaging.parts import in_parts

GREY = 0.5
"""Middle of the range of pixels, about which contrast is scaled, as by CSS's `contrast`."""
EXTREME = 5e-4
"""Share of pixels whose luma may be further from mid grey than the tonal range says."""
GAIN = 8.0
"""Largest amplification of contrast, so that noise of a nearly flat image does not become form."""
FLAT = 1 / 255
"""Tonal range below which an image counts as flat."""


def tonal_range(images: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return how far the most extreme tones are from mid grey: (B,), 0 to 0.5.

    The most extreme 0.05 % of pixels do not count. The SD of luma would be another measure of
    contrast, but it tells what an image shows more than how it was developed: over photographs its
    logarithm has an SD of .31.

    Args:
        images: (B, 3, H, W) in [0, 1].
        weights: (B, 1, H, W), 0 for pixels that do not count; None if all count.
    """
    distance = (luma(images) - GREY).abs().flatten(1)
    count = torch.full_like(distance[:, 0], distance.shape[1])
    if weights is not None:
        inside = weights.flatten(1) > 0
        distance, count = distance.where(inside, -1.0), inside.sum(dim=1).to(distance)
    order = distance.sort(dim=1, descending=True).values
    place = (EXTREME * count).round().long().clamp(max=order.shape[1] - 1)
    return order.gather(1, place[:, None])[:, 0].clamp(min=0)


def swap_contrast(
    images: Tensor, donors: Tensor, own: Tensor | None = None, theirs: Tensor | None = None
) -> Tensor:
    """Scale the contrast of images until their tonal range is the donors'; hue stays.

    All channels are scaled about mid grey by one factor, as a photographer's contrast is. Luma and
    chroma therefore change by the same factor, and mean luma moves towards or away from mid grey.
    Luma always fits; colours outside the gamut move towards grey of the same luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W), 0 for the images' pixels that do not count; None if all count.
        theirs: (B, 1, H, W), the same for the donors' pixels.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    grey = luma(images)
    gain = tonal_range(donors, theirs) / tonal_range(images, own).clamp(min=1e-6)
    gain = gain.clamp(max=GAIN).view(-1, 1, 1, 1)
    return with_luma((GREY + gain * (grey - GREY)).clamp(0, 1), gain * (images - grey))


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
