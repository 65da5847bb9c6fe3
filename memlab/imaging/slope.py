"""Slope of a region's spectrum: the balance of coarse and fine detail, and its transfer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memlab.imaging.colour import luma
from memlab.imaging.push_pull import spread
from memlab.imaging.spectrum import cosine_transform, luma_room
from memlab.imaging.windows import window_sums

COARSEST = 4.0
"""Centre of the coarsest band, cycles per width. Coarser structure is composition, not detail."""
WINDOW = 9
"""Side in pixels of the windows in which the energy of a band is measured."""
ROUNDING = 1 / 12 / 255**2
"""Variance of luma that rounding to 256 levels adds; it is added to all energies."""
STEEPEST = 3.0
"""Largest logarithm of a gain."""


def spectral_slope(images: Tensor, region: Tensor | None = None) -> Tensor:
    """Return the slope of luma's amplitude spectrum, apart from blur: (B,), −1 for 1 / f.

    The energy of each octave is measured in small windows, and the mean of its logarithm over the
    windows is taken, so that faint texture counts as much as strong edges. The logarithms are
    fitted by a line in log frequency, the slope, plus a parabola in frequency, which takes up a
    Gaussian blur.

    Args:
        images: (B, 3, H, W) in [0, 1], at least 32 pixels wide.
        region: (B, 1, H, W) of 0 and 1, the pixels that count; None for all.
    """
    grey = luma(images)
    return _slope(grey, torch.ones_like(grey) if region is None else region)


def swap_slope(
    images: Tensor, donors: Tensor, own: Tensor | None = None, theirs: Tensor | None = None
) -> Tensor:
    """Tilt the spectra of images' luma until they fall off as the donors'.

    Amplitudes above four cycles per width are scaled by a power of frequency. Phases, coarser
    structure, the total energy of the scaled frequencies, and chroma stay.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W) of 0 and 1, the pixels of the images that count; None for all.
        theirs: (B, 1, H, W) of 0 and 1, those of the donors.

    Returns:
        (B, 3, H, W) in [0, 1]; undefined outside `own`.
    """
    grey = luma(images)
    region = torch.ones_like(grey) if own is None else own
    tilt = spectral_slope(donors, theirs) - _slope(grey, region)
    octaves = _octaves(grey)
    above = (octaves + 0.5).clamp(0, 1)
    steeper = (math.log(2) * octaves.clamp(min=0) * tilt.view(-1, 1, 1, 1)).clamp(
        -STEEPEST, STEEPEST
    )
    coefficients = cosine_transform(spread(grey, region)) * above
    fine = cosine_transform(coefficients, inverse=True)
    tilted = cosine_transform(coefficients * steeper.exp(), inverse=True)
    scale = (_energy(fine, region) / _energy(tilted, region).clamp(min=1e-9)).sqrt()
    changed: Tensor = (grey - fine + scale * tilted).clamp(*luma_room(images))
    return images - grey + changed


def _slope(grey: Tensor, region: Tensor) -> Tensor:
    octaves = _octaves(grey)
    last = math.floor(float(octaves.max()))
    coefficients = cosine_transform(spread(grey, region))
    counted = window_sums(region, WINDOW)
    inside = (counted > WINDOW**2 / 2).to(grey)
    # of a thin region, every window that touches it counts
    some = inside.amax(dim=(1, 2, 3), keepdim=True) > 0
    inside = torch.where(some, inside, (counted > 0).to(grey))
    levels = []
    for band in range(last + 1):
        share = (1 - (octaves.clamp(max=last) - band).abs()).clamp(min=0)
        part = cosine_transform(coefficients * share, inverse=True)
        energy = window_sums(part.square() * region, WINDOW) / counted.clamp(min=1)
        level = ((energy + ROUNDING).log() * inside).sum(dim=(1, 2, 3))
        levels.append(level / inside.sum(dim=(1, 2, 3)).clamp(min=1))
    frequency = 2.0 ** torch.arange(last + 1, dtype=torch.float64)
    terms = [torch.ones_like(frequency), frequency.log(), frequency.square()][: last + 1]
    inverse = torch.linalg.pinv(torch.stack(terms, dim=1)).to(grey)
    slope: Tensor = (torch.stack(levels, dim=1) @ inverse.mT)[:, 1] / 2
    return slope


def _octaves(like: Tensor) -> Tensor:
    """Return how many octaves each coefficient is above `COARSEST`: (H, W)."""
    height, width = like.shape[-2:]
    down = torch.arange(height, dtype=torch.float64).view(-1, 1) / (2 * height)
    across = torch.arange(width, dtype=torch.float64).view(1, -1) / (2 * width)
    cycles = (down.square() + across.square()).sqrt() * width
    return (cycles.clamp(min=1e-3) / COARSEST).log2().to(like)


def _energy(values: Tensor, region: Tensor) -> Tensor:
    """Return the variance of values within a region: (B, 1, 1, 1)."""
    area = region.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = (values * region).sum(dim=(2, 3), keepdim=True) / area
    square: Tensor = ((values - mean).square() * region).sum(dim=(2, 3), keepdim=True) / area
    return square
