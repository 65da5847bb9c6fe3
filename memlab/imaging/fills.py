"""What is put where something was taken out; none of it depends on what was there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from memlab.imaging.filters import fine, gaussian_blur
from memlab.imaging.harmonic import harmonic
from memlab.imaging.morphology import dilated, surround

Computed = Literal["harmonic", "mean", "blur", "grey"]
"""Fills that need nothing but the image."""
Fill = Literal["harmonic", "mean", "blur", "donor", "grey"]
"""Ways to fill a hole: its edge carried smoothly inwards with noise like the surroundings', the
mean colour around it, a heavy blur of what is around it, a donor's pixels, mid grey."""

SIGMA = 10.0
"""Standard deviation of the blur, % of the width."""
EDGES = 20.0
"""How many times the median energy of fine detail is more than grain has: of Gaussian grain that is
equal in R, G and B, three standard deviations."""


def filled(
    fill: Computed, images: Tensor, hole: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """Whole images whose pixels inside the hole are to be taken.

    Args:
        fill: which.
        images: (B, 3, H, W) in [0, 1]; what is inside the hole is not looked at.
        hole: (B, 1, H, W) float of 0 and 1, neither all 0 nor all 1.
        generators: one per image, for the noise.

    Returns:
        (B, 3, H, W), not clamped; outside the hole it means nothing.
    """
    clean = torch.where(hole > 0, 0, images)  # not even NaN gets out of a hole
    if fill == "harmonic":
        return harmonic_with_noise(clean, hole, generators)
    if fill == "mean":
        return mean(clean, hole).expand_as(images)
    return blur(clean, hole) if fill == "blur" else torch.full_like(images, 0.5)


def mean(images: Tensor, hole: Tensor) -> Tensor:
    """The mean colour of what lies within 10 % of the width around the hole.

    Args:
        images: (B, 3, H, W) in [0, 1].
        hole: (B, 1, H, W) float of 0 and 1, neither all 0 nor all 1; so below.

    Returns:
        (B, 3, 1, 1).
    """
    around = surround(hole)
    return _sum(images * around) / _sum(around).clamp(min=1)


def blur(images: Tensor, hole: Tensor) -> Tensor:
    """A Gaussian blur, sigma 10 % of the width, of the pixels outside the hole.

    It is normalised by how much of the kernel lies outside (Knutsson and Westin, Normalized
    convolution, 1993): nothing of the hole leaks. Far inside large holes it becomes the mean.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    known = 1 - hole
    spread = gaussian_blur(torch.cat([images * known, known], dim=1), SIGMA)
    total = _sum(images * known) / _sum(known).clamp(min=1)
    slight = 1e-4
    blurred: Tensor = (spread[:, :3] + slight * total) / (spread[:, 3:] + slight)
    return blurred


def harmonic_with_noise(
    images: Tensor, hole: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """The solution of Laplace's equation in the hole, with noise as strong as the surroundings'.

    The noise is Gaussian. What it has left after taking out 3 × 3 means has the same covariance of
    R, G and B as the grain within 10 % of the width around the hole.

    Args:
        images: (B, 3, H, W) in [0, 1].
        hole: (B, 1, H, W) float of 0 and 1.
        generators: one per image.

    Returns:
        (B, 3, H, W), not clamped.
    """
    height, width = images.shape[-2:]
    # 9 / 8: white noise of variance 1 keeps 8 / 9 of it when its 3 × 3 means are taken out
    spread = torch.linalg.cholesky(detail_covariance(images, hole) * 9 / 8)
    white = torch.stack([torch.randn(3, height * width, generator=one) for one in generators])
    noise = (spread @ white.to(images)).view_as(images)
    filled: Tensor = harmonic(images, hole) + noise * hole
    return filled


def detail_covariance(images: Tensor, hole: Tensor) -> Tensor:
    """Second moments of R, G and B around a hole, after taking out 3 × 3 means: (B, 3, 3).

    Pixels next to the hole or to the frame do not count, nor do those of edges and letters, which
    are no grain: those with more than `EDGES` times the median energy. A variance of 1e-8, far
    below that of rounding to 256 levels, and 1e-5 of their sum are added, so that it always has a
    root: the channels of black and white images are the same, and single precision has no
    smaller share.
    """
    there = (surround(hole) * (1 - dilated(hole, 1)))[..., 1:-1, 1:-1]
    details = fine(images * (1 - hole))
    energy = details.square().sum(dim=1, keepdim=True)
    usual = energy.where(there > 0, torch.nan).flatten(1).nanmedian(dim=1).values.nan_to_num()
    there = there * (energy <= EDGES * usual.view(-1, 1, 1, 1))
    deviations = (details * there).flatten(2)
    moments = deviations @ deviations.transpose(1, 2) / _sum(there).clamp(min=1)[:, 0]
    total = moments.diagonal(dim1=1, dim2=2).sum(dim=1).view(-1, 1, 1)
    ridged: Tensor = moments + (1e-8 + 1e-5 * total) * torch.eye(3, device=images.device)
    return ridged


def _sum(values: Tensor) -> Tensor:
    return values.sum(dim=(2, 3), keepdim=True)
