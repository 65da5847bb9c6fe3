"""The metric that a model holds: it gathers pairs from all processes, then computes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from memlab.stats.measures import METRICS, Statistic


class ScoreMetrics(Metric):
    """All statistics of `METRICS`, over every image of every process, each counted once.

    A rank correlation is not a mean over batches, so the pairs themselves are kept.
    """

    full_state_update = False
    predicted: list[Tensor]
    scores: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("predicted", default=[], dist_reduce_fx="cat")
        self.add_state("scores", default=[], dist_reduce_fx="cat")

    def update(self, predicted: Tensor, scores: Tensor) -> None:
        """Add images: predictions and scores, (B,) each."""
        self.predicted.append(predicted.detach().float())
        self.scores.append(scores.detach().float())

    def compute(self) -> Tensor:
        """Predictions and scores of all processes: (2, n) float64, on the CPU."""
        empty = torch.zeros(0)
        predicted = dim_zero_cat(self.predicted) if len(self.predicted) else empty
        scores = dim_zero_cat(self.scores) if len(self.scores) else empty
        return torch.stack([predicted, scores]).cpu().double()

    def statistics(self) -> dict[str, Statistic]:
        """Each statistic by name; null with the reason where there is none."""
        predicted, scores = self.compute().numpy()
        return {name: metric(predicted, scores) for name, metric in METRICS.items()}
