"""Step edges: their widths along rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

HEIGHT = 0.1
"""Smallest step of luma that counts, well above noise and compression artefacts."""
FLANK = 0.25
"""Largest rise or fall beside a step, share of the step. It tells a step from a line or a texture,
whose narrow rises and falls follow one another."""


@dataclass(frozen=True)
class StepEdges:
    """Step edges of a batch.

    Attributes:
        image: (N,) int64, index of the image that has the edge.
        variance: (N,) variance of the Gaussian whose integral has the form of the edge, square
            pixels, measured across the edge.
    """

    image: Tensor
    variance: Tensor


def step_edges(grey: Tensor) -> StepEdges:
    """Return the step edges of luma in rows and columns.

    A step is a rise or fall without turning point, at least `HEIGHT` high, next to which luma
    changes little. Its differences d form a bump. Positions weighted by d² have half the variance
    of the Gaussian that the bump is a sample of, and depend little on its faint tails, which drown
    in noise. An edge that is oblique to a row is wider along the row; the width is corrected by the
    direction of the gradient. Each edge is measured in the direction that crosses it.

    Args:
        grey: (B, 1, H, W) in [0, 1].
    """
    found = [_in_rows(grey[:, 0]), _in_rows(grey[:, 0].mT.contiguous())]
    return StepEdges(
        torch.cat([one.image for one in found]), torch.cat([one.variance for one in found])
    )


def _in_rows(grey: Tensor) -> StepEdges:
    """Return the steps in the rows of (B, H, W), of edges that are steeper than 45°."""
    count, height, width = grey.shape
    rise = grey.diff(dim=2)
    sign = rise.sign()
    starts = torch.ones_like(rise, dtype=torch.bool)
    starts[..., 1:] = sign[..., 1:] != sign[..., :-1]
    run = starts.flatten().cumsum(0) - 1
    first = starts.flatten().nonzero().flatten()
    place = torch.arange(width - 1, device=grey.device).repeat(count * height)
    place = (place - place[first][run]).to(grey)  # from the start of the run
    size = rise.abs().flatten()

    def total(values: Tensor) -> Tensor:
        return torch.zeros(len(first)).to(grey).index_add_(0, run, values)

    step, square = total(size), total(size.square()).clamp(min=1e-12)
    centre = total(size.square() * place) / square
    spread = total(size.square() * (place - centre[run]).square()) / square
    slant = total(size * _across(grey).flatten()) / square
    row = first // (width - 1)
    # the run at either end of a row may go on outside the image
    leftmost = first % (width - 1) == 0
    rightmost = leftmost.roll(-1)
    before = step.roll(1).masked_fill(leftmost, torch.inf)
    after = step.roll(-1).masked_fill(rightmost, torch.inf)
    isolated = torch.maximum(before, after) <= FLANK * step
    counts = isolated & (step >= HEIGHT) & (slant <= 1)
    return StepEdges((row // height)[counts], (2 * spread / (1 + slant.square()))[counts])


def _across(grey: Tensor) -> Tensor:
    """Return the change of luma across rows, at the differences along rows: (B, H, W − 1)."""
    padded = torch.cat([grey[:, :1], grey, grey[:, -1:]], dim=1)
    change = (padded[:, 2:] - padded[:, :-2]) / 2
    return ((change[..., 1:] + change[..., :-1]) / 2).abs()
