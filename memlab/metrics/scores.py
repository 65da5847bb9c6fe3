"""Metric of predictions and scores, gathered from all processes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from memlab.metrics.metric import METRICS
from memlab.stats.measures import Statistic


class ScoreMetrics(Metric):
    """All statistics of `METRICS`, over every image of every process, each counted once.

    The metric keeps all pairs, because a rank correlation is not a mean over batches.
    """

    full_state_update = False
    predicted: list[Tensor]
    scores: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("predicted", default=[], dist_reduce_fx="cat")
        self.add_state("scores", default=[], dist_reduce_fx="cat")

    def update(self, predicted: Tensor, scores: Tensor) -> None:
        """Add the predictions and scores, (B,) each, of a batch."""
        self.predicted.append(predicted.detach().float())
        self.scores.append(scores.detach().float())

    def compute(self) -> Tensor:
        """Return predictions and scores of all processes: (2, n) float64, on the CPU."""
        empty = torch.zeros(0)
        predicted = dim_zero_cat(self.predicted) if len(self.predicted) else empty
        scores = dim_zero_cat(self.scores) if len(self.scores) else empty
        return torch.stack([predicted, scores]).cpu().double()

    def statistics(self) -> dict[str, Statistic]:
        """Return each statistic by name; an undefined statistic is null, with the reason."""
        predicted, scores = self.compute().numpy()
        return {name: metric(predicted, scores) for name, metric in METRICS.items()}
