"""The bootstrap of an audit: against SciPy, by simulation, and where it has no answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memlab.stats import (
    Bootstrap,
    Correlations,
    Estimate,
    bootstrap,
    rho,
    rho_difference,
)
from memlab.stats.correlations import Ranked
from memlab.stats.resampling import Strata, resamples_of


def mean(values: np.ndarray) -> Estimate:
    return Estimate(values[:, None], lambda means: means[..., 0])


def ratio(values: np.ndarray, shares: np.ndarray) -> Estimate:
    columns = np.stack([values, shares], axis=1)
    return Estimate(columns, lambda means: means[..., 0] / means[..., 1])


def skewed(n: int, columns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=(n, columns))


def correlated(n: int, trials: int, loading: float, seed: int) -> tuple[np.ndarray, ...]:
    """Two models' predictions and the scores, (trials, n), r with the scores loading and .5."""
    score, first, second = np.random.default_rng(seed).normal(size=(3, trials, n))
    return (
        loading * score + (1 - loading**2) ** 0.5 * first,
        0.5 * score + 0.75**0.5 * second,
        score,
    )


def held(found: Bootstrap, truth: float) -> float:
    ends = [(one.low, one.high) for one in found.statistics.values()]
    return float(np.mean([low <= truth <= high for low, high in ends]))  # type: ignore[operator]


def test_intervals_equal_scipys_bca() -> None:
    values = skewed(120, 2, 0)
    found = bootstrap({"mean": mean(values[:, 0]), "ratio": ratio(*values.T)}, 5, 4000).statistics
    for name, statistic in (
        ("mean", lambda x, _, axis: x.mean(axis=axis)),
        ("ratio", lambda x, y, axis: x.mean(axis=axis) / y.mean(axis=axis)),
    ):
        wanted = stats.bootstrap(
            tuple(values.T),
            statistic,
            paired=True,
            n_resamples=4000,
            rng=np.random.default_rng(5),
        )
        ends = wanted.confidence_interval
        # both draw the same integers, so there is no Monte Carlo error between them
        assert (found[name].low, found[name].high) == pytest.approx((ends.low, ends.high))


def test_resamples_do_not_depend_on_how_many_are_held_at_once() -> None:
    counts = np.concatenate(list(resamples_of(5000, 3, 120)))
    places = np.random.default_rng(3).integers(5000, size=(120, 5000))
    assert counts.shape == (120, 5000)
    for row, drawn in zip(counts, places, strict=True):
        assert np.array_equal(row, np.bincount(drawn, minlength=5000))


@pytest.mark.slow
@pytest.mark.parametrize("digits", [1, 9])
def test_rho_of_resamples_equals_scipys_with_ties(digits: int) -> None:
    first, second, score = (np.round(each[0], digits) for each in correlated(40, 1, 0.7, 0))
    counts = next(resamples_of(40, 1, 300))
    found = Ranked(score, np.stack([first, second], axis=1)).rho(counts.astype(np.int32))
    for row, got in zip(counts.astype(int), found, strict=True):
        for predicted, value in zip((first, second), got, strict=True):
            drawn = np.repeat(predicted, row), np.repeat(score, row)
            assert value == pytest.approx(stats.spearmanr(*drawn).statistic, abs=1e-12)


@pytest.mark.slow
def test_rhos_interval_is_scipys_but_for_the_draws() -> None:
    first, _, score = (np.round(each[0], 1) for each in correlated(60, 1, 0.7, 0))
    found = bootstrap({"rho": rho(first, score)}, 0, 20_000)["rho"]
    without = [
        stats.spearmanr(np.delete(first, at), np.delete(score, at)).statistic for at in range(60)
    ]
    lacking = np.mean(without) - without
    wanted = (lacking**3).sum() / (6 * (lacking**2).sum() ** 1.5)
    assert found.acceleration == pytest.approx(wanted, abs=0.002)
    ends = stats.bootstrap(
        (first, score),
        lambda x, y: stats.spearmanr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    interval = found.interval()
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high), abs=0.02)


@pytest.mark.parametrize("digits", [1, 9])
def test_influence_on_rho_is_its_derivative(digits: int) -> None:
    first, second, score = (np.round(each[0], digits) for each in correlated(50, 1, 0.7, 0))
    ranked = Ranked(score, np.stack([first, second], axis=1), np.arange(50) % 7 > 0)
    weights = np.random.default_rng(1).uniform(0.5, 2, size=50)
    found = ranked.influence(weights)
    step = 1e-5 * np.diag(weights)
    wanted = (ranked.rho(weights + step) - ranked.rho(weights - step)) / 2e-5
    assert found == pytest.approx(wanted, abs=1e-8)


