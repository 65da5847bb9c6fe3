"""Random halves, of the people or of the answers: how well they agree about the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from memlab.stats.measures import Array

OF_PEOPLE = "random halves of the people"
_CHUNK = 4_000_000  # scores held at once: 32 MB
_DENSE = 20_000_000  # cells of a dense matrix: 160 MB
_SPARSE = 0.1  # share of answered images below which a sparse product is the faster one

ScoreOf = Callable[[Array], Array]
"""Groups of people (groups, people), 0 or 1, to the scores that each gives (groups, images)."""


@dataclass(frozen=True)
class Halves:
    """Correlations of random halves, one per draw.

    Args:
        spearman: (halves,) rank correlations, ties at their mean rank; NaN where a half is
            constant or fewer than three images are in both.
        pearson: (halves,) likewise.
        images: (halves,) images with a score in both halves.
        one: (images,) scores in the first half of the first draw, NaN where left out.
        other: (images,) those in its second half.
    """

    spearman: Array
    pearson: Array
    images: NDArray[np.int64]
    one: Array
    other: Array


class Answers:
    """Answers of people to images, ready to be averaged over any groups of the people.

    Args:
        person: (answers,) whose, 0 to people - 1.
        image: (answers,) to which, 0 to images - 1.
        value: (answers,) 1 for a hit, 0 for a miss; or any finite number, such as one corrected
            for the lag.
        people: how many there are.
        images: how many there are.
        least: answers that an image needs in a group to have a score there.
    """

    def __init__(
        self,
        person: NDArray[np.integer[Any]],
        image: NDArray[np.integer[Any]],
        value: Array,
        people: int,
        images: int,
        least: int = 1,
    ) -> None:
        # images in rows: the product with groups in columns is three times as fast so
        shape = (images, people)
        places = (np.asarray(image), np.asarray(person))
        sums = sparse.csr_array((np.asarray(value, float), places), shape=shape)
        counts = sparse.csr_array((np.ones(len(value)), places), shape=shape)
        dense = len(value) > _SPARSE * people * images and people * images < _DENSE
        self._sums = sums.toarray() if dense else sums
        self._counts = counts.toarray() if dense else counts
        self._least = least

    def means(self, groups: Array) -> Array:
        """Mean per image in each group of people, as one matrix product.

        Args:
            groups: (groups, people) 1 for members, 0 for others.

        Returns:
            (groups, images); NaN for an image with too few answers in the group.
        """
        columns = np.ascontiguousarray(groups.T)
        counts = np.ascontiguousarray((self._counts @ columns).T)
        sums = np.ascontiguousarray((self._sums @ columns).T)
        means = np.full(counts.shape, np.nan)
        np.divide(sums, counts, out=means, where=counts >= self._least)
        return means


def halves_of_people(
    score_of: ScoreOf,
    people: int,
    seed: int,
    halves: int = 1000,
    size: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> Halves:
    """Deal the people into two random halves, score every image in both, correlate; many times.

    The classic consistency of memorability (Isola 2011; Khosla 2015: 25 halves, Spearman). A half
    has people // 2 of them, the other the rest.

    Args:
        score_of: scores of groups of people: `Answers.means`, or a difference of two.
        people: how many there are, at least two.
        seed: of the draws.
        halves: how many times the people are dealt.
        size: people in each of two groups without a common member, for fewer than half of them.
        advance: told how many draws are done since the last call.
    """
    rng = np.random.default_rng(seed)
    first = people // 2 if size is None else size
    second = people - first if size is None else size
    images = score_of(np.ones((1, people))).shape[1]

    def deal(draws: int) -> tuple[Array, Array]:
        place = rng.random((draws, people)).argsort(axis=1).argsort(axis=1)
        one = score_of((place < first).astype(float))
        return one, score_of(((place >= first) & (place < first + second)).astype(float))

    return _dealt(deal, halves, max(people, images), advance)


def halves_of_counts(
    hits: Array,
    n: Array,
    seed: int,
    halves: int = 1000,
    false_alarms: tuple[Array, Array] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Halves:
    """Deal each image's answers into two random halves, as if all of them were independent.

    The hits of a half are hypergeometric: exactly what halves of n independent answers are, given
    their sum.

    Args:
        hits: (images,) correct recognitions.
        n: (images,) answers, two at least; a half has n // 2 of them, the other the rest.
        seed: of the draws.
        halves: how many times the answers are dealt.
        false_alarms: (images,) first showings taken for repeats, and (images,) first showings,
            two at least; scores are then hit rates less false alarm rates.
        advance: told how many draws are done since the last call.
    """
    rng = np.random.default_rng(seed)

    def rates(count: Array, of: Array, draws: int) -> tuple[Array, Array]:
        yes, no = count.astype(np.int64), (of - count).astype(np.int64)
        half = (yes + no) // 2
        one = rng.hypergeometric(yes, no, half, size=(draws, len(yes)))
        return one / half, (yes - one) / (yes + no - half)

    def deal(draws: int) -> tuple[Array, Array]:
        one, other = rates(hits, n, draws)
        if false_alarms is None:
            return one, other
        alarms = rates(*false_alarms, draws)
        return one - alarms[0], other - alarms[1]

    return _dealt(deal, halves, len(hits), advance)


def _dealt(
    deal: Callable[[int], tuple[Array, Array]],
    halves: int,
    width: int,
    advance: Callable[[int], None] | None,
) -> Halves:
    drawn: list[tuple[Array, Array, NDArray[np.int64]]] = []
    step = max(1, _CHUNK // width)
    for start in range(0, halves, step):
        one, other = deal(min(step, halves - start))
        if start == 0:
            shown = one[0], other[0]
        drawn.append(_correlations(one, other))
        if advance:
            advance(len(one))
    spearman, pearson, images = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return Halves(spearman, pearson, images, *shown)


def _correlations(one: Array, other: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    both = np.isfinite(one) & np.isfinite(other)
    pearson = _pearson(one, other, both)
    # what is left out ranks above everything else, and so moves no other rank
    first, second = (stats.rankdata(np.where(both, x, np.inf), axis=1) for x in (one, other))
    return _pearson(first, second, both), pearson, both.sum(axis=1)


def _pearson(one: Array, other: Array, both: NDArray[np.bool_]) -> Array:
    n = both.sum(axis=1, keepdims=True)
    sure = n[:, 0] >= 3
    centred = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for half in (one, other):
            mean = np.where(both, half, 0).sum(axis=1, keepdims=True) / n
            centred.append(np.where(both, half - mean, 0))
            # compared, not computed: rounding leaves a trace of spread in a constant half
            low = np.where(both, half, np.inf).min(axis=1)
            sure &= np.where(both, half, -np.inf).max(axis=1) > low
        a, b = centred
        found = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.where(sure, found, np.nan)
