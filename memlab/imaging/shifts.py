"""Sums under shifted weights, for every shift of an image at once."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.boxes import bounds
from memlab.imaging.crops import gathered


def shifted_sums(weights: Tensor, maps: Tensor) -> Tensor:
    """Return sums of maps (B, C, H, W) under cyclically shifted weights (B, 1, H, W).

    The value at (y, x) belongs to a shift of y down and x across.
    """
    spectrum = torch.fft.rfft2(weights).conj() * torch.fft.rfft2(maps)
    sums: Tensor = torch.fft.irfft2(spectrum, s=weights.shape[-2:])
    return sums


def inside_frame(support: Tensor) -> Tensor:
    """Return which shifts do not wrap the shape around the edge: (B, H, W) bool."""
    axes = []
    firsts, lasts = bounds(support)
    for axis, length in enumerate(support.shape[2:]):
        first, last = firsts[:, axis, None], lasts[:, axis, None]
        steps = torch.arange(length, device=support.device)
        axes.append((steps <= length - 1 - last) | (steps >= length - first))
    return axes[0][:, :, None] & axes[1][:, None, :]


def nearest_free(support: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """Return the shortest shift of each shape to a position that covers nothing taken.

    Args:
        support: (B, 1, H, W) of 0 and 1: the shapes.
        taken: (B, 1, H, W) of 0 and 1: pixels that must not be covered.

    Returns:
        (B, 2) int64, pixels down and across; and (B,) bool, whether there is such a position. An
        empty shape has none. Among shifts of one length the first is returned.
    """
    height, width = support.shape[-2:]
    free = inside_frame(support) & (shifted_sums(support, taken)[:, 0] < 0.5)
    free &= support.flatten(1).any(dim=1)[:, None, None]
    down, across = (
        torch.minimum(steps, length - steps)
        for steps, length in (
            (torch.arange(height, device=support.device), height),
            (torch.arange(width, device=support.device), width),
        )
    )
    length = down[:, None] ** 2 + across[None, :] ** 2
    far = height**2 + width**2
    lengths = torch.where(free, length, far).flatten(1)
    best = lengths.min(dim=1)
    place = torch.stack([best.indices // width, best.indices % width], dim=1)
    return place, best.values < far


def shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Return images (B, C, H, W), each shifted cyclically by its shift (B, 2)."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) - shifts[:, :1]) % height
    columns = (torch.arange(width, device=images.device) - shifts[:, 1:]) % width
    return gathered(images, rows, columns)
