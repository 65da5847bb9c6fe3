"""Grain: what fine pattern lies on a picture's surfaces, edges apart, and noise that is like it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from memlab.ablations.functional.colour import luma
from memlab.ablations.functional.regions import pixels_of
from memlab.ablations.functional.spectrum import (
    BANDS,
    cosine_transform,
    energies,
    fit_bands,
    log_ratio,
    luma_room,
    radial_bands,
)

RADIUS = 2.0
"""Radius of the windows in which a base is smooth, % of the width."""
EDGE = 0.2
"""SD of luma in a window, of the pixel range, from which on it is an edge rather than grain.

Below 0.1 so much grain stays in the base, and splits with it, that the way back by noise changes
the spectrum as much as the donor does."""


def smooth_base(grey: Tensor) -> Tensor:
    """Luma without its grain: smooth inside surfaces, edges kept.

    The guided filter (He, Sun and Tang 2013), the picture being its own guide.

    Args:
        grey: (B, 1, H, W).
    """
    mean = _window_mean(grey)
    variance = (_window_mean(grey.square()) - mean.square()).clamp(min=0)
    kept = variance / (variance + EDGE**2)
    return _window_mean(kept) * grey + _window_mean((1 - kept) * mean)


def grain_energies(grey: Tensor) -> Tensor:
    """Energy of the grain of luma (B, 1, H, W) in the fine radial bands: (B, K)."""
    return energies(cosine_transform(grey - smooth_base(grey)), fine_bands(grey))


def fine_bands(grey: Tensor) -> Tensor:
    """The radial bands of luma that are fine enough to be grain: (H · W, K).

    Their waves are no longer than three windows; see `spectrum.radial_bands`.
    """
    height, width = grey.shape[-2:]
    longest = 3 * (2 * _radius(grey) + 1)
    first = math.ceil(BANDS * math.log2(2 * max(height, width) / longest))
    return radial_bands(grey)[:, first:]


def texture_distance(images: Tensor, donors: Tensor) -> Tensor:
    """How far the grains of two pictures differ: (B,); see `spectrum.log_ratio`.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: the same.
    """
    return log_ratio(grain_energies(luma(images)), grain_energies(luma(donors)))


def noise_like(pattern: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of the amplitude spectrum of a pattern: random phases, the same in all channels.

    Args:
        pattern: (B, C, H, W).
        generators: CPU generators, one per picture.

    Returns:
        (B, C, H, W) of mean 0; each channel of the variance of the pattern's, and correlated with
        the others as there.
    """
    shape = pattern.shape[-2:]
    white = torch.stack([torch.randn(1, *shape, generator=one) for one in generators])
    turn = torch.fft.rfft2(white.to(pattern))  # of real noise: conjugates are where they must be
    spectrum = torch.fft.rfft2(pattern) * turn / turn.abs().clamp(min=1e-12)
    keep = torch.ones_like(spectrum.real[:1, :1])
    keep[..., 0, 0] = 0
    noise: Tensor = torch.fft.irfft2(spectrum * keep, s=shape)
    return noise


def swap_texture(
    images: Tensor, donors: Tensor, generators: Sequence[torch.Generator], share: float
) -> Tensor:
    """Replace the grain of pictures by noise like the grain of others.

    The noise has the amplitude spectrum of the donor's grain and random phases; its bands are
    scaled until the picture's grain, measured anew, has the donor's energies. It lies evenly over
    the picture. Chroma and the smooth base stay.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: the same.
        generators: CPU generators, one per picture.
        share: 0 to 1: how much of the energy is the noise's; the rest is the picture's own grain.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    grey, given = luma(images), luma(donors)
    base, room = smooth_base(grey), luma_room(images)
    noise = noise_like(given - smooth_base(given), generators)
    bands = fine_bands(grey)
    pattern = cosine_transform(noise) * bands.sum(dim=1).view_as(grey[:1])
    fitted = fit_bands(base, pattern, bands, grain_energies(given), room, grain_energies)
    mixed = base + (1 - share) ** 0.5 * (grey - base) + share**0.5 * (fitted - base)
    changed: Tensor = images - grey + mixed.clamp(*room)
    return changed


def _window_mean(grey: Tensor) -> Tensor:
    """Mean over square windows, the edge pixels repeated outwards."""
    radius = _radius(grey)
    size = 2 * radius + 1
    down = avg_pool2d(pad(grey, (0, 0, radius, radius), mode="replicate"), (size, 1), stride=1)
    return avg_pool2d(pad(down, (radius, radius, 0, 0), mode="replicate"), (1, size), stride=1)


def _radius(grey: Tensor) -> int:
    return pixels_of(RADIUS, grey.shape[-1]) or 1
