"""Rows on disk: one atomic shard per batch and process, merged and checked at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from memlab.errors import MemlabError
from memlab.files import replacing, write_text

SHARDS = "shards"
_NAMED = "[0-9]*.parquet"
"""Shards; not what a process that was killed while writing one has left beside them."""


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

    def clear(self) -> None:
        """Remove shards of an earlier run, so that they are not merged into this one."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def take_up(self, sameness: str) -> int:
        """Keep the shards of an earlier run if it was the same, or else remove them.

        Args:
            sameness: of all that rows depend on; kept beside the shards.

        Returns:
            How many shards of all processes there are.
        """
        note = self.folder / "sameness.txt"
        if not note.is_file() or note.read_bytes() != sameness.encode():
            self.clear()
            write_text(note, sameness)
        return len(list(self.folder.glob(_NAMED)))

    def path(self, batch: int) -> Path:
        """The shard of this process's batch."""
        return self.folder / f"{self.rank:05d}-{batch:07d}.parquet"

    def has(self, batch: int, indices: list[int]) -> bool:
        """Whether the batch's shard is there, whole, and holds exactly these images."""
        try:
            found = read_parquet(self.path(batch))
        except Exception:  # missing, or damaged by the file system: made anew
            return False
        return set(found["index"]) == set(indices)

    def write(self, rows: pd.DataFrame, batch: int) -> None:
        """Write one batch's rows."""
        with replacing(self.path(batch)) as temporary:
            rows.to_parquet(temporary, index=False, write_page_checksum=True)


def merge(folder: Path, table: str, key: list[str]) -> pd.DataFrame:
    """All shards of a table, sorted by key.

    Args:
        folder: the command's folder.
        table: name of the table.
        key: columns that make a row unique.

    Raises:
        MemlabError: if a row is there twice: a sampler repeated images; or a shard is damaged.
    """
    paths = sorted((folder / SHARDS / table).glob(_NAMED))
    if not paths:
        return pd.DataFrame(columns=key)
    merged = pd.concat([_read(path) for path in paths], ignore_index=True)
    merged = merged.sort_values(key, kind="stable", ignore_index=True)
    twice = merged.duplicated(key)
    if twice.any():
        raise MemlabError(f"row {merged.loc[twice, key].iloc[0].to_dict()} was evaluated twice")
    return merged


def _read(path: Path) -> pd.DataFrame:
    try:
        return read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds on a damaged file
        raise MemlabError(f"{path} is damaged: give the same command again") from error


def read_parquet(path: Path) -> pd.DataFrame:
    """A table that memlab wrote, if the checksum of each of its pages matches."""
    found: pd.DataFrame = pd.read_parquet(path, page_checksum_verification=True)
    return found


def check_complete(indices: Iterable[int], expected: int) -> None:
    """See that the rows are exactly 0 to `expected` - 1.

    Raises:
        MemlabError: if an image is missing; names the first.
    """
    found = set(indices)
    missing = [index for index in range(expected) if index not in found]
    if missing or len(found) != expected:
        raise MemlabError(
            f"{len(found)} of {expected} images were evaluated (first missing: row "
            f"{missing[0] if missing else expected})"
        )


def write_table(frame: pd.DataFrame, folder: Path, name: str) -> list[str]:
    """Write a table as `name.parquet` and `name.csv`; return the file names."""
    names = [f"{name}.parquet", f"{name}.csv"]
    with replacing(folder / names[0]) as temporary:
        frame.to_parquet(temporary, index=False, write_page_checksum=True)
    with replacing(folder / names[1]) as temporary:
        frame.to_csv(temporary, index=False)
    return names


def remove_shards(folder: Path) -> None:
    """Remove all shards; the last thing that is done, once the merged tables are written."""
    shutil.rmtree(folder / SHARDS, ignore_errors=True)
