"""The test of size: does an ablation move predictions further than the nuisance changes do?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memlab.stats.sizes import size_tests
from tests.builders.analyses import N, made_analysis


def alarms(own: np.ndarray, other: np.ndarray, resamples: int = 499) -> float:
    """Share of columns, each a data set of its own, that are found at .05."""
    found = size_tests(own**2 - other**2, 0, resamples)
    return float(np.mean([one.p <= 0.05 for one in found if one.p is not None]))


@pytest.mark.parametrize("n", [10, 20, 60, 200])
def test_without_a_difference_in_size_there_are_few_alarms(n: int) -> None:
    rng = np.random.default_rng(n)
    shape = (n, 1000)
    assert alarms(rng.normal(size=shape), rng.normal(size=shape)) <= 0.065
    # skewed and dependent, but exchangeable within an image
    skill = rng.gamma(0.3, size=(n, 1000))
    pair = rng.gamma(0.5, size=(2, *shape)) * skill
    assert alarms(pair[0], pair[1]) <= 0.065
    # equal in size, not in shape: constant shift against heavy tails, and the other way round
    tails = rng.laplace(size=shape) / np.sqrt(2)
    allowed = {10: 0.21, 20: 0.16, 60: 0.12, 200: 0.085}[n]
    assert alarms(np.ones(shape), tails) <= allowed
    assert alarms(tails, np.ones(shape)) <= 0.065


def test_shape_alone_raises_fewer_alarms_than_by_flipping_signs() -> None:
    rng = np.random.default_rng(0)
    tails = rng.laplace(size=(100, 1000)) / np.sqrt(2)
    found = size_tests(1 - tails**2, 0, 499)
    flipped = np.mean([one.p_flip <= 0.05 for one in found if one.p_flip is not None])
    assert flipped > 0.12
    assert alarms(np.ones_like(tails), tails) < 0.6 * flipped


def test_a_difference_in_size_is_found() -> None:
    rng = np.random.default_rng(1)
    twice = alarms(2 * rng.normal(size=(40, 500)), rng.normal(size=(40, 500)))
    assert twice >= 0.95
    assert alarms(rng.normal(size=(40, 500)), 2 * rng.normal(size=(40, 500))) == 0


@pytest.mark.parametrize("n", [8, 12])
def test_the_sign_flip_is_that_of_scipy(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.3, 1, size=(n, 3))
    found = size_tests(differences, 0, 20_000)
    for column, one in zip(differences.T, found, strict=True):
        wanted = stats.permutation_test(
            (column,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="greater"
        )
        assert one.p_flip == pytest.approx(wanted.pvalue, abs=0.012)
        assert one.p is not None
        assert one.p >= one.p_flip  # type: ignore[operator]


def test_the_bootstrap_is_that_of_studentised_resamples() -> None:
    values = np.random.default_rng(3).exponential(size=30) - 0.7
    (found,) = size_tests(values[:, None], 0, 20_000)
    drawn = np.random.default_rng(9).choice(values, size=(20_000, 30))
    z = (drawn.mean(axis=1) - values.mean()) / drawn.std(axis=1)
    wanted = np.mean(z >= values.mean() / values.std())
    assert found.p_bootstrap == pytest.approx(wanted, abs=0.01)


def test_p_is_never_zero_and_counts_the_observed_signs() -> None:
    rng = np.random.default_rng(0)
    (found,) = size_tests(rng.uniform(1, 2, size=(50, 1)), 0, 99)
    assert found.p_flip == found.p_bootstrap == found.p == pytest.approx(1 / 100)
    (least,) = size_tests(np.full((50, 1), 0.3), 0, 99)  # does not vary
    assert (least.p, least.p_bootstrap) == (pytest.approx(1 / 100), None)
    # three images can give no p below 1 / 8
    (three,) = size_tests(np.full((3, 1), 0.3), 0, 9999)
    assert three.p == pytest.approx(1 / 8, abs=0.02)


def test_images_that_do_not_bear_on_a_column_do_not_count() -> None:
    values = np.random.default_rng(0).normal(0.4, 1, size=(60, 2))
    values[25:, 0] = np.nan
    found = size_tests(values, 0, 9999)
    (alone,) = size_tests(values[:25, :1], 0, 9999)
    assert [one.n for one in found] == [25, 60]
    assert found[0].p == pytest.approx(alone.p, abs=0.02)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full(9, np.nan), "no eligible image"),
        (np.empty(0), "no eligible image"),
        (np.r_[1.0, np.full(8, np.nan)], "only 1 image"),
        (np.r_[1.0, 1.0, np.full(7, np.nan)], "only 2 images"),
        (np.zeros(9), "the same effect on every image"),
    ],
)
def test_no_test_has_a_reason(values: np.ndarray, reason: str) -> None:
    (found,) = size_tests(values[:, None], 0, 99)
    assert found.p is None
    assert reason in str(found.reason)


def test_a_change_that_moves_predictions_both_ways_is_found_by_its_size() -> None:
    """As of grey images by a model of redness: the mean effect is nothing, the size is large."""
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    both_ways = 0.05 * np.tile([[1.0], [-1.0]], (N // 2, 1))
    summary = made_analysis(
        {
            ("grayscale@1", "target"): both_ways,
            ("blur@2", "target"): rng.normal(0, 0.001, (N, 1)),
            ("shift@2", "nuisance"): rng.normal(0, 0.001, (N, 1)),
            ("noise@1", "nuisance"): rng.normal(0, 0.0005, (N, 1)),
        },
        clean,
        clean + rng.normal(0, 0.1, N),
    )
    grey, blur = summary.conditions[:2]
    assert grey.tests.mean.p == pytest.approx(1, abs=0.05)
    assert grey.tests.size.p <= 0.001
    assert grey.control.baseline.ratio.value > 20
    # no larger than the largest nuisance change, though larger than the other
    assert blur.tests.size.p > 0.05
    assert "largest p of 2 nuisance changes" in blur.tests.size.method
    assert grey.tests.either.p == grey.tests.mean.p
    assert grey.tests.either.statistic == "mean effect not 0"
    assert grey.tests.size.statistic == "RMS effect above the nuisance baseline"


def test_each_kind_of_p_is_corrected_by_itself() -> None:
    rng = np.random.default_rng(2)
    clean = rng.normal(0.7, 0.1, N)
    drops = {(f"a{place}@1", "target"): rng.normal(0.004, 0.012, (N, 1)) for place in range(4)}
    drops |= {("swap@1", "swap"): rng.normal(0, 0.05, (N, 3))}
    drops |= {("swap@1", "round-trip"): rng.normal(0, 0.045, (N, 3))}
    drops |= {("shift@2", "nuisance"): rng.normal(0, 0.01, (N, 1))}
    entries = [
        one for one in made_analysis(drops, clean, clean).conditions if one.role != "nuisance"
    ]
    for kind, count in (("mean", 4), ("size", 5)):
        raw = sorted(
            getattr(one.tests, kind).p for one in entries if getattr(one.tests, kind).p is not None
        )
        corrected = sorted(
            getattr(one.tests, kind).p_corrected
            for one in entries
            if getattr(one.tests, kind).p_corrected is not None
        )
        assert len(raw) == count
        wanted = np.minimum(np.maximum.accumulate(np.array(raw) * np.arange(count, 0, -1)), 1)
        assert corrected == pytest.approx(list(wanted))
    (swap,) = [one for one in entries if one.role == "swap"]
    assert swap.tests.mean.p is None
    assert "no mean effect" in swap.tests.mean.reason
    assert swap.tests.size.p == swap.tests.either.p


@pytest.mark.slow
def test_of_a_region_mean_and_size_are_tested_against_its_controls() -> None:
    rng = np.random.default_rng(4)
    clean = rng.normal(0.7, 0.1, N)
    kinds = {"compared_with": "matched-control", "region": "faces"}
    control = rng.normal(0, 0.01, (N, 8))
    signs = np.tile([[1.0], [-1.0]], (N // 2, 1))
    for target, mean, size in (
        (0.03 * signs, False, True),  # up here and down there
        (rng.normal(0, 0.01, (N, 1)) + 0.02, True, True),
        (rng.normal(0, 0.01, (N, 1)), False, False),
    ):
        drops = {("g@1", "target"): target, ("g@1", "control"): control}
        (entry,) = made_analysis(drops, clean, clean, **kinds).conditions
        assert (entry.tests.mean.p < 0.01) == mean
        assert (entry.tests.size.p < 0.01) == size
        assert (entry.tests.either.p < 0.01) == (mean or size)
