"""What a test left in its folder, read back: results, rows, conditions. No torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from memlab.errors import MemlabError
from memlab.reports.results import FILE, Results, read

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
        rows: a line per picture, by `id`: `score` and `predicted`.
        changed: condition to the changed predictions of its eligible pictures, by `id`.
    """

    label: str
    folder: Path
    results: Results
    rows: pd.DataFrame
    changed: dict[str, pd.Series]


def find_tested(path: Path) -> Path:
    """The folder of results that a path means: itself, or of a run its newest test.

    Raises:
        MemlabError: if there is none; says what is missing.
    """
    if not path.exists():
        raise MemlabError(f"{path}: no such folder")
    if (path / FILE).is_file():
        return path
    tests = [found.parent for found in path.glob(f"test-*/{FILE}")]
    if (path / "fit" / FILE).is_file():
        tests.append(path / "fit")
    if tests:
        return max(tests, key=lambda folder: read(folder).finished)
    if (path / "fit" / "config.yaml").is_file():
        raise MemlabError(
            f"{path}: this run is not finished (no {path / 'fit' / FILE}); "
            f"go on with memlab fit --out {path} --ckpt_path last"
        )
    raise MemlabError(f"{path}: neither a run nor a test's folder (no {FILE} in it)")


def read_tested(path: Path) -> Tested:
    """Read what a run, or one of its tests, left.

    Args:
        path: a run folder, or the folder of one of its tests.

    Raises:
        MemlabError: if it is missing, unfinished, of a command that reports no accuracy, or without
            scores; names the folder.
    """
    folder = find_tested(path)
    results = read(folder)
    if results.command not in ("test", "validate"):
        raise MemlabError(
            f"{folder}: {results.command} mixes pictures trained on with others; give a test"
        )
    rows = _read_table(folder, "rows")
    if rows is None:
        raise MemlabError(f"{folder}: no rows.parquet and no rows.csv; test the run again")
    if rows.empty or rows["score"].isna().any():
        raise MemlabError(f"{folder}: its pictures have no scores; test it on data that have")
    conditions = _read_table(folder, "conditions")
    changed: dict[str, pd.Series] = {}
    if conditions is not None:
        # what ablations are compared with is none of its own
        shown = conditions["role"].isin(["target", "swap"])
        eligible = conditions[conditions["eligible"] & shown]
        # draws within a picture are averaged first: the picture is the unit
        means = eligible.groupby(["condition", "id"])["predicted"].mean()
        changed = {str(key): means.loc[key] for key in means.index.unique("condition")}
    return Tested(_label(folder, 2), folder, results, rows.set_index("id"), changed)


def with_distinct_labels(tests: Sequence[Tested]) -> list[Tested]:
    """The same tests, with as much of their paths in their labels as tells them apart."""
    for depth in itertools.count(2):
        labels = [_label(test.folder, depth) for test in tests]
        if len(set(labels)) == len(tests):
            break
    return [replace(test, label=label) for test, label in zip(tests, labels, strict=True)]


def in_common(one: Tested, two: Tested) -> pd.DataFrame:
    """The pictures of two tests, by id and sorted so: `score`, `predicted`, and `..._second`."""
    first, second = (test.rows[["score", "predicted"]] for test in (one, two))
    both = first.merge(second, left_index=True, right_index=True, suffixes=("", "_second"))
    return both.sort_index()


def same_score(both: pd.DataFrame) -> pd.Series:
    """Which pictures of `in_common` have one score in both tests, to single precision."""
    return abs(both["score"] - both["score_second"]) <= SAME


def _label(folder: Path, depth: int) -> str:
    return "/".join(folder.resolve().parts[-depth:])


def _read_table(folder: Path, name: str) -> pd.DataFrame | None:
    parquet, csv = (folder / f"{name}.{ending}" for ending in ("parquet", "csv"))
    try:
        if parquet.is_file():
            return pd.read_parquet(parquet)
        return pd.read_csv(csv, dtype={"id": str}) if csv.is_file() else None
    except (OSError, ValueError) as error:
        raise MemlabError(f"{folder}: its {name} are damaged: {error}") from error
