"""Statistics over repeated runs: mean and SD of one number. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memlab.stats.measures import Statistic


@dataclass(frozen=True)
class OverMembers:
    """Summary of one statistic over repeated runs.

    Args:
        metric: name of the statistic.
        condition: the ablation, for effects.
        members: number of runs.
        mean: mean over the runs; None, with a reason, if a run lacks the statistic.
        sd: standard deviation, with n - 1; None with fewer than two runs.
        min: smallest value.
        max: largest value.
        reason: why a number is missing.
    """

    metric: str
    condition: str | None
    members: int
    mean: float | None = None
    sd: float | None = None
    min: float | None = None
    max: float | None = None
    reason: str | None = None


def over_members(
    metric: str, condition: str | None, statistics: Mapping[str, Statistic | None]
) -> OverMembers:
    """Return mean, SD (n - 1), minimum and maximum of a statistic; None with a reason.

    Args:
        metric: name of the statistic.
        condition: the ablation, for effects.
        statistics: run to its statistic, None if the run lacks it.
    """
    count = len(statistics)
    values = []
    for name, statistic in statistics.items():
        if statistic is None or statistic.value is None:
            why = statistic.reason if statistic else "not there"
            return OverMembers(metric, condition, count, reason=f"{name}: {why}")
        values.append(statistic.value)
    array = np.array(values)
    mean, least, most = float(array.mean()), float(array.min()), float(array.max())
    alone = count < 2
    return OverMembers(
        metric,
        condition,
        count,
        mean,
        None if alone else float(array.std(ddof=1)),
        least,
        most,
        "no SD of a single member" if alone else None,
    )
