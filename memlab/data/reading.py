"""From a source to a table that can be trained and tested on."""

from __future__ import annotations

import shlex
from pathlib import Path

from memlab.data.sources.base import Source
from memlab.data.sources.csv import CsvSource
from memlab.data.splits import parse_shares, random_split
from memlab.data.table import Table
from memlab.errors import DataError


def read_table(
    source: Source, root: Path, split: int | str | None, split_seed: int, skip_missing: bool
) -> tuple[dict[str, str], list[str], Table]:
    """Read and validate a data set, and give every picture a split.

    Args:
        source: its layout.
        root: its folder or file.
        split: number of one of its splits, shares of a random one, or None for its own.
        split_seed: of a random split.
        skip_missing: whether pictures that are not there are left out.

    Returns:
        Why pictures were left out, by id; the paths of all pictures, those included; the table.

    Raises:
        DataError: if something is wrong with it; names the offenders.
    """
    numbered = split if isinstance(split, int) else None
    table = source.table(root, numbered)
    pictures = [str(name) for name in table.rows["image"]]
    missing: dict[str, str] = {}
    if skip_missing:
        table, missing = table.without_missing()
    table = table.validated(check_arguments(source, root, numbered))
    if isinstance(split, str):
        table = random_split(table, parse_shares(split), split_seed)
    elif table.rows["split"].isna().all():
        table = random_split(table, (0.7, 0.1, 0.2), split_seed)
    return missing, pictures, table


def check_arguments(source: Source, root: Path, number: int | None) -> str:
    """The arguments of `memlab data check` that read the same table."""
    given: dict[str, object] = {} if number is None else {"split": number}
    if isinstance(source, CsvSource):
        arguments = source.spec["init_args"]
        given |= {f"source.{name}": value for name, value in arguments.items() if value is not None}
    options = [word for name, value in given.items() for word in (f"--data.{name}", str(value))]
    return shlex.join([str(root), *options])


def check_split(table: Table, split: str, processes: int) -> None:
    """See that a split can be trained or tested on.

    Args:
        table: the data set.
        split: one of its splits.
        processes: how many share it.

    Raises:
        DataError: if it is empty, lacks scores, has equal training scores, or too few pictures.
    """
    rows = table.part(split)
    origin = table.origin
    if rows.empty:
        raise DataError(f"{origin}: the {split} split is empty; choose another --data.split")
    scores = rows["score"]
    if split != "test" and scores.isna().all() and table.unscored:
        raise DataError(table.unscored)
    if split == "test" and table.rows["score"].isna().all():
        scores = scores.dropna()  # bare pictures can be taken apart; there is no accuracy
    if scores.isna().any():
        first = rows.loc[scores.isna(), "id"].iloc[0]
        raise DataError(
            f"{origin}: {int(scores.isna().sum())} pictures of the {split} split "
            f"have no score (first: {first}); give scores, or use predict"
        )
    if split == "train" and scores.nunique() == 1:
        raise DataError(
            f"{origin}: all {len(rows)} training scores equal {scores.iloc[0]:g}; "
            "there is nothing to learn"
        )
    if len(rows) < processes:
        raise DataError(
            f"{origin}: {len(rows)} pictures in the {split} split for {processes} "
            "processes; use fewer --trainer.devices"
        )
