"""Solver of Laplace's equation inside a hole, for a whole batch at once, by multigrid."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

STEPS = 4
"""Number of conjugate-gradient steps. The largest remaining error, in units of the pixel range, is
1e-4 for a hole in the middle half of an image, 1e-3 if four fifths are a hole, and 1e-2 if all
pixels but one are a hole."""
SIDE = 16
"""The sides of a box are multiples of this number of pixels."""
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
    for boxes in _boxes(hole):
        part, inside = (torch.stack([whole[box] for box in boxes]) for whole in (images, hole))
        for box, solved in zip(boxes, _solved(part, inside, steps), strict=True):
            filled[box] = solved
    return filled


Box = tuple[int, slice, slice, slice]


def _boxes(hole: Tensor) -> Iterable[list[Box]]:
    """Return the boxes in (B, C, H, W) of the holes and the pixels next to them, grouped by size.

    Sides are multiples of `SIDE`, which limits the number of sizes, or the sides of the image.
    """
    ends = []
    for axis in (3, 2):
        covered = (hole > 0).any(dim=axis)[:, 0].byte()  # (B, length)
        length = covered.shape[1]
        before, behind = covered.argmax(dim=1), covered.flip(1).argmax(dim=1)
        needed = length - before - behind + 2
        side = (needed + SIDE - 1).div(SIDE, rounding_mode="floor").mul(SIDE).clamp(max=length)
        first = torch.minimum((before - 1).clamp(min=0), length - side)
        ends += [first, first + side]
    alike: dict[tuple[int, int], list[Box]] = {}
    there = hole.flatten(1).any(dim=1)
    for place, (top, bottom, left, right) in enumerate(torch.stack(ends, dim=1).tolist()):
        if there[place]:
            box = (place, slice(None), slice(top, bottom), slice(left, right))
            alike.setdefault((bottom - top, right - left), []).append(box)
    return alike.values()


def _solved(images: Tensor, hole: Tensor, steps: int) -> Tensor:
    """Return the solution, by conjugate gradients from a coarse-to-fine initial guess.

    The preconditioner is a multigrid cycle (Tatebe, The multigrid preconditioned conjugate gradient
    method, 1993).
    """
    filled = _guess(torch.where(hole > 0, 0, images), 1 - hole)
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


def _guess(known: Tensor, weight: Tensor) -> Tensor:
    """Spread known values over unknown pixels, from coarse to fine.

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
    """Return an approximate v, 0 outside the hole, of `4 v - (sum of neighbours) = force`."""
    values = SWEEPS[0] / 4 * hole * force
    for step in SWEEPS[1:]:
        values = _swept(values, force, hole, step)
    if min(values.shape[-2:]) > COARSEST:
        left = hole * (force - _excess(values))
        # sums of 2 × 2 pixels, because the grid spacing of the coarser equation is twice as long
        height, width = left.shape[-2:]
        sums = 4 * avg_pool2d(pad(left, (0, width % 2, 0, height % 2)), 2)
        error = _cycle(sums, (_coarser(hole) == 1).to(hole))
        values = values + hole * _finer(error, values)
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


def _coarser(values: Tensor) -> Tensor:
    """Return means of 2 × 2 pixels; at an odd edge, of the existing pixels."""
    return avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)


def _finer(values: Tensor, like: Tensor) -> Tensor:
    """Return values at twice the resolution, cropped to the size of `like`."""
    twice = interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)
    return twice[..., : like.shape[-2], : like.shape[-1]]
