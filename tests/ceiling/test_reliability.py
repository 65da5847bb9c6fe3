"""Reliability from counts, against simulated people and published values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memlab.ceiling.reliability import over_images, reliability_from_counts, spearman_brown


def people(images: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """True scores with mean .76 and SD .13, as on LaMem and MemCat, and n answers to each."""
    spread = 0.76 * 0.24 / 0.13**2 - 1
    rng = np.random.default_rng(seed)
    true = rng.beta(0.76 * spread, 0.24 * spread, size=images)
    return true, rng.binomial(n, true)


@pytest.mark.parametrize(
    ("n", "reliability", "best"), [(20, 0.65, 0.81), (40, 0.79, 0.89), (80, 0.88, 0.94)]
)
def test_reliability_grows_as_published(n: int, reliability: float, best: float) -> None:
    # r_n = var / (var + p (1 - p) / n), with SD .13 round .76
    true, hits = people(4000, n, seed=1)
    found = reliability_from_counts(hits, np.full(4000, n), seed=0, draws=40)
    assert found.full.value == pytest.approx(reliability, abs=0.025)
    assert found.ceiling.value == pytest.approx(best, abs=0.02)
    # the ceiling is what the true scores themselves, a perfect model, get
    perfect = stats.spearmanr(true, hits / n).statistic
    assert found.ceiling.value == pytest.approx(perfect, abs=0.012)


def test_halves_of_lamem() -> None:
    assert spearman_brown(0.681) == pytest.approx(0.81, abs=0.001)


def test_halves_equal_those_of_single_answers() -> None:
    n = 30
    _, hits = people(1500, n, seed=2)
    rng = np.random.default_rng(0)
    answers = np.arange(n)[None] < hits[:, None]
    drawn = []
    for _ in range(60):
        dealt = rng.permuted(answers, axis=1)
        halves = dealt[:, : n // 2].sum(axis=1), dealt[:, n // 2 :].sum(axis=1)
        drawn.append(stats.spearmanr(*halves).statistic)
    found = reliability_from_counts(hits, np.full(1500, n), seed=0, draws=60)
    assert found.half.value == pytest.approx(np.mean(drawn), abs=0.004)


@pytest.mark.parametrize(
    ("hits", "n", "reason"),
    [
        ([1, 1, 0, np.nan], [1, 1, 1, 9], "only 0 images with two responses or more"),
        ([4, 4, 4], [8, 8, 8], "all hit rates are equal"),
        ([1, 0, 1, 2, 1, 2], [2, 2, 2, 2, 2, 2], None),
        ([9, 10, 11, 10], [20, 20, 20, 20], "no agreement of the halves"),
    ],
)
def test_little_to_go_by(hits: list[float], n: list[float], reason: str | None) -> None:
    found = reliability_from_counts(np.array(hits, float), np.array(n, float), seed=0)
    if reason is None:
        assert found.half.value is not None
    else:
        assert found.full.value is None
        assert reason in str(found.full.reason)


def test_draws_depend_on_the_seed_alone() -> None:
    _, hits = people(50, 20, seed=3)
    n = np.full(50, 20)
    one = reliability_from_counts(hits, n, seed=4, draws=20)
    assert one == reliability_from_counts(hits, n, seed=4, draws=20)
    assert one != reliability_from_counts(hits, n, seed=5, draws=20)


@pytest.mark.slow
def test_the_interval_over_images_holds_the_true_reliability() -> None:
    rng = np.random.default_rng(0)
    people, images, signal = 12, 25, 0.5
    true = signal**2 / (signal**2 + 1 / people)
    held = []
    for _ in range(2000):
        answers = signal * rng.normal(size=images)[:, None]
        answers = answers + rng.normal(size=(images, people)) + rng.normal(size=people)
        # Cronbach's alpha, the mean over all halves by Pearson and Spearman-Brown
        items, total = answers.var(axis=0, ddof=1).sum(), answers.sum(axis=1).var(ddof=1)
        alpha = people / (people - 1) * (1 - items / total)
        low, high = over_images(alpha, images, people)
        held.append(low <= true <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_chance_agreement_about_few_images_is_told_from_none() -> None:
    low, high = over_images(0.24, 20, 21)
    assert low < 0 < high
    assert over_images(0.24, 2000, 21)[0] > 0.15
