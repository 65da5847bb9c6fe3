"""Reading of a source into a table that can be trained and tested on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.data.sources.base import Source
from memlab.data.sources.csv import CsvSource
from memlab.data.table import SPLITS, Table
from memlab.errors import DataError, PluginError
from memlab.registry import described


def read_table(
    source: Source, root: Path, numbered: int | None, skip_missing: bool
) -> tuple[dict[str, str], list[str], Table]:
    """Read and validate a data set; `memlab.data.split_rule` assigns the splits later.

    Args:
        source: layout of the data set.
        root: its folder or file.
        numbered: number of one of its splits, or None.
        skip_missing: whether to leave out images whose file is missing.

    Returns:
        The reason for each image that was left out, by id; the paths of all images, including those
        left out; the table.

    Raises:
        DataError: if the data set has problems; names the images.
    """
    table = _promised(source, source.table(root, numbered))
    images = [str(name) for name in table.rows["image"]]
    missing: dict[str, str] = {}
    if skip_missing:
        table, missing = table.without_missing()
    return missing, images, table.validated(check_arguments(source, root, numbered))


def check_arguments(source: Source, root: Path, number: int | None) -> str:
    """Return the arguments of `memlab data check` that read the same table."""
    given: dict[str, object] = {} if number is None else {"split": number}
    if isinstance(source, CsvSource):
        arguments = source.spec["init_args"]
        given |= {f"source.{name}": value for name, value in arguments.items() if value is not None}
    options = [word for name, value in given.items() for word in (f"--data.{name}", str(value))]
    return shlex.join([str(root), *options])


def _promised(source: Source, table: Any) -> Table:
    """Return the table of a source after checking that it meets the contract.

    Raises:
        PluginError: if the source returns no table, or one that lacks a column; names the plugin.
    """
    name = described(type(source))
    if not isinstance(table, Table) or not isinstance(table.rows, pd.DataFrame):
        raise PluginError(f"{name}: its table() returned {type(table).__name__}, not a Table")
    lacking = [column for column in ("id", "image", "score", "split") if column not in table.rows]
    if lacking:
        raise PluginError(
            f"{name}: its table lacks the columns {', '.join(lacking)}; make_table adds them"
        )
    try:
        table.rows["score"].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise PluginError(f"{name}: its scores are not numbers: {error}") from error
    if not all(isinstance(value, str) for value in table.rows["id"]):
        raise PluginError(f"{name}: its ids are not text; make_table turns them into text")
    strange = table.rows["split"].dropna()
    strange = strange[~strange.isin(SPLITS)]
    if len(strange):
        raise PluginError(
            f"{name}: split {strange.iloc[0]!r} is none of {', '.join(SPLITS)}, or empty"
        )
    return table


def check_split(table: Table, split: str, processes: int) -> None:
    """Check that a split can be trained or tested on.

    Args:
        table: the data set.
        split: one of its splits.
        processes: number of processes that share the split.

    Raises:
        DataError: if it is empty, lacks scores, has equal training scores, or too few images.
    """
    rows = table.part(split)
    origin = table.origin
    if rows.empty:
        raise DataError(f"{origin}: the {split} split is empty; choose another --data.split")
    scores = rows["score"]
    if split != "test" and scores.isna().all() and table.unscored:
        raise DataError(table.unscored)
    if split == "test" and table.rows["score"].isna().all():
        scores = scores.dropna()  # without scores, images can still be ablated
    if scores.isna().any():
        first = rows.loc[scores.isna(), "id"].iloc[0]
        raise DataError(
            f"{origin}: {int(scores.isna().sum())} images of the {split} split "
            f"have no score (first: {first}); give scores, or use predict"
        )
    if split == "train" and scores.nunique() == 1:
        raise DataError(
            f"{origin}: all {len(rows)} training scores equal {scores.iloc[0]:g}; "
            "there is nothing to learn"
        )
    if len(rows) < processes:
        raise DataError(
            f"{origin}: {len(rows)} images in the {split} split for {processes} "
            "processes; use fewer --trainer.devices"
        )
