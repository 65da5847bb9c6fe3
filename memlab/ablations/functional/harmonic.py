"""Laplace's equation inside a hole, for a whole batch at once, by multigrid."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

STEPS = 5
"""Steps of conjugate gradients: the largest error left is below 1e-3 of the pixel range."""
COARSEST = 4
"""Side in pixels at which coarsening ends."""
SWEEPS = tuple(1 / (1.25 + 0.75 * math.cos((2 * k + 1) * math.pi / 6)) for k in range(3))
"""Relaxations of three Jacobi sweeps that damp the finer half of all errors most (Chebyshev's
polynomial on [1/2, 2], the eigenvalues of those errors): to 0.074 at worst."""


def harmonic(images: Tensor, hole: Tensor, steps: int = STEPS) -> Tensor:
    """Fill a hole so that each pixel in it is the mean of its neighbours.

    The values around the hole are held; across the edge of the picture nothing flows. Solved by
    conjugate gradients from a coarse-to-fine guess, preconditioned by a multigrid cycle (Tatebe,
    The multigrid preconditioned conjugate gradient method, 1993).

    Args:
        images: (B, C, H, W); what is inside the hole is not looked at.
        hole: (B, 1, H, W) float of 0 and 1, not all 1.
        steps: of conjugate gradients, the same for all pictures.

    Returns:
        (B, C, H, W): the pictures outside the hole, the solution inside.
    """
    filled = _guess(torch.where(hole > 0, 0, images), 1 - hole)
    left = -hole * _excess(filled)
    towards = conditioned = _cycle(left, hole)
    for _ in range(steps):
        bend = hole * _excess(towards)
        size = _dot(left, conditioned)
        stride = size / _dot(towards, bend).clamp(min=1e-20)
        filled = filled + stride * towards
        before, left = left, left - stride * bend
        conditioned = _cycle(left, hole)
        # Polak and Ribière's formula: the cycle is not quite symmetric
        turn = _dot(left - before, conditioned) / size.clamp(min=1e-20)
        towards = conditioned + turn * towards
    return filled


def residual(images: Tensor, hole: Tensor) -> Tensor:
    """How far each pixel of a hole is from the mean of its neighbours: (B, C, H, W)."""
    return _excess(images) / 4 * hole


def _guess(known: Tensor, weight: Tensor) -> Tensor:
    """Known values spread over unknown ones, from coarse to fine.

    Args:
        known: (B, C, H, W), 0 where unknown.
        weight: (B, 1, H, W), share of each pixel that is known.
    """
    mean = known / weight.clamp(min=1e-6)
    if min(known.shape[-2:]) <= 1 or bool((weight > 0).all()):
        return mean
    coarse = _guess(_coarser(known), _coarser(weight))
    return torch.where(weight > 0, mean, _finer(coarse, known))


def _cycle(force: Tensor, hole: Tensor) -> Tensor:
    """Roughly the v, 0 outside the hole, with `4 v - (sum of neighbours) = force` inside it."""
    values = SWEEPS[0] / 4 * hole * force
    for step in SWEEPS[1:]:
        values = values + step / 4 * hole * (force - _excess(values))
    if min(values.shape[-2:]) > COARSEST:
        left = hole * (force - _excess(values))
        # sums of 2 × 2 pixels: the equation of a coarser grid is in steps twice as long
        height, width = left.shape[-2:]
        sums = 4 * avg_pool2d(pad(left, (0, width % 2, 0, height % 2)), 2)
        error = _cycle(sums, (_coarser(hole) == 1).to(hole))
        values = values + hole * _finer(error, values)
    for step in reversed(SWEEPS):
        values = values + step / 4 * hole * (force - _excess(values))
    return values


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Inner product of each channel of each picture: (B, C, 1, 1)."""
    return (one * other).sum(dim=(2, 3), keepdim=True)


def _excess(values: Tensor) -> Tensor:
    """Four times each value less its four neighbours; beyond the frame a pixel meets itself."""
    wide = pad(values, (1, 1, 1, 1), mode="replicate")
    rows, columns = wide[..., 1:-1], wide[..., 1:-1, :]
    return 4 * values - rows[..., :-2, :] - rows[..., 2:, :] - columns[..., :-2] - columns[..., 2:]


def _coarser(values: Tensor) -> Tensor:
    """Means of 2 × 2 pixels; of those that there are, at an odd edge."""
    return avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)


def _finer(values: Tensor, like: Tensor) -> Tensor:
    """Twice as fine, cut to the size of another."""
    twice = interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)
    return twice[..., : like.shape[-2], : like.shape[-1]]
