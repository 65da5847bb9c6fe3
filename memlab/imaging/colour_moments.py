"""Mean and covariance of R, G and B, and the linear map between two covariances."""

from __future__ import annotations

import torch
from torch import Tensor

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


def with_moments(
    images: Tensor, others: Tensor, own: Tensor | None = None, theirs: Tensor | None = None
) -> Tensor:
    """Return images whose colours have the mean and covariance of other images' colours.

    One linear map per image carries one Gaussian to the other with the least change. Which of two
    pixels is lighter mostly stays; how far colours lie apart becomes that of the others.

    Args:
        images: (B, 3, H, W) in [0, 1].
        others: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W), weights of the images' pixels; None for equal weights.
        theirs: (B, 1, H, W), weights of the others' pixels.

    Returns:
        (B, 3, H, W) in [0, 1]. Colours that are cut off there change the moments.
    """
    weights = (
        torch.ones_like(photos[:, :1]) if given is None else given
        for photos, given in ((images, own), (others, theirs))
    )
    (mean, covariance), (new, wanted) = map(moments, (images, others), weights)
    changed = new + transport(covariance, wanted) @ (images.flatten(2) - mean)
    return changed.view_as(images).clamp(0, 1)


def transport(covariance: Tensor, wanted: Tensor) -> Tensor:
    """Return the symmetric matrix T with T C T = C', (..., 3, 3), its amplification limited.

    T carries one Gaussian to the other with the least change (Monge–Kantorovich).

    Args:
        covariance: C.
        wanted: C'.
    """
    floor = FLOOR * torch.eye(3).to(covariance)
    root = _power(covariance + floor, 0.5)
    inverse = _power(covariance + floor, -0.5)
    stretch = inverse @ _power(root @ (wanted + floor) @ root, 0.5) @ inverse
    values, vectors = torch.linalg.eigh((stretch + stretch.mT) / 2)
    capped: Tensor = (vectors * values.clamp(0, GAIN)[..., None, :]) @ vectors.mT
    return capped


def _power(matrices: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrices)
    scaled = vectors * values.clamp(min=1e-9).pow(exponent)[..., None, :]
    powered: Tensor = scaled @ vectors.mT
    return powered
