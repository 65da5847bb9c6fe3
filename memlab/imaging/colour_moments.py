"""Mean and covariance of R, G and B, and transfer of both from one image to another."""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 4
"""Corrections of the map for clipping to [0, 1]."""
FLOOR = (2 / 255) ** 2
"""Variance added to each channel, that of two grey levels, so that flat images have a map."""
GAIN = 8.0
"""Largest amplification of a direction, so that noise of a flat image does not become a pattern."""


def moments(images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted mean (B, 3, 1) and covariance (B, 3, 3) of R, G and B.

    Args:
        images: (B, 3, H, W).
        weights: (B, 1, H, W), at least 0.
    """
    shares = weights.flatten(2) / weights.sum(dim=(2, 3)).clamp(min=1e-6)[..., None]
    pixels = images.flatten(2)
    mean = (shares * pixels).sum(dim=2, keepdim=True)
    return mean, (shares * (pixels - mean)) @ (pixels - mean).mT


def with_moments(images: Tensor, wanted: tuple[Tensor, Tensor], weights: Tensor) -> Tensor:
    """Return images whose colours have a given mean and covariance.

    Colours are mapped by the linear map that carries one Gaussian to the other with the least
    change (Monge–Kantorovich). The map is corrected for the effect of clipping.

    Args:
        images: (B, 3, H, W) in [0, 1].
        wanted: mean (B, 3, 1) and covariance (B, 3, 3).
        weights: (B, 1, H, W), weights of the pixels in the moments of the result.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    goal, spread = wanted
    mean, covariance = moments(images, weights)
    apart = images.flatten(2) - mean
    stretch, shift = _transport(covariance, spread), goal
    made = (stretch @ apart + shift).view_as(images).clamp(0, 1)
    for _ in range(STEPS):
        found_mean, found = moments(made, weights)
        stretch = _transport(found, spread) @ stretch
        shift = (shift + goal - found_mean).clamp(-1, 2)
        made = (stretch @ apart + shift).view_as(images).clamp(0, 1)
    return made


def _transport(covariance: Tensor, wanted: Tensor) -> Tensor:
    """Return the symmetric matrix T with T C T = C', (B, 3, 3), its amplification limited."""
    floor = FLOOR * torch.eye(3).to(covariance)
    root = _power(covariance + floor, 0.5)
    inverse = _power(covariance + floor, -0.5)
    stretch = inverse @ _power(root @ (wanted + floor) @ root, 0.5) @ inverse
    values, vectors = torch.linalg.eigh((stretch + stretch.mT) / 2)
    capped: Tensor = (vectors * values.clamp(0, GAIN)[:, None]) @ vectors.mT
    return capped


def _power(matrices: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrices)
    powered: Tensor = (vectors * values.clamp(min=1e-9).pow(exponent)[:, None]) @ vectors.mT
    return powered
