"""Rows on disk: one atomic shard per batch and process, merged and checked at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from memlab.errors import MemlabError
from memlab.files import replacing

SHARDS = "shards"


class ShardWriter:
    """Writes the rows of one table, a shard per batch.

    Args:
        folder: the command's folder; shards go below it.
        table: name of the table, `rows` or `conditions`.
        rank: number of this process.
    """

    def __init__(self, folder: Path, table: str, rank: int) -> None:
        self.folder = folder / SHARDS / table
        self.rank = rank
        self.count = 0

    def clear(self) -> None:
        """Remove shards of an earlier run, so that they are not merged into this one."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, rows: pd.DataFrame) -> None:
        """Write one batch's rows."""
        path = self.folder / f"{self.rank:05d}-{self.count:07d}.parquet"
        with replacing(path) as temporary:
            rows.to_parquet(temporary, index=False)
        self.count += 1


def merge(folder: Path, table: str, key: list[str]) -> pd.DataFrame:
    """All shards of a table, sorted by key.

    Args:
        folder: the command's folder.
        table: name of the table.
        key: columns that make a row unique.

    Raises:
        MemlabError: if a row is there twice: a sampler repeated pictures.
    """
    paths = sorted((folder / SHARDS / table).glob("*.parquet"))
    if not paths:
        return pd.DataFrame(columns=key)
    merged = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    merged = merged.sort_values(key, kind="stable", ignore_index=True)
    twice = merged.duplicated(key)
    if twice.any():
        raise MemlabError(f"row {merged.loc[twice, key].iloc[0].to_dict()} was evaluated twice")
    return merged


def check_complete(indices: Iterable[int], expected: int) -> None:
    """See that the rows are exactly 0 to `expected` - 1.

    Raises:
        MemlabError: if a picture is missing; names the first.
    """
    found = set(indices)
    missing = [index for index in range(expected) if index not in found]
    if missing or len(found) != expected:
        raise MemlabError(
            f"{len(found)} of {expected} pictures were evaluated (first missing: row "
            f"{missing[0] if missing else expected})"
        )


def write_table(frame: pd.DataFrame, folder: Path, name: str) -> list[str]:
    """Write a table as `name.parquet` and `name.csv`; return the file names."""
    names = [f"{name}.parquet", f"{name}.csv"]
    with replacing(folder / names[0]) as temporary:
        frame.to_parquet(temporary, index=False)
    with replacing(folder / names[1]) as temporary:
        frame.to_csv(temporary, index=False)
    return names


def remove_shards(folder: Path) -> None:
    """Remove all shards; the last thing that is done, once the merged tables are written."""
    shutil.rmtree(folder / SHARDS, ignore_errors=True)
