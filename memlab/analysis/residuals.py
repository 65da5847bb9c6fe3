"""Residuals of predictions, raw and calibrated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memlab.stats.measures import constant

LEAST = 3
"""Minimum number of images per level; rarer levels are left out and counted."""


def with_residuals(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with two residuals, both prediction minus score: positive is overestimated.

    `residual` is the raw error. If a model's predictions spread too little or too far, this
    residual correlates with everything that the score correlates with, for that reason alone.
    `calibrated_residual` is a + b prediction − score, with a and b from least squares on these
    images. It is uncorrelated with the prediction, so a column that correlates with it carries
    information about the score that the prediction lacks. Both residuals decrease with the score
    (regression to the mean), so memlab does not associate them with the score.

    Args:
        rows: columns `score` and `predicted`; NaN if there is none.

    Returns:
        A copy; residuals are NaN if the score or prediction is missing, and `calibrated_residual`
        is NaN for all images if predictions are constant.
    """
    rows = rows.copy()
    score, predicted = (rows[name].to_numpy(dtype=float) for name in ("score", "predicted"))
    known = np.isfinite(score) & np.isfinite(predicted)
    rows["residual"] = predicted - score
    rows["calibrated_residual"] = np.nan
    if known.sum() >= LEAST and not constant(predicted[known]):
        slope, offset = np.polyfit(predicted[known], score[known], 1)
        rows["calibrated_residual"] = offset + slope * predicted - score
    return rows
