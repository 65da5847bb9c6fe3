"""Agreement between processes on unreadable images: all processes end, with a one-line error."""

from __future__ import annotations

from typing import Any

import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab.callbacks.base import data_of
from memlab.errors import DataError


class ReadFailures(Callback):
    """Callback that synchronises read errors; otherwise the other processes would wait forever."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Check for read errors on any process after every step."""
        self._agree(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check at the end of the epoch, because the processes have different batch counts."""
        self._agree(trainer)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check at the end of the epoch."""
        self._agree(trainer)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check at the end of the epoch."""
        self._agree(trainer)

    def _agree(self, trainer: Trainer) -> None:
        failure = data_of(trainer).failure
        if trainer.world_size == 1 or not trainer.strategy.reduce_boolean_decision(
            failure is not None, all=False
        ):
            return
        failures: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(failures, failure)
        if not trainer.is_global_zero:
            raise SystemExit(2)
        raise DataError(next(message for message in failures if message))
