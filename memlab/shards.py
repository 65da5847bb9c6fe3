"""Tables on disk: one atomic shard per batch and process, merged and checked at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from memlab.errors import MemlabError
from memlab.files import replacing, write_text

SHARDS = "shards"
_NAMED = "[0-9]*.parquet"
"""Pattern of finished shards; excludes the temporary files of a killed process."""


class ShardWriter:
    """Writer of the rows of one table, one shard per batch.

    Args:
        folder: the command's folder, which contains the shards' folder.
        table: name of the table, `rows` or `conditions`.
        rank: number of this process.
    """

    def __init__(self, folder: Path, table: str, rank: int) -> None:
        self.folder = folder / SHARDS / table
        self.rank = rank

    def clear(self) -> None:
        """Remove shards of an earlier run, so that they are not merged into this run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def take_up(self, sameness: str) -> int:
        """Keep the shards of an earlier run with the same fingerprint; remove all others.

        Args:
            sameness: fingerprint of everything that rows depend on; kept beside the shards.

        Returns:
            The number of shards kept, over all processes.
        """
        note = self.folder / "sameness.txt"
        if not note.is_file() or note.read_bytes() != sameness.encode():
            self.clear()
            write_text(note, sameness)
        return len(list(self.folder.glob(_NAMED)))

    def path(self, batch: int) -> Path:
        """Return the path of this process's shard of a batch."""
        return self.folder / f"{self.rank:05d}-{batch:07d}.parquet"

    def has(self, batch: int, indices: list[int]) -> bool:
        """Return whether the batch's shard exists, is intact, and holds exactly these images."""
        try:
            shard = read_parquet(self.path(batch))
        except Exception:  # missing or damaged: the shard is written again
            return False
        return set(shard["index"]) == set(indices)

    def write(self, rows: pd.DataFrame, batch: int) -> None:
        """Write one batch's rows."""
        with replacing(self.path(batch)) as temporary:
            rows.to_parquet(temporary, index=False, write_page_checksum=True)


def merge(folder: Path, table: str, key: list[str]) -> pd.DataFrame:
    """Return all shards of a table in one frame, sorted by key.

    Args:
        folder: the command's folder.
        table: name of the table.
        key: columns that make a row unique.

    Raises:
        MemlabError: if a row occurs twice, because a sampler repeated images; or a shard is
            damaged.
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
    """Return a table that memlab wrote, after checking the checksum of each of its pages."""
    table: pd.DataFrame = pd.read_parquet(path, page_checksum_verification=True)
    return table


def check_complete(indices: Iterable[int], expected: int) -> None:
    """Check that the rows are exactly 0 to `expected` - 1.

    Raises:
        MemlabError: if an image is missing; names the first.
    """
    evaluated = set(indices)
    missing = [index for index in range(expected) if index not in evaluated]
    if missing or len(evaluated) != expected:
        raise MemlabError(
            f"{len(evaluated)} of {expected} images were evaluated (first missing: row "
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


def has_shards(folder: Path) -> bool:
    """Return whether the folder holds shards: those of an unfinished run, or a run that stopped."""
    return (folder / SHARDS).is_dir()


def remove_shards(folder: Path) -> None:
    """Remove all shards; called last, once the merged tables are written."""
    shutil.rmtree(folder / SHARDS, ignore_errors=True)
