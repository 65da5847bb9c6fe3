"""Random halves of the people or of the answers, and the agreement between the halves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from memlab.stats.measures import Array

OF_PEOPLE = "random halves of the people"
_CHUNK = 4_000_000  # scores held in memory at once: 32 MB
_DENSE = 20_000_000  # cells of a dense matrix: 160 MB
_SPARSE = 0.1  # share of answered images below which a sparse product is faster

ScoreOf = Callable[[Array], Array]
"""Function from groups of people (groups, people), 0 or 1, to their scores (groups, images)."""


@dataclass(frozen=True)
class Halves:
    """Correlations of random halves, one per draw.

    Args:
        spearman: (halves,) rank correlations, ties at mean ranks; NaN if a half is constant or
            fewer than three images are in both halves.
        pearson: (halves,) Pearson correlations; NaN in the same cases.
        images: (halves,) number of images with a score in both halves.
        one: (images,) scores in the first half of the first draw, NaN where left out.
        other: (images,) scores in the second half of the first draw.
    """

    spearman: Array
    pearson: Array
    images: NDArray[np.int64]
    one: Array
    other: Array


class Answers:
    """Answers of people to images, as matrices that give means over any groups of people.

    Args:
        person: (answers,) index of the person, 0 to people - 1.
        image: (answers,) index of the image, 0 to images - 1.
        value: (answers,) 1 for a hit, 0 for a miss; or any finite number, such as a lag-corrected
            answer.
        people: number of people.
        images: number of images.
        least: minimum number of answers that an image needs in a group to have a score.
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
        # With images in rows, the product with groups in columns is three times as fast.
        shape = (images, people)
        places = (np.asarray(image), np.asarray(person))
        sums = sparse.csr_array((np.asarray(value, float), places), shape=shape)
        counts = sparse.csr_array((np.ones(len(value)), places), shape=shape)
        dense = len(value) > _SPARSE * people * images and people * images < _DENSE
        self._sums = sums.toarray() if dense else sums
        self._counts = counts.toarray() if dense else counts
        self._least = least

    def means(self, groups: Array) -> Array:
        """Return the mean per image in each group of people, as one matrix product.

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
    """Correlate the image scores of two random halves of the people, many times.

    This is the usual consistency measure of memorability (Isola 2011; Khosla 2015: 25 halves,
    Spearman). One half has people // 2 members, the other half has the rest.

    Args:
        score_of: function that scores groups of people: `Answers.means`, or a difference of two.
        people: number of people, at least two.
        seed: seed of the splits.
        halves: number of splits.
        size: number of people in each of two disjoint groups, for groups smaller than a half.
        advance: called with the number of splits done since the last call.
    """
    rng = np.random.default_rng(seed)
    first = people // 2 if size is None else size
    second = people - first if size is None else size
    images = score_of(np.ones((1, people))).shape[1]

    def deal(draws: int) -> tuple[Array, Array]:
        rank = rng.random((draws, people)).argsort(axis=1).argsort(axis=1)
        scores = score_of((rank < first).astype(float))
        return scores, score_of(((rank >= first) & (rank < first + second)).astype(float))

    return _dealt(deal, halves, max(people, images), advance)


def halves_of_counts(
    hits: Array,
    n: Array,
    seed: int,
    halves: int = 1000,
    false_alarms: tuple[Array, Array] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Halves:
    """Correlate the scores of two random halves of each image's answers, assumed independent.

    The number of hits in a half is hypergeometric, the exact distribution for halves of n
    independent answers given their sum.

    Args:
        hits: (images,) correct recognitions.
        n: (images,) answers, at least two; one half has n // 2 answers, the other half has the
            rest.
        seed: seed of the splits.
        halves: number of splits.
        false_alarms: (images,) false alarms at first showings, and (images,) first showings, at
            least two; scores are then hit rates minus false alarm rates.
        advance: called with the number of splits done since the last call.
    """
    rng = np.random.default_rng(seed)

    def rates(count: Array, of: Array, draws: int) -> tuple[Array, Array]:
        yes, no = count.astype(np.int64), (of - count).astype(np.int64)
        half = (yes + no) // 2
        first = rng.hypergeometric(yes, no, half, size=(draws, len(yes)))
        return first / half, (yes - first) / (yes + no - half)

    def deal(draws: int) -> tuple[Array, Array]:
        first, second = rates(hits, n, draws)
        if false_alarms is None:
            return first, second
        alarms = rates(*false_alarms, draws)
        return first - alarms[0], second - alarms[1]

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
        first, second = deal(min(step, halves - start))
        if start == 0:
            example = first[0], second[0]
        drawn.append(_correlations(first, second))
        if advance:
            advance(len(first))
    spearman, pearson, images = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return Halves(spearman, pearson, images, *example)


def _correlations(left: Array, right: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    both = np.isfinite(left) & np.isfinite(right)
    pearson = _pearson(left, right, both)
    # Images that are left out rank above all others, so they change no other rank.
    first, second = (stats.rankdata(np.where(both, x, np.inf), axis=1) for x in (left, right))
    return _pearson(first, second, both), pearson, both.sum(axis=1)


def _pearson(first: Array, second: Array, both: NDArray[np.bool_]) -> Array:
    n = both.sum(axis=1, keepdims=True)
    sure = n[:, 0] >= 3
    centred = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for half in (first, second):
            mean = np.where(both, half, 0).sum(axis=1, keepdims=True) / n
            centred.append(np.where(both, half - mean, 0))
            # Compare values instead of computing a variance, which rounding makes positive in a
            # constant half.
            low = np.where(both, half, np.inf).min(axis=1)
            sure &= np.where(both, half, -np.inf).max(axis=1) > low
        a, b = centred
        correlation = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.where(sure, correlation, np.nan)
