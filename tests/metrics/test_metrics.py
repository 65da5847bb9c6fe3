"""Statistics against SciPy, their rules where there is no answer, and intervals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as sklearn_metrics

from memlab.metrics.mean_effect import mean_effect
from memlab.metrics.metric import METRICS, SPEARMAN
from memlab.metrics.scores import ScoreMetrics


def pairs(n: int, seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.beta(6, 2, size=n)
    predicted = 0.5 * score + 0.5 * rng.beta(6, 2, size=n)
    if ties:
        score, predicted = np.round(score, 1), np.round(predicted, 1)
    return predicted, score


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [3, 10, 1000])
def test_values_equal_the_libraries(n: int, ties: bool) -> None:
    predicted, score = pairs(n, n, ties)
    found = {name: metric(predicted, score).value for name, metric in METRICS.items()}
    wanted = {
        "spearman": stats.spearmanr(predicted, score).statistic,
        "pearson": stats.pearsonr(predicted, score).statistic,
        "r2": sklearn_metrics.r2_score(score, predicted),
        "mse": sklearn_metrics.mean_squared_error(score, predicted),
        "mae": sklearn_metrics.mean_absolute_error(score, predicted),
        "calibration_slope": stats.linregress(predicted, score).slope,
    }
    assert found == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize(
    ("predicted", "score", "reason"),
    [
        ([0.5] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], "predictions are constant"),
        ([0.1, 0.2, 0.3, 0.4, 0.5], [0.7] * 5, "scores are constant"),
        ([0.1, np.nan, 0.3], [0.1, 0.2, 0.3], "predictions are not finite"),
        ([0.1, 0.2, 0.3], [0.1, np.nan, 0.3], "scores are missing"),
        ([0.1, 0.2], [0.1, 0.2], "only 2 images"),
        ([], [], "only 0 images"),
    ],
)
def test_null_has_a_reason(predicted: list[float], score: list[float], reason: str) -> None:
    found = SPEARMAN(np.array(predicted), np.array(score))
    assert found.value is None
    assert found.reason == reason


def test_constant_predictions_still_have_errors() -> None:
    predicted, score = np.full(4, 0.5), np.array([0.4, 0.5, 0.6, 0.7])
    assert METRICS["mse"](predicted, score).value == pytest.approx(0.015)
    assert METRICS["r2"](predicted, score).value == pytest.approx(1 - 0.015 / 0.0125)
    assert METRICS["calibration_slope"](predicted, score).value is None


@pytest.mark.parametrize("sizes", [[7], [3, 4], [1, 1, 5], [0, 7]])
def test_the_metric_gathers_batches_and_resets(sizes: list[int]) -> None:
    predicted, score = pairs(7, 0, True)
    metric = ScoreMetrics()
    start = 0
    for size in sizes:
        part = slice(start, start + size)
        metric.update(torch.tensor(predicted[part]), torch.tensor(score[part]))
        start += size
    found = metric.statistics()["spearman"].value
    assert found == pytest.approx(stats.spearmanr(predicted, score).statistic, abs=1e-12)
    metric.reset()
    metric.update(torch.zeros(0), torch.zeros(0))
    assert metric.statistics()["mse"].reason == "no images"


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METRICS))
def test_intervals_equal_a_plain_bootstrap(name: str) -> None:
    predicted, score = pairs(80, 1, True)
    found = METRICS[name].with_interval(predicted, score, seed=3)
    places = np.random.default_rng(3).integers(80, size=(2000, 80))
    drawn = [METRICS[name](predicted[row], score[row]).value for row in places]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert found.low < found.value < found.high  # type: ignore[operator]


def test_cores_work_on_stacks() -> None:
    predicted, score = pairs(30, 2, True)
    stack = SPEARMAN.core(np.stack([predicted, -predicted]), np.stack([score, score]))
    assert stack[0] == pytest.approx(-stack[1])


def test_the_drop_equals_scipys_bca() -> None:
    rng = np.random.default_rng(0)
    clean = rng.beta(6, 2, size=60)
    changed = clean - rng.exponential(0.02, size=60)
    found = mean_effect(clean, changed, seed=5)
    wanted = stats.bootstrap(
        (clean - changed,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(5)
    ).confidence_interval
    assert found.value == pytest.approx(float((clean - changed).mean()))
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_the_drops_interval_covers() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        drop = rng.exponential(0.02, size=60)
        found = mean_effect(drop, np.zeros(60), seed=0, resamples=999)
        hits += found.low <= 0.02 <= found.high  # type: ignore[operator]
    assert 0.89 <= hits / 300 <= 0.985


@pytest.mark.parametrize(
    ("clean", "changed", "value", "low", "reason"),
    [
        ([], [], None, None, "no eligible image"),
        ([0.5, 0.6], [0.4, 0.5], 0.1, None, "no interval: only 2 images"),
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], 0.0, 0.0, None),
        ([0.5, np.nan, 0.7], [0.5, 0.6, 0.7], None, None, "predictions are not finite"),
    ],
)
def test_the_drop_where_there_is_little_to_say(
    clean: list[float], changed: list[float], value: float, low: float, reason: str
) -> None:
    found = mean_effect(np.array(clean), np.array(changed), seed=0)
    assert found.value == (None if value is None else pytest.approx(value))
    assert (found.low, found.reason) == (low, reason)
