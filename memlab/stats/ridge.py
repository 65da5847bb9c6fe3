"""Ridge regression in closed form, with its strength chosen by cross-validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

FOLDS = 10
"""Number of folds of the cross-validation."""
RELATIVE = tuple(10.0 ** (step / 2) for step in range(-4, 13))
"""Compared strengths, as multiples of the mean variance of the features: 0.01 to 1,000,000."""


@dataclass(frozen=True)
class Candidate:
    """Strength that was compared, and the quality of its predictions of held-out rows.

    Args:
        strength: strength of the penalty, `alpha` of scikit-learn; infinity is the constant model.
        mse: mean squared error.
        spearman: Spearman correlation; None if it is undefined, as for the constant model.
    """

    strength: float
    mse: float
    spearman: float | None


@dataclass(frozen=True)
class RidgeFit:
    """Linear model `features @ weights + intercept`, and how its strength was chosen.

    Args:
        weights: (D,), for features as they were given.
        intercept: constant term.
        mean: mean of the targets.
        chosen: the candidate that was chosen.
        candidates: all candidates, from the weakest strength to the constant model.
        folds: number of folds.
        n: number of rows.
        features: number of features, D.
    """

    weights: np.ndarray
    intercept: float
    mean: float
    chosen: Candidate
    candidates: tuple[Candidate, ...]
    folds: int
    n: int
    features: int

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return predictions (n,) of features (n, D)."""
        predicted: np.ndarray = features @ self.weights + self.intercept
        return predicted

    def on_logit_scale(self) -> tuple[np.ndarray, float]:
        """Return weights (D,) and intercept of a model whose sigmoid stays in (0, 1).

        The link is linearised at the mean m of the targets: logit(m) + (prediction - m) / (m (1 -
        m)). The sigmoid of this is m where the prediction is m, has the slope 1 there, and ranks
        all rows as the prediction does.

        Raises:
            ValueError: if the mean is not between 0 and 1.
        """
        if not 0 < self.mean < 1:
            raise ValueError(f"the mean of the targets is {self.mean:g}, not between 0 and 1")
        slope = 1 / (self.mean * (1 - self.mean))
        offset = math.log(self.mean / (1 - self.mean))
        return self.weights * slope, offset + (self.intercept - self.mean) * slope


def cross_validated_ridge(
    features: np.ndarray,
    targets: np.ndarray,
    seed: int = 0,
    folds: int = FOLDS,
    relative: Sequence[float] = RELATIVE,
    groups: np.ndarray | None = None,
) -> RidgeFit:
    """Fit ridge regression with the strength that predicts held-out rows best.

    The model minimises the sum of squared errors plus `strength` times the sum of squared weights.
    Features are centred and not scaled; the intercept is not penalised. The rows are assigned to
    folds at random, and each fold is predicted from the others. The strength with the least mean
    squared error over all rows is chosen. The constant model is one of the candidates; of equal
    candidates the strongest is chosen.

    `GridSearchCV` of scikit-learn over `Ridge(alpha=strength)`, with the same folds of equal size,
    gives the same predictions.

    Args:
        features: (n, D), finite.
        targets: (n,), finite.
        seed: seed of the folds.
        folds: number of folds; n if there are fewer rows.
        relative: positive strengths to compare, besides the constant model, as multiples of the
            mean variance of the features; the choice then does not depend on their scale.
        groups: (n,) group of each row; the rows of a group, such as copies of one image, are in one
            fold. By default each row is its own group.

    Raises:
        ValueError: if there are fewer than two rows or groups.

    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(40, 5))
    >>> fit = cross_validated_ridge(features, features[:, 0] + 0.1)
    >>> fit.chosen.strength < 1, round(float(fit.weights[0]), 1)
    (True, 1.0)
    """
    x, y = np.asarray(features, dtype=float), np.asarray(targets, dtype=float)
    different = len(y) if groups is None else len(np.unique(groups))
    if different < 2:
        raise ValueError(f"{different} rows or groups: at least 2 are needed")
    unit = float(x.var(axis=0).mean()) or 1.0
    compared = np.array([*(unit * strength for strength in sorted(relative)), math.inf])
    parts = row_folds(len(y), seed, folds, groups)
    predicted = np.empty((len(y), len(compared)))
    for part in parts:
        others = np.setdiff1d(np.arange(len(y)), part)
        weights, intercepts = _solutions(x[others], y[others], compared)
        predicted[part] = x[part] @ weights + intercepts
    errors = np.mean((predicted - y[:, None]) ** 2, axis=0)
    candidates = tuple(
        Candidate(float(strength), float(error), _correlation(column, y, strength))
        for strength, error, column in zip(compared, errors, predicted.T, strict=True)
    )
    chosen = min(reversed(candidates), key=lambda candidate: candidate.mse)
    weights, intercepts = _solutions(x, y, np.array([chosen.strength]))
    return RidgeFit(
        weights[:, 0],
        float(intercepts[0]),
        float(y.mean()),
        chosen,
        candidates,
        len(parts),
        *x.shape,
    )


def row_folds(
    n: int, seed: int, folds: int = FOLDS, groups: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the row numbers of each fold: a random partition of n rows, or of their groups.

    Each fold has the same number of groups, give or take one.
    """
    group = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(group.max()) + 1
    order = np.random.default_rng(seed).permutation(count)
    return [
        np.flatnonzero(np.isin(group, part)) for part in np.array_split(order, min(folds, count))
    ]


def _solutions(
    x: np.ndarray, y: np.ndarray, strengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (D, S) and intercepts (S,) of all strengths, from one eigendecomposition."""
    centre = x.mean(axis=0)
    z, residuals = x - centre, y - y.mean()
    wide = z.shape[0] <= z.shape[1]
    values, vectors = np.linalg.eigh(z @ z.T if wide else z.T @ z)
    target = residuals if wide else z.T @ residuals
    shrunk = (vectors.T @ target)[:, None] / (np.clip(values, 0, None)[:, None] + strengths)
    weights = vectors @ shrunk
    if wide:
        weights = z.T @ weights
    return weights, y.mean() - centre @ weights


def _correlation(predicted: np.ndarray, y: np.ndarray, strength: float) -> float | None:
    # the constant of a fold is the mean of the other folds, which says nothing of a row
    if math.isinf(strength) or np.ptp(predicted) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(predicted, y).statistic)
