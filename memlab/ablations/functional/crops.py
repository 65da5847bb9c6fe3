"""Windows of pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def window(images: Tensor, removed: float, places: Tensor) -> Tensor:
    """Keep a window of each picture and zoom it back to the size that the picture had.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, cut away, twice a whole number of pixels.
        places: (B, 2) where the window lies, from 0 (top, left) to 1 (bottom, right).
    """
    height, width = images.shape[-2:]
    cut = torch.tensor([2 * round(height * removed / 200), 2 * round(width * removed / 200)])
    tall, wide = height - int(cut[0]), width - int(cut[1])
    corners = (places * cut).round().long().tolist()
    windows = torch.stack(
        [
            image[:, top : top + tall, left : left + wide]
            for image, (top, left) in zip(images, corners, strict=True)
        ]
    )
    return interpolate(
        windows, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
