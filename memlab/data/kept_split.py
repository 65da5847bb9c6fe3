"""The split that a run keeps: which images it was trained, validated and tested on.

The split is written to `fit/split.csv` before the first training step. Every checkpoint holds a
packed copy, so that the split is known even if the checkpoint is moved. No torch.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.errors import CheckpointError, MemlabError
from memlab.files import replacing
from memlab.run_folder import CHECKPOINTS, SPLIT

COLUMNS = ("id", "image", "split", "score", "sha256")
SPLITS = ("train", "val", "test")
"""In order of strictness: an image of an earlier split is never tested as one of a later split."""
LARGEST = 2**28
"""Maximum size of an unpacked copy in bytes; a damaged copy could claim any size."""


@dataclass(frozen=True)
class Entry:
    """One image of a run.

    Args:
        id: id of the image in the table.
        image: path of the image, relative to the table's root.
        split: train, val or test.
        score: NaN where there was none.
        sha256: SHA-256 of the file's bytes; empty where the file could not be read.
    """

    id: str
    image: str
    split: str
    score: float
    sha256: str


@dataclass(frozen=True)
class KeptSplit:
    """All images of a run with their splits.

    Args:
        entries: the images. An id occurs twice if its content changed during the run.
        split: `--data.split` of the run; None for the table's own split or the default.
        split_seed: seed of a random split.
    """

    entries: tuple[Entry, ...]
    split: int | str | None = None
    split_seed: int = 0

    @classmethod
    def of(
        cls, rows: pd.DataFrame, contents: Sequence[str], split: int | str | None, split_seed: int
    ) -> KeptSplit:
        """Return the split of a table; images without a split are left out.

        Args:
            rows: `id`, `image`, `split`, `score`.
            contents: the SHA-256 of each row's file.
            split: the `--data.split` option.
            split_seed: the `--data.split_seed` option.
        """
        columns = (rows[name] for name in ("id", "image", "split", "score"))
        entries = [
            Entry(str(name), str(image), str(part), float(score), content)
            for name, image, part, score, content in zip(*columns, contents, strict=True)
            if part in SPLITS
        ]
        return cls(_sorted(entries), split, split_seed)

    def joined(self, before: KeptSplit | None) -> KeptSplit:
        """Return this split plus the images that only an earlier split has.

        An image that was only renamed occurs once.
        """
        if before is None:
            return self
        known = {(one.id, one.sha256) for one in self.entries}
        moved = {(one.split, one.sha256) for one in self.entries if one.sha256}
        more = [
            one
            for one in before.entries
            if (one.id, one.sha256) not in known and (one.split, one.sha256) not in moved
        ]
        return KeptSplit(_sorted([*self.entries, *more]), self.split, self.split_seed)

    def to_csv(self) -> bytes:
        """Return the bytes of `split.csv`."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in self.entries:
            score = "" if math.isnan(one.score) else repr(one.score)
            writer.writerow((one.id, one.image, one.split, score, one.sha256))
        return text.getvalue().encode("utf-8", "surrogateescape")

    def sha256(self) -> str:
        """Return the SHA-256 of the bytes of `split.csv`."""
        return hashlib.sha256(self.to_csv()).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write `split.csv` into a folder, atomically, and return its path."""
        path = folder / SPLIT
        with replacing(path) as temporary:
            temporary.write_bytes(self.to_csv())
        return path

    def packed(self) -> dict[str, Any]:
        """Return the split in the form that a checkpoint holds: about 40 bytes per image."""
        return {
            "rows": zlib.compress(self.to_csv(), 9),
            "split": self.split,
            "split_seed": self.split_seed,
        }


def unpacked(kept: Any, origin: Path) -> KeptSplit:
    """Return the split that a checkpoint holds.

    Args:
        kept: the result of `KeptSplit.packed`.
        origin: the checkpoint, for messages.

    Raises:
        CheckpointError: if the split is damaged.
    """
    try:
        unpack = zlib.decompressobj()
        rows = unpack.decompress(bytes(kept["rows"]), LARGEST)
        if not unpack.eof:
            raise ValueError("not whole")
        split, seed = kept["split"], kept["split_seed"]
        if not isinstance(split, int | str | None) or not isinstance(seed, int):
            raise TypeError("not the options of a split")
        return KeptSplit(_entries(rows), split, seed)
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{origin}: the split that it keeps is damaged: {error}; take another checkpoint"
        ) from error


def read_split(path: Path, split: int | str | None = None, split_seed: int = 0) -> KeptSplit:
    """Read a `split.csv`.

    Raises:
        MemlabError: if the file is damaged; names the file.
    """
    try:
        return KeptSplit(_entries(path.read_bytes()), split, split_seed)
    except (OSError, ValueError) as error:
        raise MemlabError(
            f"{path}: damaged: {error}; put it back as memlab fit wrote it, or the images that the "
            "run was trained on cannot be told"
        ) from error


def split_of(checkpoint: Path, content: Mapping[str, Any], beside: bool = True) -> KeptSplit | None:
    """Return the split of the run that a checkpoint belongs to, or None if the run keeps none.

    The checkpoint's own copy is authoritative. `../split.csv` may hold more images, which the run
    met after the checkpoint was written.

    Args:
        checkpoint: path of the checkpoint.
        content: the result of `read_checkpoint`.
        beside: whether to include the images of `../split.csv`.

    Raises:
        MemlabError: if either is damaged, or the two disagree about the split of an image.
    """
    data = content.get("MemorabilityData")
    kept = data.get("split") if isinstance(data, Mapping) else None
    copy = None if kept is None else unpacked(kept, checkpoint)
    path = checkpoint.parent.parent / SPLIT
    if checkpoint.parent.name != CHECKPOINTS.name or not path.is_file():
        return copy
    if copy is None:
        return read_split(path, *_asked(path.parent))
    if not beside:
        return copy
    try:
        file = read_split(path)
    except MemlabError as error:
        what = str(error).partition("; put it back")[0]
        raise MemlabError(f"{what}; delete it: {checkpoint.name} has a copy") from error
    own = {(one.id, one.sha256): one.split for one in copy.entries}
    other = [one for one in file.entries if own.get((one.id, one.sha256), one.split) != one.split]
    if other:
        one = other[0]
        raise MemlabError(
            f"{path}: {len(other)} images have another split than in {checkpoint.name}, such as "
            f"{one.id} ({one.split} there, {own[one.id, one.sha256]} when it was trained); put the "
            "file back as memlab fit wrote it, or delete it"
        )
    return copy.joined(file)


def used_note(kept: KeptSplit, contents: Sequence[str]) -> str | None:
    """Return a sentence on how many of some images the model was trained or chosen on, or None.

    Args:
        kept: the split of the model's run.
        contents: the SHA-256 of each image's file.
    """
    of = {split: {one.sha256 for one in kept.entries if one.split == split} for split in SPLITS}
    trained = sum(bool(content) and content in of["train"] for content in contents)
    chosen = sum(
        bool(content) and content in of["val"] and content not in of["train"]
        for content in contents
    )
    if not trained + chosen:
        return None
    of_all = f"{trained or chosen} of these {len(contents)} images were used to"
    if not trained:
        return f"{of_all} choose this model"
    return f"{of_all} train this model{f', {chosen} to choose it' if chosen else ''}"


def _asked(folder: Path) -> tuple[int | str | None, int]:
    """Return the split options of a run from its configuration."""
    import yaml

    try:
        found = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["data"]
        split, seed = found.get("split"), found.get("split_seed", 0)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return None, 0
    known = isinstance(split, int | str | None) and isinstance(seed, int)
    return (split, seed) if known else (None, 0)


def _entries(content: bytes) -> tuple[Entry, ...]:
    # strict: a NUL or an open quotation mark means damage
    text = io.StringIO(content.decode("utf-8-sig", "surrogateescape"), newline="")
    try:
        rows = list(csv.reader(text, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
    entries = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS) or row[2] not in SPLITS:
            raise ValueError(f"row {number} is not an image with its split")
        name, image, split, score, content_ = row
        entries.append(Entry(name, image, split, float(score) if score else math.nan, content_))
    return _sorted(entries)


def _sorted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda one: (one.id, one.sha256, one.split)))
