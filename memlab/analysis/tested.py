"""Finished tests read from their files, and the common images of two tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memlab.analysis.results import Results

SAME = 1e-6
"""Scores that differ by less are the same label, written in single precision."""


@dataclass(frozen=True)
class Tested:
    """Finished test.

    Args:
        label: name in tables: run and command, `tiny/test-001-blur`; with more of the path if
            another test has the same name.
        folder: folder of the test.
        results: its `results.json`.
        rows: one row per image, by `id`: `score` and `predicted`.
        changed: condition to the changed predictions of its eligible images, by `id`.
    """

    label: str
    folder: Path
    results: Results
    rows: pd.DataFrame
    changed: dict[str, pd.Series]


def in_common(first_test: Tested, second_test: Tested) -> pd.DataFrame:
    """Return the common images of two tests, sorted by id.

    Returns:
        Columns `score`, `predicted`, and the same with suffix `_second`.
    """
    first, second = (test.rows[["score", "predicted"]] for test in (first_test, second_test))
    both = first.merge(second, left_index=True, right_index=True, suffixes=("", "_second"))
    return both.sort_index()


def same_score(both: pd.DataFrame) -> pd.Series:
    """Return which images of `in_common` have the same score in both tests, to single precision."""
    return abs(both["score"] - both["score_second"]) <= SAME
