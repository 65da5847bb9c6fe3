"""Windows of an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

AWAY = 0.25
"""How far, as a share of the way that there is, a window that stands for another place lies from
the middle, in one direction at least."""


def center_crop(images: Tensor, removed: float) -> Tensor:
    """Keep the middle and zoom it back to the size that the image had.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, cut away: half of it at either side, rounded
            to whole pixels.
    """
    return zoomed(images, removed, torch.full((len(images), 2), 0.5))


def zoomed(images: Tensor, removed: float, places: Tensor) -> Tensor:
    """Keep a window of each image and zoom it back to the size that the image had.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, cut away.
        places: (B, 2) how far down and across the window lies, 0 to 1 of the way that there is.
    """
    if (places == places[:1]).all():  # the same window of all: a view, nothing is copied
        rows, columns = (axis[0].tolist() for axis in _pixels(images, removed, places[:1]))
        windows = images[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    else:
        windows = gathered(images, *_pixels(images, removed, places))
    return interpolate(
        windows, size=images.shape[-2:], mode="bilinear", align_corners=False, antialias=True
    )


def padded(images: Tensor, removed: float, places: Tensor) -> Tensor:
    """Keep a window of each image where it is; around it lies the image's mean colour.

    Args:
        images: (B, 3, H, W) in [0, 1].
        removed: % of the width, and of the height, covered.
        places: as in `zoomed`.
    """
    rows, columns = _pixels(images, removed, places)
    shape = (len(images), 1, *images.shape[-2:])
    down = torch.zeros(shape[0], shape[2], device=images.device).scatter_(1, rows, 1)
    across = torch.zeros(shape[0], shape[3], device=images.device).scatter_(1, columns, 1)
    inside = (down[:, None, :, None] * across[:, None, None, :]) > 0
    return torch.where(inside, images, images.mean(dim=(2, 3), keepdim=True))


def anywhere(generators: Sequence[torch.Generator]) -> Tensor:
    """A uniform place of a window for each generator: (B, 2), 0 to 1."""
    return torch.stack([torch.rand(2, generator=one) for one in generators])


def elsewhere(generators: Sequence[torch.Generator]) -> Tensor:
    """A uniform place at least `AWAY` from the middle, down or across: (B, 2), 0 to 1.

    At half of the width removed such a window shares 3/4 of the middle one's area at most.
    """
    places = []
    for generator in generators:
        place = torch.full((2,), 0.5)
        while (place - 0.5).abs().max() < AWAY:
            place = torch.rand(2, generator=generator)
        places.append(place)
    return torch.stack(places)


def gathered(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Other rows and columns of each image.

    Args:
        images: (B, C, H, W).
        rows: (B, h) int64, on the same device; so below.
        columns: (B, w).

    Returns:
        (B, C, h, w).
    """
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    chosen = images.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return chosen.permute(0, 3, 1, 2).contiguous()


def _pixels(images: Tensor, removed: float, places: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (B, h) and columns (B, w) of the windows."""
    axes = []
    for length, place in zip(images.shape[-2:], places.T, strict=True):
        cut = 2 * round(length * removed / 200)  # pixels; the same at either side of the middle
        first = (place * cut).round().long()[:, None]
        axes.append((first + torch.arange(length - cut)).to(images.device))
    return axes[0], axes[1]
