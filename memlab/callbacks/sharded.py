"""Base class of evaluations of the test set that write rows batch by batch and can be resumed."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer

from memlab import shards
from memlab.ablations.plan import Condition
from memlab.callbacks.base import command_folder, model_of
from memlab.callbacks.sameness import sameness
from memlab.models.base import MemorabilityModel
from memlab.types import Batch


class ShardedEvaluation(Callback, ABC):
    """Base class of callbacks that score changed test images and write a shard for each batch.

    If an identical evaluation was interrupted in the same folder, its shards are kept. A subclass
    calls `open` in `setup`, and implements `evaluate_batch`.
    """

    table: ClassVar[str]
    """Name of the table, and of the folder of its shards."""
    batches: ClassVar[str]
    """What a shard holds, for messages, such as `batches of changed images`."""
    conditions: Sequence[Condition]
    """Conditions that are scored; they identify the evaluation."""
    micro_batch: int
    """Largest number of changed images in memory."""
    _writer: shards.ShardWriter | None = None

    def open(self, trainer: Trainer) -> None:
        """Open the folder of the shards; without this call nothing is evaluated."""
        folder = command_folder(trainer)
        self._writer = shards.ShardWriter(folder, self.table, trainer.global_rank)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the rows of an identical evaluation that was interrupted."""
        model = model_of(trainer)
        if model is None or self._writer is None:
            return
        if trainer.is_global_zero:
            done = self._writer.take_up(sameness(trainer, model, self.conditions, self.micro_batch))
            if done:
                print(  # noqa: T201
                    f"memlab: going on with {command_folder(trainer)}: {done} {self.batches} are "
                    "there",
                    file=sys.stderr,
                )
        trainer.strategy.barrier()
        self.resume(trainer, self._writer)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        *_: Any,
    ) -> None:
        """Score changed images of the batch."""
        model = model_of(trainer)
        if model is not None and self._writer is not None:
            self.evaluate_batch(model, self._writer, batch, batch_idx)

    @abstractmethod
    def resume(self, trainer: Trainer, writer: shards.ShardWriter) -> None:
        """Read what an interrupted evaluation left besides its rows, in every process."""

    @abstractmethod
    def evaluate_batch(
        self, model: MemorabilityModel, writer: shards.ShardWriter, batch: Batch, batch_idx: int
    ) -> None:
        """Change and score images of the batch and write their rows, unless they exist already."""
