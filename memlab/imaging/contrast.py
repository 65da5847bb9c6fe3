"""Contrast and brightness transforms."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import gamut_share, luma
from memlab.imaging.parts import in_parts


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
