"""Ridge regression in closed form: the predictions of scikit-learn, and the choice of strength."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_predict

from memlab.stats.ridge import RELATIVE, cross_validated_ridge, row_folds


def drawn(n: int, d: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n + d)
    features = rng.gamma(2.0, size=(n, d)) * np.geomspace(0.1, 3, d)
    signal = features @ rng.normal(size=d) / np.sqrt(d)
    return features, 0.7 + 0.05 * signal + noise * rng.normal(size=n)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (30, 100), (12, 12)])
def test_choice_and_predictions_are_those_of_scikit_learn(n: int, d: int) -> None:
    features, targets = drawn(n, d, noise=0.02)
    fit = cross_validated_ridge(features, targets, seed=3)
    fold_of = np.empty(n, dtype=int)
    for place, rows in enumerate(row_folds(n, seed=3)):
        fold_of[rows] = place
    folds = PredefinedSplit(fold_of)
    unit = features.var(axis=0).mean()
    grid = {"alpha": [unit * strength for strength in RELATIVE]}
    search = GridSearchCV(Ridge(), grid, scoring="neg_mean_squared_error", cv=folds)
    search.fit(features, targets)
    assert fit.chosen.strength == pytest.approx(search.best_params_["alpha"])
    new = drawn(n + 1, d)[0]
    assert fit.predict(new) == pytest.approx(search.predict(new), abs=1e-8)
    for candidate in fit.candidates[4:-1:4]:
        held_out = cross_val_predict(Ridge(alpha=candidate.strength), features, targets, cv=folds)
        assert candidate.mse == pytest.approx(np.mean((held_out - targets) ** 2))


def test_features_that_say_nothing_give_the_mean_or_nearly() -> None:
    rng = np.random.default_rng(0)
    targets = rng.uniform(0.3, 1, size=100)
    same = cross_validated_ridge(np.ones((100, 5)), targets)
    assert math.isinf(same.chosen.strength)
    assert same.chosen == same.candidates[-1]
    assert not same.weights.any()
    assert same.predict(rng.normal(size=(3, 5))) == pytest.approx(targets.mean())
    spread = [
        np.std(
            cross_validated_ridge(rng.normal(size=(100, 30)), targets, seed=seed).predict(
                rng.normal(size=(100, 30))
            )
        )
        for seed in range(10)
    ]
    assert np.median(spread) < 0.1 * np.std(targets)


def test_scores_stay_between_0_and_1_and_keep_the_order() -> None:
    features, targets = drawn(40, 10)
    targets = np.clip(targets, 0, 1)
    fit = cross_validated_ridge(features, targets)
    weights, bias = fit.on_logit_scale()
    far = np.vstack([features, 1000 * features, -1000 * features])
    with np.errstate(over="ignore"):
        scores = 1 / (1 + np.exp(-(far @ weights + bias)))
    assert (scores >= 0).all()
    assert (scores <= 1).all()
    near = scores[: len(features)]
    assert np.array_equal(np.argsort(near), np.argsort(fit.predict(features)))
    close = np.abs(fit.predict(features) - fit.mean) < 0.02
    assert near[close] == pytest.approx(fit.predict(features)[close], abs=2e-3)


def test_folds_depend_on_the_seed_alone_and_hold_each_row_once() -> None:
    rows = row_folds(23, seed=1)
    assert sorted(np.concatenate(rows).tolist()) == list(range(23))
    assert {len(part) for part in rows} == {2, 3}
    assert all(map(np.array_equal, rows, row_folds(23, seed=1)))
    assert not all(map(np.array_equal, rows, row_folds(23, seed=2)))
    assert len(row_folds(4, seed=0)) == 4


def test_copies_are_held_out_together() -> None:
    """Noise fits copies of noise: without groups, a weak penalty seems to predict them."""
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(40, 60)), rng.uniform(0.3, 1, size=40)
    twice, scores = np.repeat(features, 2, axis=0), np.repeat(targets, 2)
    groups = np.repeat([f"{place:02d}" for place in range(40)], 2)
    for part in row_folds(80, 0, groups=groups):
        assert len(part) == 2 * len(np.unique(groups[part])) == 8
    alone = cross_validated_ridge(twice, scores)
    together = cross_validated_ridge(twice, scores, groups=groups)
    assert alone.chosen.mse < 0.4 * targets.var()
    assert together.chosen.mse > 0.8 * targets.var()
    each = np.arange(40)
    plain = cross_validated_ridge(features, targets)
    assert cross_validated_ridge(features, targets, groups=each).candidates == plain.candidates
    with pytest.raises(ValueError, match="1 rows or groups: at least 2"):
        cross_validated_ridge(twice, scores, groups=np.zeros(80))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_rows_are_enough(n: int) -> None:
    features, targets = drawn(n, 20)
    fit = cross_validated_ridge(features, targets)
    assert fit.folds == n
    assert np.isfinite(fit.predict(features)).all()


def test_what_cannot_be_fitted_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        cross_validated_ridge(np.ones((1, 3)), np.ones(1))
    fit = cross_validated_ridge(np.ones((4, 3)), np.ones(4))
    with pytest.raises(ValueError, match="not between 0 and 1"):
        fit.on_logit_scale()
