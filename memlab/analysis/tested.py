"""A finished test, as its files describe it, and what two tests have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memlab.analysis.results import Results

SAME = 1e-6
"""Scores closer than this are the same label, written in single precision."""


@dataclass(frozen=True)
class Tested:
    """A finished test.

    Args:
        label: what it is called in tables: run and command, `tiny/test-001-blur`; more of the path
            where another has the same.
        folder: where it lies.
        results: its `results.json`.
        rows: a line per image, by `id`: `score` and `predicted`.
        changed: condition to the changed predictions of its eligible images, by `id`.
    """

    label: str
    folder: Path
    results: Results
    rows: pd.DataFrame
    changed: dict[str, pd.Series]


def in_common(one: Tested, two: Tested) -> pd.DataFrame:
    """The images of two tests, by id and sorted so: `score`, `predicted`, and `..._second`."""
    first, second = (test.rows[["score", "predicted"]] for test in (one, two))
    both = first.merge(second, left_index=True, right_index=True, suffixes=("", "_second"))
    return both.sort_index()


def same_score(both: pd.DataFrame) -> pd.Series:
    """Which images of `in_common` have one score in both tests, to single precision."""
    return abs(both["score"] - both["score_second"]) <= SAME
