"""What training makes small."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

SCORE_SD = 0.1
"""About one standard deviation of memorability scores: the scale that errors are seen at."""

TEMPERATURE = 0.02
"""How far apart two predictions are told apart by the rank loss: a fifth of that deviation."""

_TINY = 1e-6  # keeps the gradient bounded where all predictions, or all scores, are equal


def soft_ranks(values: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Ranks from 1 to n that have a gradient.

    Every other value counts by how surely it is the smaller one. As the temperature goes to 0 the
    ranks become those of sorting, ties sharing their mean rank. After Qin, Liu & Li 2010
    (Information Retrieval 13, eq. 15: the position function of ApproxNDCG), counted from below.

    Args:
        values: (n,).
        temperature: the difference, in units of the values, at which a pair is 73 % in order.

    Returns:
        (n,), in [1, n]; their mean is (n + 1) / 2.
    """
    above = torch.sigmoid((values[:, None] - values[None, :]) / temperature)
    return 0.5 + above.sum(dim=1)  # a value against itself has counted one half


def soft_spearman(predicted: Tensor, scores: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Spearman's correlation with soft ranks in place of the predictions' ranks; a scalar.

    Args:
        predicted: (n,).
        scores: (n,); their ranks are exact, ties sharing the mean rank.
        temperature: of `soft_ranks`.

    Returns:
        In [-1, 1]; 0 where all scores are equal.
    """
    ours = soft_ranks(predicted, temperature) / len(scores)
    above = (scores[:, None] > scores[None, :]).float()
    theirs = (above.sum(dim=1) - above.sum(dim=0)) / (2 * len(scores))  # mid-ranks, centred
    ours = ours - ours.mean()
    spread = ours.square().mean() * theirs.square().mean()
    return (ours * theirs).mean() / (spread + _TINY**2).sqrt().clamp(min=_TINY)


def rank_loss(predicted: Tensor, scores: Tensor) -> Tensor:
    """(1 - soft Spearman) + MSE / 0.1²: the right order, at the right level.

    A correlation leaves the scale of the predictions open, so the squared error joins it, in units
    of the scores' variance. Each part is about 1 for a model that knows nothing, 0 for a perfect
    one. The order is that within the batch: give it 32 images or more.
    """
    return 1 - soft_spearman(predicted, scores) + mse_loss(predicted, scores) / SCORE_SD**2


def huber(predicted: Tensor, scores: Tensor) -> Tensor:
    """Squared error up to one standard deviation of the scores, linear beyond."""
    return huber_loss(predicted, scores, delta=SCORE_SD)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mse_loss,
    "huber": huber,
    "rank": rank_loss,
}
"""Losses by name: predictions (n,) and scores (n,) to a scalar."""