def test_differences_of_rho_are_paired() -> None:
    first, second, score = (each[0] for each in correlated(80, 1, 0.7, 3))
    both = {"one": rho(first, score), "two": rho(second, score)}
    found = bootstrap(both | {"gap": rho_difference(first, second, score)}, 0, 500)
    gap = found.draws["two"] - found.draws["one"]
    assert found.draws["gap"] == pytest.approx(gap, abs=1e-12)
    # a control's draws: the mean of their correlations
    many = rho_difference(first, np.stack([second, first], axis=1), score)
    half = bootstrap({"half": many}, 0, 500)["half"]
    assert half.draws == pytest.approx(gap / 2, abs=1e-12)


def test_only_some_images_bear_on_a_correlation() -> None:
    first, _, score = (each[0] for each in correlated(80, 1, 0.7, 3))
    among = np.arange(80) % 3 == 0
    found = bootstrap({"rho": rho(np.where(among, first, np.nan), score, among)}, 0, 200)["rho"]
    assert found.statistic.n == among.sum()
    wanted = stats.spearmanr(first[among], score[among]).statistic
    assert found.statistic.value == pytest.approx(wanted, abs=1e-12)
    assert np.isfinite(found.draws).all()


def test_weights_are_numbers_of_images() -> None:
    rng = np.random.default_rng(0)
    values, weights = skewed(50, 2, 0), rng.integers(1, 4, size=50).astype(float)
    estimates = {"ratio": ratio(*values.T), "rho": rho(*np.round(values, 1).T)}
    found = bootstrap(estimates, 0, 10, weights=weights).statistics
    repeated = np.repeat(values, weights.astype(int), axis=0)
    wanted = repeated[:, 0].mean() / repeated[:, 1].mean()
    assert found["ratio"].value == pytest.approx(wanted)
    rank = stats.spearmanr(*np.round(repeated, 1).T).statistic
    assert found["rho"].value == pytest.approx(rank, abs=1e-12)


def test_strata_keep_their_sizes_and_take_their_spread_away() -> None:
    strata = np.repeat([0, 1], [30, 90])
    values = strata * 5 + np.random.default_rng(0).normal(size=120)
    counts = np.concatenate(list(resamples_of(120, 0, 300, Strata(strata))))
    assert np.allclose(counts[:, strata == 0].sum(axis=1), 30)
    # stratified mean of a sample with a rare stratum taken in full: Cochran 1977, equation 5.7
    weights = np.where(strata == 0, 1.0, 7.0)
    found = bootstrap({"mean": mean(values)}, 0, 4000, weights=weights, strata=Strata(strata))[
        "mean"
    ]
    shares = np.array([30, 630]) / 660
    within = [values[strata == at].var(ddof=1) / (strata == at).sum() for at in (0, 1)]
    assert found.standard_error() == pytest.approx((shares**2 @ within) ** 0.5, rel=0.05)
    assert found.statistic.value == pytest.approx(np.average(values, weights=weights))


def test_small_strata_keep_their_variance() -> None:
    strata = np.repeat(np.arange(40), 2)
    values = np.random.default_rng(0).normal(size=80)
    weights = np.ones(80)
    found = bootstrap({"mean": mean(values)}, 0, 4000, weights=weights, strata=Strata(strata))[
        "mean"
    ]
    within = np.mean([values[strata == at].var(ddof=1) for at in range(40)])
    assert found.standard_error() == pytest.approx((within / 80) ** 0.5, rel=0.05)


def test_strata_of_a_table_that_is_a_sample_vary_in_size() -> None:
    rng = np.random.default_rng(0)
    stratum = np.repeat([0, 1, 2], [100, 250, 50])
    audited = np.concatenate([np.arange(size) < 30 for size in (100, 250, 50)])
    values = np.array([0.0, 1.0, 4.0])[stratum] + rng.normal(size=400)
    weights = np.where(audited, np.array([100, 250, 50])[stratum] / 30, 0.0)
    strata = Strata(2 * stratum + audited, stratum)
    weighted = Estimate(
        np.stack([weights * values, weights], axis=1), lambda means: means[..., 0] / means[..., 1]
    )
    estimates = {"mean": weighted, "share": mean((stratum == 2).astype(float))}
    found = bootstrap(estimates, 0, 4000, strata=strata)
    share = np.array([100, 250, 50]) / 400
    assert found["share"].standard_error() == pytest.approx((0.125 * 0.875 / 400) ** 0.5, rel=0.05)
    # two phases: the table is drawn from all images, and the audited ones from the table
    of_stratum = [values[audited & (stratum == at)] for at in range(3)]
    within = [one.var(ddof=1) / 30 for one in of_stratum]
    means = np.array([one.mean() for one in of_stratum])
    between = share @ (means - share @ means) ** 2 / 400
    expected = (share**2 @ within + between) ** 0.5
    assert found["mean"].standard_error() == pytest.approx(expected, rel=0.05)
    assert expected > 1.1 * (share**2 @ within) ** 0.5


