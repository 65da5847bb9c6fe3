"""Fills for removed regions; no fill depends on the removed pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from memlab.imaging.boxes import boxes_around
from memlab.imaging.filters import fine, gaussian_blur
from memlab.imaging.harmonic import harmonic
from memlab.imaging.morphology import dilated, pixels_of, surround

Computed = Literal["harmonic", "mean", "blur", "grey"]
"""Fills that need only the image."""
Fill = Literal["harmonic", "mean", "blur", "donor", "grey"]
"""Fills of a hole: smooth interpolation from its edge with noise like the surroundings', mean
colour around the hole, strong blur of the surroundings, a donor's pixels, or mid grey."""

REACH = 10.0
"""Width of a hole's surroundings, % of the width."""
SIGMA = 10.0
"""Standard deviation of the blur, % of the width."""
EDGES = 20.0
"""Multiple of the median energy of fine detail above which a pixel counts as an edge. For Gaussian
grain that is equal in R, G and B, this threshold is three standard deviations."""


def filled(
    fill: Computed, images: Tensor, hole: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """Return whole images whose pixels inside the hole are the fill.

    Args:
        fill: kind of fill.
        images: (B, 3, H, W) in [0, 1]; pixels inside the hole are not used.
        hole: (B, 1, H, W) float of 0 and 1, neither all 0 nor all 1.
        generators: one per image, for the noise.

    Returns:
        (B, 3, H, W), not clamped; values outside the hole are undefined.
    """
    clean = torch.where(hole > 0, 0, images)  # masks NaN inside the hole, too
    if fill == "harmonic":
        return harmonic_with_noise(clean, hole, generators)
    if fill == "mean":
        return mean(clean, hole).expand_as(images)
    return blur(clean, hole) if fill == "blur" else torch.full_like(images, 0.5)


def mean(images: Tensor, hole: Tensor) -> Tensor:
    """Return the mean colour of the pixels within 10 % of the width around the hole.

    Args:
        images: (B, 3, H, W) in [0, 1].
        hole: (B, 1, H, W) float of 0 and 1, neither all 0 nor all 1.

    Returns:
        (B, 3, 1, 1).
    """
    around = surround(hole, _reach(hole))
    return _sum(images * around) / _sum(around).clamp(min=1)


def blur(images: Tensor, hole: Tensor) -> Tensor:
    """Return a Gaussian blur, sigma 10 % of the width, of the pixels outside the hole.

    The result is normalised by the share of the kernel outside the hole (Knutsson and Westin,
    Normalized convolution, 1993), so that no pixel of the hole contributes. Far inside a large hole
    the result approaches the mean of the pixels outside.

    Args:
        images: (B, 3, H, W) in [0, 1].
        hole: (B, 1, H, W) float of 0 and 1, neither all 0 nor all 1.

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
    """Return the solution of Laplace's equation in the hole, plus noise like the surroundings'.

    The noise is Gaussian. After subtraction of its 3 × 3 means, its covariance of R, G and B equals
    that of the grain within 10 % of the width around the hole.

    Args:
        images: (B, 3, H, W) in [0, 1].
        hole: (B, 1, H, W) float of 0 and 1.
        generators: one per image.

    Returns:
        (B, 3, H, W), not clamped.
    """
    height, width = images.shape[-2:]
    # 9 / 8: white noise of variance 1 keeps a variance of 8 / 9 after subtraction of 3 × 3 means
    spread = torch.linalg.cholesky(detail_covariance(images, hole) * 9 / 8)
    white = torch.stack([torch.randn(3, height * width, generator=one) for one in generators])
    noise = (spread @ white.to(images)).view_as(images)
    filled: Tensor = harmonic(images, hole) + noise * hole
    return filled


def detail_covariance(images: Tensor, hole: Tensor) -> Tensor:
    """Return second moments of R, G and B around a hole, after subtraction of 3 × 3 means.

    Pixels next to the hole or the frame are excluded. Pixels with more than `EDGES` times the
    median energy are excluded too, because edges and letters are not grain. A variance of 1e-8, far
    below that of rounding to 256 levels, plus 1e-5 of the sum of variances is added, so that the
    matrix has a Cholesky factor in single precision even if all channels are equal.

    Returns:
        (B, 3, 3).
    """
    moments = images.new_zeros(len(images), 3, 3)
    reach = _reach(hole)
    for boxes in boxes_around(hole, reach + 1):  # the means read one more pixel
        part, inside = (torch.stack([whole[box] for box in boxes]) for whole in (images, hole))
        moments[[box[0] for box in boxes]] = _detail_moments(part, inside, reach)
    total = moments.diagonal(dim1=1, dim2=2).sum(dim=1).view(-1, 1, 1)
    ridged: Tensor = moments + (1e-8 + 1e-5 * total) * torch.eye(3, device=images.device)
    return ridged


def _detail_moments(images: Tensor, hole: Tensor, reach: int) -> Tensor:
    """Return second moments of fine detail within `reach` pixels of a hole: (B, 3, 3)."""
    there = (surround(hole, reach) * (1 - dilated(hole, 1)))[..., 1:-1, 1:-1]
    details = fine(images * (1 - hole))
    energy = details.square().sum(dim=1, keepdim=True)
    usual = energy.where(there > 0, torch.nan).flatten(1).nanmedian(dim=1).values.nan_to_num()
    there = there * (energy <= EDGES * usual.view(-1, 1, 1, 1))
    deviations = (details * there).flatten(2)
    return deviations @ deviations.transpose(1, 2) / _sum(there).clamp(min=1)[:, 0]


def _reach(hole: Tensor) -> int:
    """Return the width of the surroundings of a hole in pixels, at least 1."""
    return pixels_of(REACH, hole.shape[-1]) or 1


def _sum(values: Tensor) -> Tensor:
    return values.sum(dim=(2, 3), keepdim=True)
