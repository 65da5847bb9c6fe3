"""An image that one of several processes cannot read ends all of them, in one line."""

from __future__ import annotations

from typing import Any

import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab.callbacks.base import data_of
from memlab.errors import DataError


class ReadFailures(Callback):
    """Lets the processes agree: one that raised by itself would leave the others waiting for it."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Agree after every step."""
        self._agree(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Agree at the end: the processes have unequally many batches."""
        self._agree(trainer)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Agree at the end."""
        self._agree(trainer)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Agree at the end."""
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