@pytest.mark.slow
def test_intervals_cover() -> None:
    values = skewed(200, 1000, 0)
    found = bootstrap({str(at): mean(column) for at, column in enumerate(values.T)}, 0, 1000)
    assert held(found, 1) >= 0.93
    first, second, score = correlated(100, 400, 0.7, 100)
    true = [6 / np.pi * np.arcsin(r / 2) for r in (0.7, 0.5)]  # of normal variables
    trials = range(400)
    found = bootstrap({str(at): rho(first[at], score[at]) for at in trials}, 0, 600)
    assert held(found, true[0]) >= 0.93
    gaps = {str(at): rho_difference(first[at], second[at], score[at]) for at in trials}
    assert held(bootstrap(gaps, 0, 600), true[1] - true[0]) >= 0.93


def test_significance_inverts_the_interval() -> None:
    found = bootstrap({"mean": mean(skewed(60, 1, 0)[:, 0])}, 0)["mean"]
    for level in (0.8, 0.95):
        interval = found.interval(level)
        tail = pytest.approx((1 - level) / 2, abs=0.001)
        assert found.p_above(interval.low) == tail  # type: ignore[arg-type]
        assert found.p_below(interval.high) == tail  # type: ignore[arg-type]
    assert found.p_above(-10) == pytest.approx(1 / 10_001)


@pytest.mark.parametrize(
    ("estimate", "value", "reason"),
    [
        (mean(np.empty(0)), None, "no eligible image"),
        (mean(np.array([1.0])), 1, "no interval: only 1 image"),
        (mean(np.array([1.0, 2.0])), 1.5, "no interval: only 2 images"),
        (mean(np.array([1.0, np.nan, 2.0])), None, "predictions are not finite"),
        (mean(np.array([1.0, np.inf, 2.0])), None, "predictions are not finite"),
        (ratio(np.zeros(5), np.zeros(5)), None, "not defined on these images"),
        (ratio(np.eye(40)[0], np.eye(40)[0]), 1, "no interval: undefined on 33 % of the resamples"),
        (mean(np.array([0.0, 0.0, 1e-3])), 1e-3 / 3, None),
        (Estimate(np.ones((5, 1)), lambda m: m[..., 0], n=0), None, "no eligible image"),
        (Estimate(np.ones((5, 1)), lambda m: m[..., 0], n=2), 1, "no interval: only 2 images"),
        (Estimate(np.full((5, 1), np.nan), lambda m: m[..., 0], reason="why"), None, "why"),
        (rho(np.arange(2.0), np.arange(2.0)), None, "only 2 images"),
        (rho(np.ones(5), np.arange(5.0)), None, "predictions are constant"),
        (rho(np.arange(5.0), np.ones(5)), None, "scores are constant"),
        (rho(np.arange(5.0), np.full(5, np.nan)), None, "scores are missing"),
        (rho(np.full(5, np.nan), np.arange(5.0)), None, "predictions are not finite"),
        (rho(np.arange(5.0), np.arange(5.0), np.zeros(5, dtype=bool)), None, "no eligible image"),
        (rho(np.arange(5.0), np.arange(5.0), reason="no scores"), None, "no scores"),
    ],
)
def test_no_answer_has_a_reason(
    estimate: Estimate | Correlations, value: float | None, reason: str | None
) -> None:
    found = bootstrap({"it": estimate}, 0, 300).statistics["it"]
    assert (found.value, found.reason) == (value and pytest.approx(value), reason)
    assert (found.low is None) == (reason is not None)


def test_what_does_not_vary_is_known_exactly() -> None:
    same = np.full(10, 0.1)
    found = bootstrap({"mean": mean(same), "ratio": ratio(same, 3 * same)}, 0, 100)
    for statistic, value in zip(found.statistics.values(), (0.1, 1 / 3), strict=True):
        assert (statistic.low, statistic.high) == pytest.approx((value, value))
        assert statistic.reason is None
    assert found["mean"].p_below(0.2) == pytest.approx(1 / 101)
    assert found["mean"].p_below(0.05) == 1
    assert bootstrap({}, 0).statistics == {}


def test_estimates_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"estimates of \[9, 10\] images"):
        bootstrap({"one": mean(np.arange(10.0)), "two": rho(*np.arange(18.0).reshape(2, 9))}, 0)


def test_a_resample_of_equal_values_has_no_rho() -> None:
    predicted = np.array([0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
    weights = np.random.default_rng(0).uniform(0.5, 2, size=8)
    for own in (None, weights):
        found = bootstrap({"rho": rho(predicted, np.arange(8.0))}, 0, 500, weights=own)["rho"]
        lost = np.isnan(found.draws).mean()
        assert lost == pytest.approx((7 / 8) ** 8 + (1 / 8) ** 8, abs=0.06)
        assert (
            found.interval().reason
            == f"no interval: undefined on {100 * lost:.0f} % of the resamples"
        )
