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

    A grid that rearranges values keeps their sum. One that resamples them, to bring branches of
    different sizes on one grid, does not: there, each branch is scaled by the ratio of the sums of
    a constant, so that the sum stays as far as the positions are on the grid.

    Args:
        model: model with a feature layer.
        contributions: of the shape of the model's activations.
    """
    parts = by_channel(model, contributions)
    whole = not isinstance(contributions, tuple | list)  # branches are channels of one tensor
    if len(parts) == 1 or whole:
        return torch.cat([part.sum(dim=1, keepdim=True) for part in parts], dim=1)
    ones = tuple(torch.ones_like(part[:1]) for part in parts_of(contributions))
    shares = by_channel(model, whole_of(ones, contributions))
    scaled = [
        part.sum(dim=1, keepdim=True) * (one.numel() / share.sum())
        for part, share, one in zip(parts, shares, ones, strict=True)
    ]
    return torch.cat(scaled, dim=1)
