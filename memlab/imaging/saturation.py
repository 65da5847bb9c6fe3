"""Saturation of an image: its mean chroma, apart from hue and luma."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import chroma, luma, with_luma

STEPS = 8
"""Corrections of the gain for colours that are limited by the gamut."""
GAIN = 8.0
"""Largest amplification of chroma, so that noise of a nearly grey image does not become colour."""
GREY = 2 / 255
"""Mean chroma below which an image counts as grey: it has neither hue nor saturation."""


def saturation(images: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean chroma: (B,), in units of the pixel range.

    Args:
        images: (B, 3, H, W) in [0, 1].
        weights: (B, 1, H, W) of the pixels; None for equal weights.
    """
    values = chroma(images).flatten(1)
    if weights is None:
        return values.mean(dim=1)
    flat = weights.flatten(1)
    mean: Tensor = (values * flat).sum(dim=1) / flat.sum(dim=1).clamp(min=1e-6)
    return mean


def swap_saturation(
    images: Tensor, donors: Tensor, own: Tensor | None = None, theirs: Tensor | None = None
) -> Tensor:
    """Scale the chroma of images until its mean is the donors'; hue and luma stay.

    All pixels are scaled by one factor, which is corrected for colours at the border of the gamut.
    A smaller chroma always fits. A larger one only approaches the donor's mean where the luma of
    the image leaves no room.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W), weights of the images' pixels in their means; None for equal weights.
        theirs: (B, 1, H, W), weights of the donors' pixels.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    grey = luma(images)
    offsets, wanted = images - grey, saturation(donors, theirs)
    gain = torch.ones_like(wanted)
    for _ in range(STEPS):
        found = saturation(with_luma(grey, gain.view(-1, 1, 1, 1) * offsets), own)
        gain = (gain * wanted / found.clamp(min=1e-6)).clamp(max=GAIN)
    return with_luma(grey, gain.view(-1, 1, 1, 1) * offsets)
