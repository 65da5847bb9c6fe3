"""Folds of cross-validation: seeded, stratified by score, with copies of one file together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memlab.data.table import Table
from memlab.errors import DataError

FORM = re.compile(r"(\d+)of(\d+)")
_VALIDATION_PARTS = 10  # the validation split is one of ten parts of the images to train on


@dataclass(frozen=True)
class Fold:
    """Fold of a cross-validation, written `3of10`: the third of ten parts is the test split.

    Args:
        number: number of the fold, from 1.
        of: number of folds.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}of{self.of}"


def parse_fold(text: str) -> Fold | None:
    """Parse `3of10`; return None for text of another form, such as shares.

    Raises:
        DataError: if there are fewer than two folds, or no fold of that number.

    >>> parse_fold("3of10")
    Fold(number=3, of=10)
    >>> parse_fold("80/20") is None
    True
    """
    found = FORM.fullmatch(text)
    if not found:
        return None
    number, of = int(found[1]), int(found[2])
    if of < 2:
        raise DataError(
            f"--data.split {text}: one fold leaves no images to train on; write 1of2 at least"
        )
    if not 1 <= number <= of:
        raise DataError(f"--data.split {text}: the folds are 1of{of} to {of}of{of}")
    return Fold(number, of)


def fold_split(table: Table, fold: Fold, seed: int, contents: Sequence[str]) -> Table:
    """Assign every image to train, validation or test of one fold.

    The folds are disjoint and together contain every image. The fold is the test split. A tenth of
    the other images is the validation split, and the rest is the training split. Images with the
    same content get the same split in every fold. Folds and validation splits are stratified by
    score: images are sorted by score, and each run of neighbours is divided among the parts in
    random order. The result depends on the ids, scores, contents and seed, not on the order of the
    rows.

    Args:
        table: the images; images without a score are divided at random.
        fold: the fold.
        seed: seed of the random order; it is the same for all folds of a cross-validation.
        contents: SHA-256 of each row's file; empty where it cannot be read.

    Raises:
        DataError: if there are more folds than different images; names the file and both numbers.
    """
    group = _groups(table.rows, contents)
    scores = table.rows["score"].to_numpy(dtype=float)
    test = fold_numbers(table, fold.of, seed, contents) == fold.number
    rest = np.flatnonzero(~test)
    left = _numbered(group[rest])
    parts = min(_VALIDATION_PARTS, int(left.max()) + 1)
    rng = np.random.default_rng([seed, fold.of, fold.number])
    split = np.full(len(group), "test", dtype=object)
    split[rest] = np.where(_dealt(left, scores[rest], parts, rng) == 0, "val", "train")
    return table.with_split(split)


def fold_numbers(table: Table, of: int, seed: int, contents: Sequence[str]) -> NDArray[np.intp]:
    """Return the fold, from 1, in which each image is tested: (n,).

    Args:
        table: the images.
        of: number of folds.
        seed: seed of the random order.
        contents: SHA-256 of each row's file; empty where it cannot be read.

    Raises:
        DataError: if there are more folds than different images; names the file and both numbers.
    """
    group = _groups(table.rows, contents)
    scores = table.rows["score"].to_numpy(dtype=float)
    different = int(group.max()) + 1
    if different < of:
        copies = f" ({len(group)} with copies)" if different < len(group) else ""
        raise DataError(
            f"{table.origin}: {different} different images{copies} cannot be divided into {of} "
            f"folds; at most {different}"
        )
    return _dealt(group, scores, of, np.random.default_rng(seed)) + 1


def _groups(rows: pd.DataFrame, contents: Sequence[str]) -> NDArray[np.intp]:
    """Return the group of each row, numbered by the smallest id of the group: same content."""
    ids = rows["id"].to_numpy(dtype=object)
    by_id = np.argsort(ids, kind="stable")
    known: dict[str, int] = {}
    group = np.empty(len(ids), dtype=np.intp)
    for place in by_id:
        key = contents[place] or f"id {ids[place]}"
        group[place] = known.setdefault(key, len(known))
    return group


def _numbered(group: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the groups numbered from 0 without gaps, in the same order."""
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.intp)


def _dealt(
    group: NDArray[np.intp], scores: NDArray[np.float64], parts: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Divide groups of images into parts that have nearly the same sizes and scores.

    Returns:
        (n,) number of the part of each image, from 0.
    """
    sizes = np.bincount(group)
    with np.errstate(invalid="ignore"):
        means = np.bincount(group, np.nan_to_num(scores)) / np.bincount(group, ~np.isnan(scores))
    shuffled = rng.permutation(len(sizes))
    order = shuffled[np.argsort(means[shuffled], kind="stable")]  # NaN last
    dealt = np.zeros(parts, dtype=np.intp)
    part = np.empty(len(sizes), dtype=np.intp)
    for start in range(0, len(order), parts):
        run = order[start : start + parts]
        run = run[np.argsort(-sizes[run], kind="stable")]
        # the largest group goes to the smallest part; parts of one size are in random order
        random = rng.permutation(parts)
        emptiest = random[np.argsort(dealt[random], kind="stable")][: len(run)]
        part[run] = emptiest
        dealt[emptiest] += sizes[run]
    return part[group]
