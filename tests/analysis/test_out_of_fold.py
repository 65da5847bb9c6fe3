"""Pooled out-of-fold results: constants, shifts between folds, noise, and a known truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from memlab.analysis import tested
from memlab.analysis.out_of_fold import OutOfFold, out_of_fold, pooled, pooled_statistic
from memlab.data.folds import fold_numbers
from memlab.data.sources.base import make_table
from memlab.metrics.metric import SPEARMAN
from memlab.reports.tested import read_tested
from tests.builders.finished_runs import write_finished


def folds_of(score: np.ndarray, folds: int) -> np.ndarray:
    names = [f"{place:04d}" for place in range(len(score))]
    table = make_table({"id": names, "image": names, "score": score}, Path(), "")
    return fold_numbers(table, folds, 0, [""] * len(score))


def by_fold(predicted: np.ndarray, score: np.ndarray, fold: np.ndarray) -> dict[int, tested.Tested]:
    found = {}
    for number in np.unique(fold):
        where = np.flatnonzero(fold == number)
        ids = [f"{place:04d}" for place in where]
        folder = Path(f"folds-{len(list(Path().glob('folds-*')))}/fit")
        write_finished(folder, predicted[where], score[where], ids, images={"test": len(score)})
        found[int(number)] = read_tested(folder)
    return found


def result(predicted: np.ndarray, score: np.ndarray, fold: np.ndarray) -> OutOfFold:
    return out_of_fold(by_fold(predicted, score, fold), int(fold.max()))


def ridge(features: np.ndarray, score: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A ridge regression, as a function from features to predictions."""
    mean, level = features.mean(axis=0), score.mean()
    square = (features - mean).T @ (features - mean) + 10 * np.eye(features.shape[1])
    weights = np.linalg.solve(square, (features - mean).T @ (score - level))
    return lambda new: level + (new - mean) @ weights


def test_each_folds_training_mean_has_no_correlation() -> None:
    score = np.random.default_rng(0).beta(6, 2, size=60)
    fold = np.arange(60) % 5 + 1  # not stratified: the trap is at its worst
    constant = np.array([score[fold != number].mean() for number in fold])
    assert stats.spearmanr(constant, score)[0] < -0.1  # the trap
    found = result(constant, score, fold)
    for name in ("spearman", "pearson", "calibration_slope"):
        assert found.metrics[name].value is None
        assert found.metrics[name].reason == "predictions are constant within each fold"
    assert found.metrics["mse"].value == pytest.approx(np.mean((constant - score) ** 2))
    assert found.metrics["r2"].value is not None
    assert found.metrics["r2"].value < 0


def test_a_shift_between_folds_changes_no_correlation() -> None:
    rng = np.random.default_rng(1)
    score = rng.beta(6, 2, size=60)
    fold = folds_of(score, 5)
    predicted = score + rng.normal(0, 0.1, size=60)
    alone = result(predicted, score, fold).metrics
    shifted = result(predicted + fold / 5, score, fold).metrics
    for name in ("spearman", "pearson", "calibration_slope"):
        assert shifted[name].value == pytest.approx(alone[name].value)
        assert shifted[name].low == pytest.approx(alone[name].low)
    assert stats.spearmanr(predicted + fold / 5, score)[0] < alone["spearman"].value - 0.2


def test_every_image_counts_once_in_the_table() -> None:
    score = np.random.default_rng(2).beta(6, 2, size=30)
    fold = folds_of(score, 3)
    predicted = score / 2
    table = pooled(by_fold(predicted, score, fold))
    assert list(table.columns) == ["id", "score", "predicted", "fold"]
    assert table["id"].tolist() == [f"{place:04d}" for place in range(30)]
    assert table["fold"].tolist() == fold.tolist()
    assert np.allclose(table["predicted"], predicted)


def test_a_missing_fold_or_other_data_have_no_pooled_result() -> None:
    score = np.random.default_rng(3).beta(6, 2, size=30)
    fold = folds_of(score, 3)
    finished = by_fold(score, score, fold)
    assert out_of_fold({1: finished[1], 3: finished[3]}, 3).reason == "not finished: fold 2"
    twice = out_of_fold({1: finished[1], 2: finished[1], 3: finished[3]}, 3)
    assert twice.reason is not None
    assert "tested twice: 10 images" in twice.reason
    assert not twice.metrics


def simulated(signal: float, worlds: int) -> tuple[np.ndarray, float]:
    """Errors of the pooled rho in worlds of 60 images, and how often its interval is right."""
    rng = np.random.default_rng(4)
    errors, covered = [], 0
    for _ in range(worlds):
        features = rng.normal(size=(560, 10))
        noise = np.sqrt(1 - signal**2) * rng.normal(size=560)
        score = 0.75 + 0.1 * (signal * features[:, 0] + noise)
        own, new = slice(60), slice(60, None)
        fold = folds_of(score[own], 10)
        predicted, truths = np.empty(60), []
        for number in range(1, 11):
            test = fold == number
            model = ridge(features[own][~test], score[own][~test])
            predicted[test] = model(features[own][test])
            truths.append(stats.spearmanr(model(features[new]), score[new])[0])
        truth = float(np.mean(truths)) if signal else 0.0
        found = pooled_statistic(SPEARMAN, predicted, score[own], fold)
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        errors.append(found.value - truth)
        covered += found.low <= truth <= found.high
    return np.array(errors), covered / worlds


@pytest.mark.slow
@pytest.mark.parametrize("signal", [0.0, 0.5])
def test_intervals_cover_the_truth(signal: float) -> None:
    errors, coverage = simulated(signal, 100)
    assert abs(errors.mean()) < 0.02 + 2 * errors.std() / 10
    assert coverage >= 0.91  # .85 without the wider interval
