"""memlab data ceiling: halves of people, counts, and the binomial model, on known people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from memlab.ceiling.halves import Answers, halves_of_people
from memlab.ceiling.observers import (
    least_mse,
    reliability_from_scores,
    times_as_many,
)
from memlab.ceiling.reliability import from_halves, reliability_from_counts, spearman_brown
from tests.builders.answers import people


def in_rows(answers: np.ndarray) -> Answers:
    person, image = np.nonzero(np.isfinite(answers))
    return Answers(person, image, answers[person, image], *answers.shape)


def halves(answers: np.ndarray, draws: int = 200, **options: Any) -> Any:
    found = halves_of_people(in_rows(answers).means, len(answers), 0, draws, **options)
    return from_halves(found.spearman, answers.shape[1], "people")


def counts(answers: np.ndarray, draws: int = 200) -> Any:
    hits, n = np.nansum(answers, axis=0), np.isfinite(answers).sum(axis=0)
    return reliability_from_counts(hits, n.astype(float), 0, draws)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.06])
def test_halves_equal_a_plain_loop_over_the_same_halves(share: float) -> None:
    _, answers = people(31, 60, share, seed=1)
    groups: list[np.ndarray] = []
    means = in_rows(answers).means

    def spy(members: np.ndarray) -> np.ndarray:
        groups.append(members)
        return means(members)

    found = halves_of_people(spy, 31, seed=5, halves=20)
    one, other = groups[-2:]
    assert (one + other == 1).all()
    assert (one.sum(axis=1) == 15).all()
    for draw in range(20):
        scores = []
        for half in (one, other):
            members = answers[half[draw] == 1]
            asked = np.isfinite(members).sum(axis=0)
            total = np.nansum(members, axis=0)
            scores.append(np.where(asked > 0, total / np.maximum(asked, 1), np.nan))
        both = np.isfinite(scores[0]) & np.isfinite(scores[1])
        assert found.images[draw] == both.sum()
        pair = [half[both] for half in scores]
        assert found.spearman[draw] == pytest.approx(stats.spearmanr(*pair).statistic, abs=1e-12)
        assert found.pearson[draw] == pytest.approx(stats.pearsonr(*pair).statistic, abs=1e-12)
    assert (found.images.min() < 60) == (share < 1)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_ceiling_is_what_the_true_scores_get(share: float) -> None:
    full, best, half_best = [], [], []
    for seed in range(6):
        true, answers = people(60, 500, share, seed=seed)
        known = halves(answers, 60)
        full.append(known.ceiling.value - stats.spearmanr(true, np.nanmean(answers, axis=0))[0])
        part = np.nanmean(answers[:30], axis=0)
        half_best.append(known.half_ceiling.value - stats.spearmanr(true, part)[0])
        best.append(known.full.value - known.ceiling.value**2)
    assert np.mean(full) == pytest.approx(0, abs=0.012)
    assert np.mean(half_best) == pytest.approx(0, abs=0.015)
    assert best == pytest.approx([0] * 6)


def test_people_who_are_alike_agree_as_much_as_counts_say() -> None:
    both = []
    for seed in range(5):
        _, answers = people(80, 400, 0.5, seed=seed)
        both.append([halves(answers).half.value, counts(answers).half.value])
    people_agree, counts_say = np.mean(both, axis=0)
    assert people_agree == pytest.approx(counts_say, abs=0.01)


def test_where_people_differ_in_memory_counts_promise_less_than_people_keep() -> None:
    # a good half is good at every image: a shift that no correlation sees. Counts alone deal each
    # image by itself, and take what the shift adds to the binomial spread for noise
    both = []
    for seed in range(5):
        true, answers = people(60, 400, 1.0, seed=seed, memory_sd=0.15)
        by_people, by_counts = halves(answers), counts(answers)
        perfect = stats.spearmanr(true, answers.mean(axis=0)).statistic
        both.append([by_people.ceiling.value - perfect, by_counts.ceiling.value - perfect])
    people_off, counts_off = np.mean(both, axis=0)
    assert people_off == pytest.approx(0, abs=0.01)
    assert counts_off < people_off - 0.01


def test_agreement_grows_with_people_as_spearman_and_brown_say() -> None:
    _, answers = people(120, 800, 1.0, seed=3)
    small = halves(answers, 100, size=15).half.value
    for size in (30, 60):
        found = halves(answers, 100, size=size).half.value
        assert found == pytest.approx(spearman_brown(small, size / 15), abs=0.02)


def test_one_pair_of_halves_has_no_interval() -> None:
    _, answers = people(30, 40, 0.8, seed=4)
    one = halves(answers, 1)
    assert one.full.value == pytest.approx(spearman_brown(one.half.value or 0))
    for statistic in (one.half, one.full, one.ceiling, one.half_ceiling):
        assert (statistic.low, statistic.high, statistic.level) == (None, None, None)


def test_halves_depend_on_the_seed_alone() -> None:
    _, answers = people(20, 30, 0.8, seed=0)
    means = in_rows(answers).means
    one, same = (halves_of_people(means, 20, 1, 30) for _ in range(2))
    np.testing.assert_array_equal(one.spearman, same.spearman)
    assert not np.array_equal(one.spearman, halves_of_people(means, 20, 2, 30).spearman)
    np.testing.assert_array_equal(one.spearman[:10], halves_of_people(means, 20, 1, 10).spearman)


def test_spearman_brown_is_solved_for_the_number_of_responses() -> None:
    for factor in (2.0, 8.0, 16.0):
        assert times_as_many(0.32, spearman_brown(0.32, factor)) == pytest.approx(factor)


def test_lamem_as_published() -> None:
    # halves of LaMem's people agree by .681; a test label is that of one half
    found = from_halves(np.full(25, 0.681), 10_000, "LaMem")
    assert found.half_ceiling.value == pytest.approx(0.825, abs=5e-4)
    assert found.ceiling.value == pytest.approx(0.90, abs=0.001)
    for r, mse in {0.57: 0.0103, 0.64: 0.0090, 0.68: 0.0082, 0.72: 0.0074, 0.0: 0.0153}.items():
        assert least_mse(r, 0.0153) == pytest.approx(mse, abs=6e-5)
    assert least_mse(0.681**0.5, 0.0153) == pytest.approx(0.0049, abs=5e-5)


def test_the_model_knows_true_scores_from_the_number_of_observers() -> None:
    true, answers = people(40, 4000, 1.0, seed=2)
    scores = answers.mean(axis=0)
    found = reliability_from_scores(scores, 40)
    assert found.full.value == pytest.approx(stats.pearsonr(true, scores)[0] ** 2, abs=0.015)
    expected = true.var() / (true.var() + 0.7 * 0.3 / 40)
    assert found.full.value == pytest.approx(expected, abs=0.03)
    assert found.full.low is None
    nothing = reliability_from_scores(np.random.default_rng(0).binomial(40, 0.7, 50) / 40, 20)
    assert nothing.full.value is None
    assert "no more" in str(nothing.full.reason)
