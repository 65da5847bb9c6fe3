"""Nuisance changes: shift, JPEG compression, resizing to a smaller size and back."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.imaging.lines import LineMap, mapped


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
    coded = torch.empty(images.shape, dtype=images.dtype)
    for image, target in zip(images.cpu(), coded, strict=True):
        # NumPy converts floats to bytes in a third of torch's time
        planes = (image * 255).round_().numpy().astype(np.uint8)
        stored = torch.from_numpy(_through_jpeg(planes, quality))
        target.copy_(stored.permute(2, 0, 1)).div_(255)
    return coded.to(images.device)


def _through_jpeg(planes: np.ndarray, quality: int) -> np.ndarray:
    """Compress an image, (3, H, W) uint8, as a JPEG and decode it: (H, W, 3) uint8."""
    stream = io.BytesIO()
    image = Image.merge("RGB", [Image.fromarray(plane) for plane in planes])
    image.save(stream, "JPEG", quality=quality)
    with Image.open(stream, formats=("JPEG",)) as stored:
        return np.array(stored)


def noisy(images: Tensor, sd: float, generators: Sequence[torch.Generator]) -> Tensor:
    """Add Gaussian noise, independent for each pixel and channel, and clamp to [0, 1].

    Args:
        images: (B, C, H, W) in [0, 1].
        sd: standard deviation.
        generators: one per image, on the CPU.
    """
    changed = torch.empty_like(images, memory_format=torch.contiguous_format)
    for image, target, generator in zip(images, changed, generators, strict=True):
        noise = torch.randn(image.shape, generator=generator).to(image)
        target.copy_(torch.add(image, noise, alpha=sd).clamp_(0, 1))
    return changed


def resize_roundtrip(images: Tensor, removed: float) -> Tensor:
    """Resize to a smaller size and back, bicubic, with antialiasing on the way down.

    Args:
        images: (B, C, H, W).
        removed: % of the width, and of the height, by which the small image is smaller.
    """
    down, across = (
        _roundtrip(side, max(1, round(side * (1 - removed / 100)))) for side in images.shape[-2:]
    )
    return mapped(images, down, across)


@functools.lru_cache(maxsize=32)
def _roundtrip(side: int, smaller: int) -> LineMap:
    """Return the map that resizes a column of pixels to `smaller` and back.

    Both resizing steps are linear and separable, so that one matrix per axis does both.
    """
    with torch.inference_mode(False):  # the cached matrix may be used with gradients later
        unit = torch.eye(side)[None, None]
        shape = (smaller, side)
        small = interpolate(unit, shape, mode="bicubic", align_corners=False, antialias=True)
        back = interpolate(small, (side, side), mode="bicubic", align_corners=False)
        return LineMap.of(back[0, 0])
