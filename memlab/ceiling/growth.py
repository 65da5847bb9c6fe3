"""Reliability against the number of answers per image: measured, and predicted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memlab.ceiling.halves import ScoreOf, halves_of_people
from memlab.ceiling.reliability import spearman_brown
from memlab.stats import LEVEL

_DRAWS = 50
_GRID = (*range(1, 11), 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)


def measured(score_of: ScoreOf, people: int, responses: float, seed: int) -> pd.DataFrame:
    """Measure the agreement of two disjoint groups of people, for several group sizes.

    The correlation of two groups with n answers per image is the reliability of scores from n
    answers. Sizes range from few people to half of them.

    Args:
        score_of: scores of groups of people, as for `halves_of_people`.
        people: number of people.
        responses: mean number of responses per image, from all people.
        seed: seed of the groups.

    Returns:
        Columns `responses` (per image and group), `people` (in a group), `reliability` (mean of 50
        draws, Spearman), `low`, `high` (95 % of the draws), `ceiling` (the root of `reliability`),
        `kind`.
    """
    rows = []
    for size in sorted({round(people / 2 * share) for share in np.geomspace(0.05, 1, 8)}):
        mean = responses * size / people
        if size < 1 or mean < 1:
            continue
        correlations = halves_of_people(score_of, people, seed, _DRAWS, size).spearman
        correlations = correlations[np.isfinite(correlations)]
        if len(correlations):
            low, high = np.quantile(correlations, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            rows.append((mean, size, correlations.mean(), low, high))
    growth = pd.DataFrame(rows, columns=["responses", "people", "reliability", "low", "high"])
    growth["ceiling"] = growth["reliability"].clip(lower=0) ** 0.5
    return growth.assign(kind="measured")


def predicted(half: float, responses: float) -> pd.DataFrame:
    """Predict the reliability at 1 to 100 answers per image by Spearman-Brown.

    Args:
        half: correlation of two halves.
        responses: responses per image in both halves together.

    Returns:
        Columns `responses`, `reliability`, `ceiling`, `kind`.
    """
    n = np.unique([*_GRID, responses])
    reliability = np.array([spearman_brown(half, 2 * each / responses) for each in n])
    columns = {"responses": n, "reliability": reliability, "ceiling": reliability**0.5}
    return pd.DataFrame(columns).assign(kind="Spearman-Brown")
