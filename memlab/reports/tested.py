"""Reader of a test's folder: results, rows and conditions. No torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype, is_string_dtype

from memlab.analysis.results import FILE, read
from memlab.analysis.tested import Tested
from memlab.errors import MemlabError
from memlab.shards import read_parquet


def find_tested(path: Path) -> Path:
    """Return the results folder that a path refers to: itself, or the newest test of a run.

    Raises:
        MemlabError: if there is none; says what is missing.
    """
    if not path.exists():
        raise MemlabError(f"{path}: no such folder")
    if (path / FILE).is_file():
        return path
    tests = [file.parent for file in path.glob(f"test-*/{FILE}")]
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


def read_tested(path: Path, scored: bool = True) -> Tested:
    """Read the results of a run, or of one of its tests.

    Args:
        path: a run folder, or the folder of one of its tests.
        scored: whether every image must have a score.

    Raises:
        MemlabError: if it is missing, unfinished, of a command that reports no accuracy, or without
            scores; names the folder.
    """
    folder = find_tested(path)
    results = read(folder)
    if results.command not in ("test", "validate"):
        raise MemlabError(
            f"{folder}: {results.command} mixes images trained on with others; give a test"
        )
    rows = _read_table(folder, "rows", {"id": "O", "score": "f", "predicted": "f"})
    if rows is None:
        raise MemlabError(f"{folder}: no rows.parquet and no rows.csv; test the run again")
    if rows.empty or (scored and rows["score"].isna().any()):
        raise MemlabError(f"{folder}: its images have no scores; test it on data that have")
    kinds = {"condition": "O", "role": "O", "id": "O", "eligible": "b", "predicted": "f"}
    conditions = _read_table(folder, "conditions", kinds)
    changed: dict[str, pd.Series] = {}
    if conditions is not None:
        # Keep the ablations themselves; leave out controls and baselines.
        with_effect = conditions["role"].isin(["target", "swap"])
        eligible = conditions[conditions["eligible"] & with_effect]
        # Average draws within an image first, because the image is the unit.
        means = eligible.groupby(["condition", "id"])["predicted"].mean()
        changed = {str(key): means.loc[key] for key in means.index.unique("condition")}
    return Tested(_label(folder, 2), folder, results, rows.set_index("id"), changed)


def with_distinct_labels(tests: Sequence[Tested]) -> list[Tested]:
    """Return the tests with labels that include enough of their paths to be distinct."""
    for depth in itertools.count(2):
        labels = [_label(test.folder, depth) for test in tests]
        if len(set(labels)) == len(tests):
            break
    return [replace(test, label=label) for test, label in zip(tests, labels, strict=True)]


def _label(folder: Path, depth: int) -> str:
    return "/".join(folder.resolve().parts[-depth:])


def _read_table(folder: Path, name: str, kinds: dict[str, str]) -> pd.DataFrame | None:
    """Return a table of a test with columns of these kinds: O for text, f number, b boolean."""
    parquet, csv = (folder / f"{name}.{ending}" for ending in ("parquet", "csv"))
    path = parquet if parquet.is_file() else csv
    if not path.is_file():
        return None
    remedy = f", or delete it to have {csv.name} read" if path == parquet and csv.is_file() else ""
    try:
        table = read_parquet(path) if path == parquet else pd.read_csv(path, dtype={"id": str})
        for column, kind in kinds.items():
            if column not in table:
                raise ValueError(f"no column {column!r}")
            is_kind = {"O": is_string_dtype, "f": is_numeric_dtype, "b": is_bool_dtype}[kind]
            if len(table) and not is_kind(table[column]):
                raise ValueError(f"column {column!r} holds {table[column].dtype}")
    except Exception as error:  # pandas and pyarrow raise many kinds on a damaged file
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise MemlabError(f"{path}: damaged: {first}; test the run again{remedy}") from error
    return table
