"""Preparation of images for third-party networks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import interpolate

SPECK = 0.01
"""Minimum area of a component, as a share of the image; the largest component is always kept."""


def without_specks(mask: Tensor) -> Tensor:
    """Remove components smaller than `SPECK`, except the largest: (1, H, W) of 0 and 1."""
    pieces, count = ndimage.label(mask[0].numpy() > 0, structure=np.ones((3, 3), dtype=int))
    if count == 0:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept = sizes >= min(SPECK * pieces.size, sizes.max())
    return torch.from_numpy(kept[pieces])[None].to(mask)


def shrunk(image: Tensor, longest: int) -> Tensor:
    """Shrink an image to at most `longest` pixels on its longer side, (3, H, W) in [0, 1]."""
    scale = longest / max(image.shape[-2:])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[-2:]]
    return resized(image, (size[0], size[1]))


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize an image to (height, width), antialiased, (3, H, W) in [0, 1]."""
    return interpolate(image[None], size, mode="bilinear", antialias=True)[0].clamp(0, 1)


def as_bytes(image: Tensor) -> NDArray[np.uint8]:
    """Convert (3, H, W) float in [0, 1] to (H, W, 3) uint8."""
    pixels: NDArray[np.uint8] = (image * 255).round().permute(1, 2, 0).to(torch.uint8).cpu().numpy()
    return pixels
