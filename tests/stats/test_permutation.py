"""The relabelling test of removals: exact on small data, and by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from scipy import stats

from memlab.stats import Test, permutation_tests


def alarms(tests: list[Test], alpha: float = 0.025) -> float:
    """Share of features, each a data set of its own, that are found."""
    return float(np.mean([test.p <= alpha for test in tests if test.p is not None]))


def statistics(drops: Sequence[np.ndarray]) -> tuple[float, float]:
    """M and S of an image's drops each, the target first, as the audit defines them."""
    energy, specific = [], []
    for target, *controls in drops:
        k = len(controls)
        if k > 1:  # M needs a distance between controls
            pairs = [abs(controls[i] - controls[j]) for i in range(k) for j in range(i)]
            energy.append(np.mean(np.abs(target - np.array(controls))) - np.mean(pairs))
        specific.append(target - np.mean(controls))
    return float(np.mean(energy)), float(np.mean(specific))


@pytest.mark.parametrize("counts", [(2, 2, 2, 2), (1, 3, 2, 4, 1)])
def test_p_is_the_share_of_all_relabellings(counts: tuple[int, ...]) -> None:
    """Also where images have unequal numbers of controls, wherever the missing ones stand."""
    rng = np.random.default_rng(0)
    padded = np.full((len(counts), 1 + max(counts)), np.nan)
    for row, k in zip(padded, counts, strict=True):
        row[0] = rng.exponential() + 1
        row[1 + rng.choice(max(counts), k, replace=False)] = rng.exponential(size=k)
    drops = [row[np.isfinite(row)] for row in padded]
    found = permutation_tests(padded[:, None, 0], padded[:, None, 1:], 0, 20_000)
    every = [
        statistics([np.roll(row, -chosen) for row, chosen in zip(drops, choice, strict=True)])
        for choice in product(*(range(k + 1) for k in counts))
    ]
    energy, specific = np.array(every).T
    assert every[0] == statistics(drops)
    assert found.energy[0].n == len(counts)
    for test, values, own in (
        (found.energy[0], energy, energy[0]),
        (found.specific_above[0], specific, specific[0]),
        (found.specific_below[0], -specific, -specific[0]),
        (found.specific[0], np.abs(specific), abs(specific[0])),
    ):
        assert test.p == pytest.approx(np.mean(values >= own - 1e-12), abs=0.01)
        assert test.p_all == test.p  # the only feature
    assert found.energy[0].z == pytest.approx(energy[0] / energy.std())
    assert found.specific[0].z == pytest.approx(abs(specific[0]) / specific.std())
    either = np.maximum(energy / energy.std(), np.abs(specific) / specific.std())
    assert found.either[0].p == pytest.approx(np.mean(either >= either[0] - 1e-9), abs=0.01)


def test_features_with_unequal_controls_are_tested_as_if_alone_and_corrected_together() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for trial in range(150):
        drops = rng.exponential(size=(30, 1, 6)) + rng.exponential(size=(30, 4, 6))
        drops[rng.random((30, 4)) < 0.4, 3:] = np.nan
        tests = permutation_tests(drops[:, :, 0], drops[:, :, 1:], trial, 199)
        wrong += any(test.p_all <= 0.05 for test in tests.either)  # type: ignore[operator]
    assert wrong / 150 <= 0.09
    alone = permutation_tests(drops[:, 1:2, 0], drops[:, 1:2, 1:], 0, 9999).either[0]
    beside = permutation_tests(drops[:, :, 0], drops[:, :, 1:], 0, 9999).either[1]
    assert (alone.n, alone.z) == (beside.n, pytest.approx(beside.z))
    assert alone.p == pytest.approx(beside.p, abs=0.02)


def test_one_control_is_a_sign_flip() -> None:
    difference = np.random.default_rng(1).normal(0.5, 1, size=10)
    found = permutation_tests(difference[:, None], np.zeros((10, 1, 1)), 0, 20_000)
    wanted = stats.permutation_test(
        (difference,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert found.specific[0].p == pytest.approx(wanted.pvalue, abs=0.01)
    assert found.energy[0].p is None
    assert "one control draw" in str(found.energy[0].reason)
    assert found.either[0].p == found.specific[0].p


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 60, 300])
def test_skewed_occlusions_without_effect_raise_no_alarm(n: int) -> None:
    drops = np.random.default_rng(n).gamma(0.2, size=(n, 1000, 9))
    target, control = drops[:, :, 0], drops[:, :, 1:]
    found = permutation_tests(target, control, 0, 999)
    for tests in (found.energy, found.specific_above, found.specific_below, found.either):
        assert alarms(tests) <= 0.035
    assert alarms(found.specific, 0.05) <= 0.07
    # flipping the sign of D - c̄ instead, which is skewed
    flipped = permutation_tests(target - control.mean(axis=2), np.zeros((n, 1000, 1)), 0, 999)
    assert alarms(flipped.specific_below) > 0.035


