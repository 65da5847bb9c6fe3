"""Training losses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

SCORE_SD = 0.1
"""Approximate standard deviation of memorability scores: the scale of the errors."""

TEMPERATURE = 0.02
"""Temperature of the rank loss, in units of the score: a fifth of `SCORE_SD`."""

_TINY = 1e-6  # bounds the gradient where all predictions, or all scores, are equal


def soft_ranks(values: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return differentiable ranks from 1 to n.

    The rank of a value is 1 plus the sum, over the other values, of the sigmoid of the difference
    divided by the temperature. As the temperature goes to 0, the ranks become exact mid-ranks.
    After Qin, Liu & Li 2010 (Information Retrieval 13, eq. 15: the position function of
    ApproxNDCG), in ascending order.

    Args:
        values: (n,).
        temperature: difference, in units of the values, at which the sigmoid of a pair is 0.73.

    Returns:
        (n,), in [1, n]; their mean is (n + 1) / 2.
    """
    above = torch.sigmoid((values[:, None] - values[None, :]) / temperature)
    return 0.5 + above.sum(dim=1)  # the sum includes 0.5 from each value against itself


def soft_spearman(predicted: Tensor, scores: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return Spearman's correlation with soft ranks of the predictions; a scalar.

    Args:
        predicted: (n,).
        scores: (n,); their ranks are exact mid-ranks.
        temperature: temperature of `soft_ranks`.

    Returns:
        Correlation in [-1, 1]; 0 if all scores are equal.
    """
    ours = soft_ranks(predicted, temperature) / len(scores)
    above = (scores[:, None] > scores[None, :]).float()
    theirs = (above.sum(dim=1) - above.sum(dim=0)) / (2 * len(scores))  # centred mid-ranks
    ours = ours - ours.mean()
    spread = ours.square().mean() * theirs.square().mean()
    return (ours * theirs).mean() / (spread + _TINY**2).sqrt().clamp(min=_TINY)


def rank_loss(predicted: Tensor, scores: Tensor) -> Tensor:
    """Return (1 - soft Spearman) + MSE / 0.1², a scalar.

    A correlation does not determine the scale of the predictions, so the loss adds the squared
    error in units of the scores' variance. Each term is about 1 for an uninformed model and 0 for a
    perfect one. Ranks are computed within the batch: use batches of 32 images or more.
    """
    return 1 - soft_spearman(predicted, scores) + mse_loss(predicted, scores) / SCORE_SD**2


def huber(predicted: Tensor, scores: Tensor) -> Tensor:
    """Return the Huber loss: quadratic up to one SD of the scores, linear beyond."""
    return huber_loss(predicted, scores, delta=SCORE_SD)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mse_loss,
    "huber": huber,
    "rank": rank_loss,
}
"""Losses by name: functions from predictions (n,) and scores (n,) to a scalar."""
