"""Gains of frequency bands, fitted until a pattern has the requested amplitudes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

GAIN = 32.0
"""Largest amplification of a band, so that rounding of a smooth image does not become texture."""
LOG_GAIN = math.log(GAIN)


def log_amplitudes(wanted: Tensor, found: Tensor, floor: float) -> Tensor:
    """Return the logarithms of amplitude ratios from energies, to all of which `floor` is added."""
    return ((wanted + floor) / (found + floor)).log() / 2


def fit_gains(
    gains: Tensor,
    grey: Tensor,
    made: Callable[[Tensor, Tensor], Tensor],
    missing: Callable[[Tensor], Tensor],
    steps: int,
    lowest: float = -torch.inf,
) -> Tensor:
    """Return luma whose bands have the requested amplitudes, as far as the gamut allows.

    Clipping to the gamut changes the energies and the mean. Each step measures both and corrects
    the gains and a shift.

    Args:
        gains: logarithms of the first gains, (B, K).
        grey: luma with the requested mean, (B, 1, H, W).
        made: function from gains, and a shift of the mean, (B, 1, 1, 1), to luma, (B, 1, H, W).
        missing: function from luma to the logarithms by which amplitudes are too low, (B, K).
        steps: number of corrections.
        lowest: smallest logarithm of a gain.

    Returns:
        (B, 1, H, W).
    """
    shift = torch.zeros_like(grey[..., :1, :1])
    for _ in range(steps):
        found = made(gains, shift)
        gains = (gains + missing(found)).clamp(lowest, LOG_GAIN)
        shift = shift + (grey - found).mean(dim=(2, 3), keepdim=True)
    return made(gains, shift)
