"""Nuisance changes: shift, JPEG compression, resizing to a smaller size and back."""

from __future__ import annotations

import functools
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate


def shift(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Shift each image by whole pixels; the exposed edge is filled with the mirrored image.

    Args:
        images: (B, C, H, W); H and W larger than the shift.
        down: (B,) int64 pixels.
        across: (B,) int64 pixels.
    """
    moved = torch.empty_like(images, memory_format=torch.contiguous_format)
    for target, image, rows, columns in zip(moved, images, down, across, strict=True):
        _shift_into(target, image, int(rows), int(columns))
    return moved


def _shift_into(target: Tensor, image: Tensor, down: int, across: int) -> None:
    """Write an image (C, H, W), shifted by whole pixels, into a tensor of the same shape."""
    height, width = image.shape[-2:]
    to_rows, from_rows = _kept(height, down)
    to_columns, from_columns = _kept(width, across)
    target[:, to_rows, to_columns] = image[:, from_rows, from_columns]
    _mirror_edge(target[:, to_rows], across, 2)
    _mirror_edge(target, down, 1)


def _kept(side: int, pixels: int) -> tuple[slice, slice]:
    """Return the target and the source slice of the pixels that stay inside the frame."""
    first, last = max(pixels, 0), side + min(pixels, 0)
    return slice(first, last), slice(first - pixels, last - pixels)


def _mirror_edge(target: Tensor, pixels: int, dim: int) -> None:
    """Fill the edge that a shift left empty with the mirrored pixels next to it."""
    side = target.shape[dim]
    if pixels > 0:
        target.narrow(dim, 0, pixels).copy_(target.narrow(dim, pixels + 1, pixels).flip(dim))
    elif pixels < 0:
        source = target.narrow(dim, side + 2 * pixels - 1, -pixels).flip(dim)
        target.narrow(dim, side + pixels, -pixels).copy_(source)


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Compress each image as a JPEG and decode it, as Pillow does: 8 bits, chroma subsampled.

    Args:
        images: (B, 3, H, W) in [0, 1], on any device; the codec runs on the CPU.
        quality: 1 to 100.
    """
    # NumPy converts floats to bytes in a third of torch's time
    planes = (images * 255).round_().cpu().numpy().astype(np.uint8)
    stored = np.stack([_through_jpeg(image, quality) for image in planes])
    back = torch.from_numpy(stored).to(images.device).permute(0, 3, 1, 2)
    return back.to(images.dtype, memory_format=torch.contiguous_format).div_(255)


def _through_jpeg(planes: np.ndarray, quality: int) -> np.ndarray:
    """Compress an image, (3, H, W) uint8, as a JPEG and decode it: (H, W, 3) uint8."""
    stream = io.BytesIO()
    image = Image.merge("RGB", [Image.fromarray(plane) for plane in planes])
    image.save(stream, "JPEG", quality=quality)
    with Image.open(stream) as stored:
        return np.asarray(stored)


def resize_roundtrip(images: Tensor, removed: float) -> Tensor:
    """Resize to a smaller size and back, bicubic, with antialiasing on the way down.

    Args:
        images: (B, C, H, W).
        removed: % of the width, and of the height, by which the small image is smaller.
    """
    down, across = (
        _roundtrip_matrix(side, max(1, round(side * (1 - removed / 100)))).to(images)
        for side in images.shape[-2:]
    )
    return down @ (images @ across.mT)


@functools.lru_cache(maxsize=32)
def _roundtrip_matrix(side: int, smaller: int) -> Tensor:
    """Return the matrix (side, side) that resizes a column of pixels to `smaller` and back.

    Both resizing steps are linear and separable, so that one matrix per axis does both, in two
    thirds of the time of two calls of `interpolate`.
    """
    unit = torch.eye(side)[None, None]
    small = interpolate(unit, (smaller, side), mode="bicubic", align_corners=False, antialias=True)
    back = interpolate(small, (side, side), mode="bicubic", align_corners=False)
    return back[0, 0]
