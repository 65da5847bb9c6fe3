"""Table of a data set, the split of every image, and its record in checkpoints."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningDataModule

from memlab.data.contents import contents_of
from memlab.data.kept_split import KeptSplit
from memlab.data.mask_summary import with_masks
from memlab.data.reading import check_split, read_table
from memlab.data.sources.base import Source, recognise
from memlab.data.split_rule import decide
from memlab.data.split_use import ALL, SplitRule, SplitUse
from memlab.data.table import Table
from memlab.errors import (
    CheckpointError,
    DataError,
    MemlabError,
    NoNumberedSplitsError,
    did_you_mean,
)
from memlab.masks.base import EmptyMasks, known_regions
from memlab.types import sources_of
from memlab.values import shown


class SplitData(LightningDataModule):
    """Base class of the data module: reads the table and assigns every image to a split.

    The arguments are those of `memlab.data.module.MemorabilityData`.

    Raises:
        DataError: if there is no such masks file.
    """

    def __init__(
        self,
        root: Path,
        source: Source | None,
        split: int | str | None,
        split_seed: int,
        masks: Path | None,
        empty_masks: EmptyMasks | None,
        on_error: Literal["fail", "skip"],
    ) -> None:
        super().__init__()
        if masks is not None and not Path(masks).exists():
            raise DataError(f"--data.masks {masks}: no such file or folder")
        self.root = Path(root)
        self.source = source
        self.split = split
        self.split_seed = split_seed
        self.masks = None if masks is None else Path(masks)
        self.empty_masks = empty_masks
        self.on_error = on_error
        self.regions: tuple[str, ...] = ()
        self.skipped: dict[str, str] = {}
        self.use = SplitUse()
        self.rule: SplitRule | None = None
        self.seed = 0
        self._place = (0, 0)
        self._table: Table | None = None
        self._contents: dict[str, str] = {}  # SHA-256 by path; empty until first needed
        self._kept: KeptSplit | None = None
        self._packed: dict[str, Any] | None = None
        self._images: list[str] = []  # all images of the table, including missing files

    @property
    def is_first(self) -> bool:
        """Whether this is the only process, or the first of several."""
        return self.trainer is None or self.trainer.is_global_zero

    @property
    def table(self) -> Table:
        """Validated table with a split for every image; read on first use."""
        if self._table is None:
            self._table = self._read()
        return self._table

    @functools.cached_property
    def layout(self) -> Source:
        """Source that was given, or else recognised."""
        return self.source or recognise(self.root)

    def require_regions(self, regions: Iterable[str]) -> None:
        """Check that the data set has masks of these regions.

        Args:
            regions: names of the regions.

        Raises:
            DataError: if the data set has no masks of one of them.
        """
        for region in sorted(set(regions) - known_regions(self.table.regions)):
            known = ", ".join(self.table.regions) or "none"
            raise DataError(
                f"{self.table.origin}: no masks of region {region!r}"
                f"{did_you_mean(region, self.table.regions)} (there: {known}); "
                "give some with --data.masks PATH"
            )

    def load_regions(self, regions: Iterable[str]) -> None:
        """Load masks of these regions with the images from now on, where the data set has masks.

        A background without its own masks needs the masks of all other regions, because it is the
        part of the image that no other region covers. So do the figures, which are the rest.
        """
        asked, known = set(regions), set(self.table.regions)
        there = (asked & known).union(sources_of(asked, known))
        self.regions = tuple(sorted(there | set(self.regions)))

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint: the seed, the progress, and every image's split."""
        epoch, batch = self._progress()
        return {"seed": self.seed, "epoch": epoch, "batch": batch, "split": self._packed_split()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume the order of a checkpoint at its position.

        Raises:
            CheckpointError: if the seed or the position is missing.
        """
        for name in ("seed", "epoch", "batch"):
            if type(state_dict.get(name)) is not int:
                raise CheckpointError(
                    f"checkpoint damaged: {name} is {shown(state_dict.get(name))}"
                )
        self.seed = state_dict["seed"]
        self._place = (state_dict["epoch"], state_dict["batch"])

    def _progress(self) -> tuple[int, int]:
        if self.trainer is None:
            return 0, 0
        loop = self.trainer.fit_loop
        epochs: Any = loop.epoch_progress.current
        batches = loop.epoch_loop.batch_progress  # at an epoch's end they are not reset yet
        within = epochs.started > epochs.processed and not batches.is_last_batch
        return epochs.processed, batches.current.ready if within else 0

    def check_split(self, split: str) -> None:
        """Check that a split can be trained or tested on.

        Raises:
            DataError: if it is empty, lacks scores, has equal training scores, or too few images.
        """
        check_split(self.table, split, self.trainer.world_size if self.trainer else 1)

    def _read(self) -> Table:
        missing, images, table = self._read_source()
        self.skipped |= missing
        self._images = images
        if self.is_first:
            table.say(scores=not table.unscored)  # training raises an error about missing scores
        table, self.rule = decide(
            table, self.split, self.split_seed, self.use, lambda: self._contents_of(table)
        )
        if self.use.kept is not None:
            self.rule.sha256 = self.use.kept.sha256()
        table = with_masks(table, self.masks, self.empty_masks, say=self.is_first)
        for note in self.rule.notes:
            self._say(note)
        return table

    def _read_source(self) -> tuple[dict[str, str], list[str], Table]:
        kept = self.use.kept
        split = kept.split if self.split == ALL and kept is not None else self.split
        numbered = split if isinstance(split, int) else None
        skip = self.on_error == "skip"
        try:
            return read_table(self.layout, self.root, numbered, skip)
        except NoNumberedSplitsError:
            # the number comes from the run's options, and this is another data set
            if kept is None or self.split not in (kept.split, ALL):
                raise
            return read_table(self.layout, self.root, None, skip)

    def _say(self, note: str) -> None:
        if self.is_first:
            print(f"memlab: {note}", file=sys.stderr)  # noqa: T201

    def keep_split(self, folder: Path | None = None) -> KeptSplit:
        """Record the split of every image, by content; checkpoints keep it from now on.

        Args:
            folder: folder in which to write `split.csv`; None to write no file.
        """
        if self._kept is None:
            contents = self._contents_of(self.table)
            now = KeptSplit.of(self.table.rows, contents, self.split, self.split_seed)
            self._kept = now.joined(self.use.kept)
            if self.rule is not None:
                self.rule.sha256 = self._kept.sha256()
        if folder is not None:
            self._kept.write(folder)
        return self._kept

    def _packed_split(self) -> dict[str, Any] | None:
        # only the first process saves; a checkpoint of a run begun in Python keeps its split, too
        if self._packed is None and self.trainer is not None and self.trainer.is_global_zero:
            self._packed = self.keep_split().packed()
        return self._packed

    def _contents_of(self, table: Table) -> list[str]:
        images = [str(name) for name in table.rows["image"]]
        new = [image for image in dict.fromkeys(images) if image not in self._contents]
        if new:
            found = contents_of([table.root / image for image in new], self.is_first)
            self._contents |= dict(zip(new, found, strict=True))
        return [self._contents[image] for image in images]

    def _share_contents(self) -> None:
        """Read the checksums of the files in the first of several processes, and broadcast them."""
        if self.trainer is None or self.trainer.world_size == 1 or self.use.kept is None:
            return
        if self.trainer.is_global_zero and not self._contents:
            with contextlib.suppress(MemlabError):  # every process raises the error itself, later
                self._contents_of(self._read_source()[2])
        self._contents = self.trainer.strategy.broadcast(self._contents)
