"""Contrast and brightness transforms."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import luma, with_luma


def flatten_luma(images: Tensor, amount: float) -> Tensor:
    """Move luma towards its mean over the image; chroma stays within the RGB gamut.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 luma is constant.
    """
    grey = luma(images)
    mean = grey.mean(dim=(2, 3), keepdim=True)
    return with_luma(torch.lerp(grey, mean.expand_as(grey), amount), images - grey)


def darken(images: Tensor, amount: float) -> Tensor:
    """Multiply R, G and B by 1 − amount, as Pillow's `ImageEnhance.Brightness` does.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: 0 to 1; at 1 the image is black.
    """
    return images * (1 - amount)
