"""Solver of Laplace's equation inside a hole, for a whole batch at once, by multigrid."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from memlab.imaging.boxes import boxes_around
from memlab.imaging.push_pull import doubled, halved, spread_by_halves

STEPS = 4
"""Number of conjugate-gradient steps. The largest remaining error, in units of the pixel range, is
1e-4 for a hole in the middle half of an image, 1e-3 if four fifths are a hole, and 1e-2 if all
pixels but one are a hole."""
COARSEST = 4
"""Side in pixels at which coarsening ends."""
SWEEPS = tuple(1 / (1.25 + 0.75 * math.cos((2 * k + 1) * math.pi / 6)) for k in range(3))
"""Relaxation factors of three Jacobi sweeps that best damp the finer half of all errors
(Chebyshev's polynomial on [1/2, 2], the eigenvalues of these errors): to 0.074 at worst."""


def harmonic(images: Tensor, hole: Tensor, steps: int = STEPS) -> Tensor:
    """Fill a hole so that each pixel in it is the mean of its neighbours.

    The values around the hole are fixed, and there is no flux across the edge of the image. The
    solution depends only on the hole and the pixels next to it, so each image is solved in this
    bounding box. Boxes of equal size are solved together.

    Args:
        images: (B, C, H, W); pixels inside the hole are not used.
        hole: (B, 1, H, W) float of 0 and 1, not all 1.
        steps: number of conjugate-gradient steps, the same for all images.

    Returns:
        (B, C, H, W): the images outside the hole, the solution inside.
    """
    filled = images.clone()
    for boxes in boxes_around(hole, 1):
        part, inside = (torch.stack([whole[box] for box in boxes]) for whole in (images, hole))
        for box, solved in zip(boxes, _solved(part, inside, steps), strict=True):
            filled[box] = solved
    return filled


def _solved(images: Tensor, hole: Tensor, steps: int) -> Tensor:
    """Return the solution, by conjugate gradients from a coarse-to-fine initial guess.

    The preconditioner is a multigrid cycle (Tatebe, The multigrid preconditioned conjugate gradient
    method, 1993).
    """
    filled = spread_by_halves(torch.where(hole > 0, 0, images), 1 - hole)
    before = left = -hole * _excess(filled)
    towards, size = torch.zeros_like(left), torch.ones_like(left[..., :1, :1])
    for _ in range(steps):
        conditioned = _cycle(left, hole)
        # Polak and Ribière's formula, because the cycle is not quite symmetric
        turn = _dot(left - before, conditioned) / size.clamp(min=1e-20)
        towards = conditioned + turn * towards
        bend = hole * _excess(towards)
        size = _dot(left, conditioned)
        stride = size / _dot(towards, bend).clamp(min=1e-20)
        filled = filled + stride * towards
        before, left = left, left - stride * bend
    return filled


def residual(images: Tensor, hole: Tensor) -> Tensor:
    """Return how far each pixel of a hole is from the mean of its neighbours: (B, C, H, W)."""
    return _excess(images) / 4 * hole


def _cycle(force: Tensor, hole: Tensor) -> Tensor:
    """Return an approximate v, 0 outside the hole, of `4 v - (sum of neighbours) = force`."""
    values = SWEEPS[0] / 4 * hole * force
    for step in SWEEPS[1:]:
        values = _swept(values, force, hole, step)
    if min(values.shape[-2:]) > COARSEST:
        left = hole * (force - _excess(values))
        # sums of 2 × 2 pixels, because the grid spacing of the coarser equation is twice as long
        height, width = left.shape[-2:]
        sums = 4 * avg_pool2d(pad(left, (0, width % 2, 0, height % 2)), 2)
        error = _cycle(sums, (halved(hole) == 1).to(hole))
        values = values + hole * doubled(error, values)
    for step in reversed(SWEEPS):
        values = _swept(values, force, hole, step)
    return values


def _swept(values: Tensor, force: Tensor, hole: Tensor, step: float) -> Tensor:
    """Return the values after a Jacobi sweep with relaxation factor `step`."""
    return torch.addcmul(values, hole, force - _excess(values), value=step / 4)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Return the inner product of each channel of each image: (B, C, 1, 1)."""
    return (one * other).sum(dim=(2, 3), keepdim=True)


def _excess(values: Tensor) -> Tensor:
    """Return four times each value minus its four neighbours; edge pixels are repeated outwards."""
    wide = pad(values, (1, 1, 1, 1), mode="replicate")
    rows, columns = wide[..., 1:-1], wide[..., 1:-1, :]
    excess = 4 * values
    for beside in (rows[..., :-2, :], rows[..., 2:, :], columns[..., :-2], columns[..., 2:]):
        excess -= beside
    return excess
