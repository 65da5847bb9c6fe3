"""Crops of an image."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.imaging.lines import LineMap, mapped

AWAY = 0.25
"""Minimum offset of an off-centre crop from the centre along at least one axis, as a share of the
available range."""


def center_crop(images: Tensor, removed: float) -> Tensor:
    """Crop the centre and resize the crop to the original size.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, to cut away: half on either side, rounded to
            whole pixels.
    """
    return zoomed(images, removed, torch.full((len(images), 2), 0.5))


def zoomed(images: Tensor, removed: float, places: Tensor) -> Tensor:
    """Crop each image and resize the crop to the original size.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, to cut away.
        places: (B, 2) position of the crop, down and across, 0 to 1 of the available range.
    """
    if (places == places[:1]).all():  # same crop for all images: a view, without a copy
        rows, columns = (axis[0].tolist() for axis in _pixels(images, removed, places[:1]))
        windows = images[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    else:
        windows = gathered(images, *_pixels(images, removed, places))
    down, across = (
        _resizing(side, new)
        for side, new in zip(windows.shape[-2:], images.shape[-2:], strict=True)
    )
    return mapped(windows, down, across)


@functools.lru_cache(maxsize=32)
def _resizing(side: int, new: int) -> LineMap:
    """Return the map that resizes a line of pixels, bilinear, with antialiasing."""
    with torch.inference_mode(False):  # the cached matrix may be used with gradients later
        unit = torch.eye(side)[None, None]
        shape = (new, side)
        resized = interpolate(unit, shape, mode="bilinear", align_corners=False, antialias=True)
        return LineMap.of(resized[0, 0])


def padded(images: Tensor, removed: float, places: Tensor) -> Tensor:
    """Keep a crop of each image at its position, surrounded by the image's mean colour.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, to cover.
        places: as in `zoomed`.
    """
    rows, columns = _pixels(images, removed, places)
    shape = (len(images), 1, *images.shape[-2:])
    down = torch.zeros(shape[0], shape[2], device=images.device).scatter_(1, rows, 1)
    across = torch.zeros(shape[0], shape[3], device=images.device).scatter_(1, columns, 1)
    inside = (down[:, None, :, None] * across[:, None, None, :]) > 0
    return torch.where(inside, images, images.mean(dim=(2, 3), keepdim=True))


def anywhere(generators: Sequence[torch.Generator]) -> Tensor:
    """Return a uniformly random crop position for each generator: (B, 2), 0 to 1."""
    return torch.stack([torch.rand(2, generator=one) for one in generators])


def elsewhere(generators: Sequence[torch.Generator]) -> Tensor:
    """Return a random position at least `AWAY` from the centre, down or across: (B, 2), 0 to 1.

    With half of the width and height removed, such a crop shares at most 3/4 of the centre crop.
    """
    places = []
    for generator in generators:
        place = torch.full((2,), 0.5)
        while (place - 0.5).abs().max() < AWAY:
            place = torch.rand(2, generator=generator)
        places.append(place)
    return torch.stack(places)


def gathered(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Gather rows and columns of each image.

    Args:
        images: (B, C, H, W).
        rows: (B, h) int64, on the device of `images`.
        columns: (B, w) int64, on the device of `images`.

    Returns:
        (B, C, h, w).
    """
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    chosen = images.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return chosen.permute(0, 3, 1, 2).contiguous()


def _pixels(images: Tensor, removed: float, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows (B, h) and columns (B, w) of the crops."""
    axes = []
    for length, place in zip(images.shape[-2:], places.T, strict=True):
        cut = 2 * round(length * removed / 200)  # even, so that the centre crop is symmetric
        first = (place * cut).round().long()[:, None]
        axes.append((first + torch.arange(length - cut)).to(images.device))
    return axes[0], axes[1]
