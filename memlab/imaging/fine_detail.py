"""Fine detail of an image, which bounds its blur."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.spectrum import cosine_transform
from memlab.imaging.windows import window_sums

BANDS = ((0.35, 0.65), (0.65, 1.0))
"""Two bands of frequencies, shares of the highest frequency of a row."""
WINDOW = 9
"""Side in pixels of the windows in which energies are measured."""
ROUNDING = 1 / 12 / 255**2
"""Variance of luma that rounding to 256 levels adds."""
ABOVE = 16
"""A window counts if the energy of its upper band is at least this multiple of `ROUNDING`."""
SHARPEST = 0.1
"""Share of the windows in which detail may be finer than the bound says."""
FEWEST = 0.01
"""Share of all windows that must count; otherwise there is no bound."""


def blur_bound(grey: Tensor) -> Tensor:
    """Return the largest variance of a Gaussian blur that leaves room for the detail of luma.

    A blur of variance v lowers the energy at frequency ω by exp(-v ω²). Before the blur, the upper
    band hardly had more energy per frequency than the lower. The fall from the lower to the upper
    band therefore bounds v, in each window of its own. The bound is taken at the windows with the
    finest detail.

    Args:
        grey: (B, 1, H, W) in [0, 1].

    Returns:
        (B,) in square pixels, infinite for an image without fine detail.
    """
    coefficients = cosine_transform(grey)
    height, width = (torch.arange(side).to(grey) / side for side in grey.shape[-2:])
    frequency = torch.hypot(height[:, None], width)
    energies, squares = [], []
    for lowest, highest in BANDS:
        band = ((frequency >= lowest) & (frequency < highest)).to(grey)
        part = cosine_transform(coefficients * band, inverse=True)
        # in units of the variance that white noise of this energy has
        energies.append(window_sums(part.square(), WINDOW).flatten(1) / WINDOW**2 / band.mean())
        squares.append((band * (torch.pi * frequency).square()).sum() / band.sum())
    lower, upper = ((one - ROUNDING).clamp(min=ROUNDING) for one in energies)
    counts = energies[1] > ABOVE * ROUNDING
    bounds = ((lower / upper).log() / (squares[1] - squares[0])).where(counts, torch.inf)
    number = counts.sum(dim=1)
    place = (SHARPEST * number).long()[:, None]
    bound = bounds.sort(dim=1).values.gather(1, place)[:, 0].clamp(min=0)
    return bound.where(number >= FEWEST * counts.shape[1], torch.inf)