@pytest.mark.slow
def test_alarms_do_not_grow_with_the_images() -> None:
    shares = []
    for n in (100, 1000):
        drops = np.random.default_rng(n).gamma(0.5, size=(n, 400, 5))
        found = permutation_tests(drops[:, :, 0], drops[:, :, 1:], 0, 499)
        shares.append([alarms(tests, 0.05) for tests in (found.energy, found.specific)])
    assert np.max(shares) <= 0.075
    assert (np.diff(shares, axis=0) <= 0.03).all()


def test_a_cue_of_random_sign_is_found_under_a_common_shift() -> None:
    rng = np.random.default_rng(0)
    drops = rng.normal(-0.03, 0.012, size=(300, 60, 9))  # 60 data sets
    drops[:, :, 0] += 0.01 * rng.choice([-1, 1], size=(300, 60))
    target, control = drops[:, :, 0], drops[:, :, 1:]
    assert alarms(permutation_tests(target, control, 0, 499).energy, 0.05) >= 0.95
    magnitudes = np.abs(target) - np.abs(control).mean(axis=2)
    blind = stats.ttest_1samp(magnitudes, 0).pvalue <= 0.05
    assert blind.mean() <= 0.2


@pytest.mark.slow
def test_several_features_are_corrected_together() -> None:
    rng = np.random.default_rng(0)
    wrong, found = 0, []
    for trial in range(150):
        shared = rng.exponential(size=(40, 1, 5))  # masks overlap: features depend on each other
        drops = shared + rng.exponential(size=(40, 8, 5))
        tests = permutation_tests(drops[:, :, 0], drops[:, :, 1:], trial, 199)
        wrong += any(test.p_all <= 0.05 for test in tests.either)  # type: ignore[operator]
        drops[:, 0, 0] += 2
        with_effect = permutation_tests(drops[:, :, 0], drops[:, :, 1:], trial, 199).either[0]
        found.append(with_effect.p_all <= 0.05)  # type: ignore[operator]
        assert with_effect.p <= with_effect.p_all  # type: ignore[operator]
    assert wrong / 150 <= 0.09
    assert np.mean(found) >= 0.9


def test_images_without_the_feature_do_not_count() -> None:
    drops = np.random.default_rng(0).normal(size=(30, 2, 5))
    drops[:, 0, 0] += 1
    drops[20:, 0, 0] = np.nan
    drops[15:20, 0, 1:] = np.nan
    found = permutation_tests(drops[:, :, 0], drops[:, :, 1:], 0, 99)
    assert [test.n for test in found.energy] == [15, 30]
    alone = permutation_tests(drops[:15, :1, 0], drops[:15, :1, 1:], 0, 99)
    assert found.energy[0].z == pytest.approx(alone.energy[0].z)
    doubled = permutation_tests(drops[:, :, 0], drops[:, :, 1:], 0, 99, weights=np.full(30, 2.0))
    assert doubled == found


@pytest.mark.parametrize(
    ("target", "control", "reason"),
    [
        (np.ones(10), np.ones((10, 0)), "no control draws"),
        (np.full(10, np.nan), np.ones((10, 4)), "no eligible image"),
        (np.empty(0), np.empty((0, 4)), "no eligible image"),
        (np.eye(3, 2)[:, 0] + [0, np.nan, np.nan], np.ones((3, 4)), "only 1 image"),
        (np.ones(2), np.zeros((2, 4)), "only 2 images"),
        (np.full(10, 0.3), np.full((10, 4), 0.3), "all occlusions of an image have the same"),
        (np.zeros(10), np.zeros((10, 4)), "all occlusions of an image have the same"),
        (np.full(10, np.inf), np.ones((10, 4)), "predictions are not finite"),
    ],
)
def test_no_test_has_a_reason(target: np.ndarray, control: np.ndarray, reason: str) -> None:
    # a feature that can be tested stands beside
    other = np.random.default_rng(0).normal(size=(len(target), 1, 1 + control.shape[1]))
    both = np.concatenate([np.concatenate([target[:, None], control], axis=1)[:, None], other], 1)
    found = permutation_tests(both[:, :, 0], both[:, :, 1:], 0, 99)
    for tests in (found.energy, found.specific, found.either):
        assert tests[0].p is None
        assert reason in str(tests[0].reason)
        assert (tests[1].p is None) == (len(target) < 3 or control.shape[1] == 0)
