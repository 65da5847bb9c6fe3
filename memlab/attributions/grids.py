"""Values of the feature layer on the grid of the image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab.attributions.reference import parts_of, whole_of
from memlab.errors import MemlabError
from memlab.scorer import Scorer


def by_channel(model: Scorer, values: Any) -> list[Tensor]:
    """Return values of the feature layer on the grid, (B, C, h, w), one tensor per branch.

    Args:
        model: model with a feature layer.
        values: of the shape of the model's activations.

    Raises:
        MemlabError: if the branches of the model do not have the channels of its grid.
    """
    grid: Tensor = model.grid(values)  # type: ignore[operator]
    channels = list(model.branches.values()) or [grid.shape[1]]
    if sum(channels) != grid.shape[1]:
        raise MemlabError(
            f"{model.title}: its branches have {sum(channels)} channels ({model.branches}), "
            f"its grid {grid.shape[1]}"
        )
    return list(torch.split(grid, channels, dim=1))


def placed(model: Scorer, contributions: Any) -> Tensor:
    """Return contributions to a score by position, (B, 1 or branches, h, w).

    A grid that rearranges values keeps their sum. One that resamples them, to bring branches or
    crops on the grid of the image, does not: each value counts there with a weight. Contributions
    are divided by their weights first, so that a contribution that has a position is in the map
    with its whole value. Those without a position, such as a class token's, have the weight 0.

    Args:
        model: model with a feature layer, whose grid is linear.
        contributions: of the shape of the model's activations.
    """
    parts = parts_of(contributions)
    weights = _weights(model, contributions)
    whole = tuple(
        torch.where(weight != 0, part / weight, 0)
        for part, weight in zip(parts, weights, strict=True)
    )
    grid = by_channel(model, whole_of(whole, contributions))
    return torch.cat([part.sum(dim=1, keepdim=True) for part in grid], dim=1)


def _weights(model: Scorer, like: Any) -> tuple[Tensor, ...]:
    """Return how much each value of the feature layer adds to the sum of the grid, (1, ...) each.

    It is the gradient of the sum; 1 for all values if the grid has no gradient.
    """
    with torch.enable_grad():
        ones = tuple(torch.ones_like(part[:1]).requires_grad_() for part in parts_of(like))
        # a grid may work in place, which a leaf does not allow
        copies = tuple(one.clone() for one in ones)
        total = sum(part.sum() for part in by_channel(model, whole_of(copies, like)))
        if not isinstance(total, Tensor) or not total.requires_grad:
            return tuple(one.detach() for one in ones)
        return torch.autograd.grad(total, ones, materialize_grads=True)
