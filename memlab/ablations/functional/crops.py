"""Windows of a picture."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate


def center_crop(images: Tensor, removed: float) -> Tensor:
    """Keep the middle and zoom it back to the size that the picture had.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, cut away: half of it at either side, rounded
            to whole pixels.
    """
    height, width = images.shape[-2:]
    top, left = round(height * removed / 200), round(width * removed / 200)
    middle = images[..., top : height - top, left : width - left]
    return interpolate(
        middle, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
