"""Integrated gradients along a straight path, with as many steps as the sum needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.attributions.gradients import gradients_of
from memlab.scorer import Scorer

FEWEST, MOST = 32, 512
"""Steps of the integral, doubled until the residual is small enough."""
RESIDUAL = 1e-3
"""Largest residual that ends the doubling, in SDs of the scores of the reference images."""


@dataclass(frozen=True)
class PathIntegral:
    """Integrated gradients of scores, from a start to an end.

    Args:
        parts: one tensor for each part of the end, of its shape: what each value contributes.
        difference: (B,) score at the end minus score at the start.
        residual: (B,) difference minus the sum of the contributions: the error of the integral.
        steps: (B,) int64, number of gradients that were averaged.
        scores: (B,) scores at the end.
    """

    parts: tuple[Tensor, ...]
    difference: Tensor
    residual: Tensor
    steps: Tensor
    scores: Tensor


def path_integral(
    model: Scorer,
    score: Callable[[tuple[Tensor, ...], Tensor], Tensor],
    start: tuple[Tensor, ...],
    end: tuple[Tensor, ...],
    tolerance: float,
) -> PathIntegral:
    """Integrate the gradients of scores along the straight path from start to end.

    Integrated gradients (Sundararajan et al. 2017, ICML, eq. 1): the difference of each value,
    times the mean gradient along the path. Their sum is the difference of the scores. The integral
    is a Gauss-Legendre sum of `FEWEST` steps, doubled for each image whose residual is not below
    the tolerance, up to `MOST`. The residual is returned and never hidden by rescaling.

    Args:
        model: the model, for messages.
        score: maps the parts of images, and the images' places in the batch, to scores (b,).
        start: parts of the start, each of shape (B, ...) or (1, ...).
        end: parts of the end, each of shape (B, ...).
        tolerance: largest residual, in units of the score.

    Raises:
        MemlabError: if the scores have no gradient.
    """
    count, device = len(end[0]), end[0].device
    start = tuple(one.expand_as(other) for one, other in zip(start, end, strict=True))
    everywhere = torch.arange(count, device=device)
    with torch.no_grad():
        scores = score(end, everywhere)
        difference = (scores - score(start, everywhere)).double()
    found = tuple(torch.zeros_like(one) for one in end)
    residual, steps = difference.clone(), torch.zeros_like(everywhere)
    left, number = everywhere, FEWEST
    while len(left):
        some = _contributions(
            model,
            score,
            tuple(one[left] for one in start),
            tuple(one[left] for one in end),
            left,
            number,
        )
        for whole, part in zip(found, some, strict=True):
            whole[left] = part
        totals = [part.double().flatten(1).sum(dim=1) for part in some]
        residual[left] = difference[left] - torch.stack(totals).sum(dim=0)
        steps[left] = number
        number *= 2
        left = left[(residual[left].abs() >= tolerance) & (number <= MOST)]
    return PathIntegral(found, difference.float(), residual.float(), steps, scores)


def _contributions(
    model: Scorer,
    score: Callable[[tuple[Tensor, ...], Tensor], Tensor],
    start: tuple[Tensor, ...],
    end: tuple[Tensor, ...],
    places: Tensor,
    steps: int,
) -> tuple[Tensor, ...]:
    """Return what each value contributes, by a Gauss-Legendre sum of gradients."""
    totals = tuple(torch.zeros_like(one) for one in end)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        point = tuple(
            torch.lerp(first, last, float(node)).requires_grad_()
            for first, last in zip(start, end, strict=True)
        )
        gradients = gradients_of(score(point, places), point, model)
        for total, gradient in zip(totals, gradients, strict=True):
            total.add_(gradient, alpha=float(weight))
    return tuple(
        total * (last - first) for total, first, last in zip(totals, start, end, strict=True)
    )
