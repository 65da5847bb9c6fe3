"""Loss of rank correlation: equal to SciPy, paired, and none for exchangeable controls."""

import numpy as np
import pytest
from scipy import stats

from memlab.analysis.rank_loss import performance_loss, sufficiency
from memlab.stats import rho_difference
from tests.builders.effect_arrays import NAN, made_effects, value, with_holes


def test_loss_of_rank_correlation_equals_scipy_and_is_paired() -> None:
    rng = np.random.default_rng(3)
    n, k = 30, 4
    y = np.round(rng.normal(size=n), 1)  # ties
    f = y + rng.normal(size=n)
    target = with_holes(rng, rng.normal(size=(n, 1)))
    control = rng.normal(size=(n, k))
    control[:5, 2:] = NAN  # two draws could not be placed in five images
    control[5] = NAN
    one = made_effects(n, {"target": target, "control": control}, predicted=f, score=y)
    both = np.isfinite(target[:, 0]) & np.isfinite(control).any(axis=1)
    filled = control.copy()
    filled[:5, 2:] = control[:5, :2]
    each = [stats.spearmanr((f - filled[:, j])[both], y[both]).statistic for j in range(k)]
    after = stats.spearmanr((f - target[:, 0])[both], y[both]).statistic
    found = performance_loss(one)
    assert value(found) == pytest.approx(np.mean(each) - after, abs=1e-12)

    q, clean = sufficiency(one)
    there = np.isfinite(target[:, 0])
    for estimate, predicted in ((q, f - target[:, 0]), (clean, f)):
        expected = stats.spearmanr(predicted[there], y[there]).statistic
        assert value(estimate) == pytest.approx(expected, abs=1e-12)

    times = rng.integers(1, 4, n)
    many = np.repeat(both, times)
    each = [
        stats.spearmanr(*(np.repeat(x, times)[many] for x in (f - z, y))).statistic
        for z in (*filled.T, target[:, 0])
    ]
    weighted = value(found, times.astype(float))
    assert weighted == pytest.approx(np.mean(each[:-1]) - each[-1], abs=1e-12)


@pytest.mark.slow
def test_exchangeable_controls_lose_no_correlation_though_averaged_ones_would_seem_to() -> None:
    rng = np.random.default_rng(4)
    losses, of_averages = [], []
    for _ in range(200):
        y = rng.normal(size=100)
        occluded = rng.normal(0, 1, (100, 9))
        drops = {"target": occluded[:, :1], "control": occluded[:, 1:]}
        losses.append(value(performance_loss(made_effects(100, drops, predicted=y, score=y))))
        averaged, changed = y - occluded[:, 1:].mean(axis=1), y - occluded[:, 0]
        of_averages.append(value(rho_difference(changed, averaged, y)))
    assert abs(np.mean(losses)) < 4 * np.std(losses) / 200**0.5
    assert np.mean(of_averages) > 0.2
