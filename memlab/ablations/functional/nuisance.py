"""Changes that should not matter: shift, JPEG, resizing there and back."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate


def shift(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Move each picture by whole pixels; what comes in is the picture mirrored at its edge.

    Args:
        images: (B, C, H, W); H and W larger than the shift.
        down: (B,) int64 pixels.
        across: (B,) int64 pixels.
    """
    rows, columns = _mirrored(images.shape[-2], down), _mirrored(images.shape[-1], across)
    index = (rows[:, :, None] * images.shape[-1] + columns[:, None]).flatten(1)
    index = index[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, index).view_as(images)


def _mirrored(side: int, offset: Tensor) -> Tensor:
    """Which pixel of a side each pixel shows: (B, side)."""
    source = (torch.arange(side, device=offset.device) - offset[:, None]).abs()
    return side - 1 - (side - 1 - source).abs()


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Write each picture as a JPEG and read it back, as Pillow does: 8 bits, colour at half size.

    Args:
        images: (B, 3, H, W) in [0, 1], on any device; the codec runs on the CPU.
        quality: 1 to 100.
    """
    pixels = (images * 255).round().to("cpu", torch.uint8).permute(0, 2, 3, 1).numpy()
    found = np.stack([_through_jpeg(picture, quality) for picture in pixels])
    return torch.from_numpy(found).permute(0, 3, 1, 2).to(images).contiguous() / 255


def _through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as picture:
        return np.asarray(picture)


def resize_roundtrip(images: Tensor, removed: float) -> Tensor:
    """Resize down and up again, bicubic, with antialiasing on the way down.

    Args:
        images: (B, C, H, W).
        removed: % of the width, and of the height, by which the small picture is smaller.
    """
    height, width = images.shape[-2:]
    smaller = [max(1, round(side * (1 - removed / 100))) for side in (height, width)]
    small = interpolate(images, smaller, mode="bicubic", align_corners=False, antialias=True)
    return interpolate(small, (height, width), mode="bicubic", align_corners=False)
