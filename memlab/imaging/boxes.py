"""Bounding boxes of masks."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

SIDE = 16
"""The sides of the boxes in a group are multiples of this number of pixels."""

Box = tuple[int, slice, slice, slice]
"""Index of a part of a (B, C, H, W) tensor: one image, all channels, rows and columns."""


def bounds(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the last row and column of each mask.

    Args:
        mask: (B, 1, H, W), above 0 inside.

    Returns:
        Two (B, 2) int64 tensors, down and across. Of an empty mask the first are H and W, and the
        last are −1.
    """
    firsts, lasts = [], []
    for axis in (3, 2):
        covered = (mask > 0).any(dim=axis)[:, 0]  # (B, length)
        length = covered.shape[1]
        steps = torch.arange(length, device=mask.device)
        firsts.append(torch.where(covered, steps, length).amin(dim=1))
        lasts.append(torch.where(covered, steps, -1).amax(dim=1))
    return torch.stack(firsts, dim=1), torch.stack(lasts, dim=1)


def boxes_around(mask: Tensor, beyond: int) -> Iterable[list[Box]]:
    """Return the bounding boxes of masks and of the pixels around them, grouped by size.

    Sides are multiples of `SIDE`, which limits the number of sizes, or the sides of the image.

    Args:
        mask: (B, 1, H, W), above 0 inside. Empty masks have no box.
        beyond: pixels around the mask on each side, where they are inside the image.
    """
    ends = []
    firsts, lasts = bounds(mask)
    for axis, length in enumerate(mask.shape[-2:]):
        needed = lasts[:, axis] - firsts[:, axis] + 1 + 2 * beyond
        side = (needed + SIDE - 1).div(SIDE, rounding_mode="floor").mul(SIDE).clamp(max=length)
        start = torch.minimum((firsts[:, axis] - beyond).clamp(min=0), length - side)
        ends += [start, start + side]
    alike: dict[tuple[int, int], list[Box]] = {}
    there = (lasts[:, 0] >= 0).tolist()
    for index, (top, bottom, left, right) in enumerate(torch.stack(ends, dim=1).tolist()):
        if there[index]:
            box = (index, slice(None), slice(top, bottom), slice(left, right))
            alike.setdefault((bottom - top, right - left), []).append(box)
    return alike.values()
