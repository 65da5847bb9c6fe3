"""The metrics of every epoch, as a table that a run which goes on continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from memlab.callbacks.base import command_folder
from memlab.data.dataset import Batch
from memlab.files import replacing

FILE = "metrics.csv"


class History(Callback):
    """Writes `metrics.csv`: a row per epoch with losses, validation metrics and learning rates.

    The rows travel in the checkpoint, and so does the loss of an epoch that is not over: after a
    kill the file ends up as if nothing had happened.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._sums: Tensor | None = None
        self._before = [0.0, 0.0]
        self._validated: dict[str, float] = {}
        self._trainer: Trainer | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take note of the trainer: what is saved is the sum over its processes."""
        self._trainer = trainer

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's mean; not called where a run goes on in mid-epoch."""
        self._sums = None
        self._before = [0.0, 0.0]
        self._validated = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Add the batch's loss to the epoch's mean, weighted by its readable pictures."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not isinstance(loss, Tensor):
            return
        if self._sums is None:
            # one process goes on adding where the checkpoint stopped: nothing is rounded anew
            before = self._before if trainer.is_global_zero else [0.0, 0.0]
            exact = torch.float32 if loss.device.type == "mps" else torch.float64
            self._sums = torch.tensor(before, device=loss.device, dtype=exact)
        # the sums stay on the device: reading them would make it wait at every step
        count = batch["valid"].sum().to(self._sums)
        total = loss.detach().to(self._sums) * trainer.accumulate_grad_batches * count
        self._sums = self._sums + torch.stack([total, count])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take note of the epoch's validation metrics."""
        metrics = trainer.callback_metrics
        self._validated = {name: float(metrics[name]) for name in metrics if name[:4] == "val/"}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch's row and write the table."""
        loss, pictures = self._total()
        row: dict[str, Any] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        if pictures:
            row["train/loss"] = loss / pictures
            # equal on every process already; Lightning warns without sync_dist
            pl_module.log("train/loss", loss / pictures, prog_bar=True, sync_dist=True)
        row |= self._validated
        for place, optimizer in enumerate(trainer.optimizers):
            rates = {float(group["lr"]) for group in optimizer.param_groups}
            row["lr" if place == 0 else f"lr-{place}"] = max(rates)
        self.rows.append(row)
        if trainer.is_global_zero:
            write(self.rows, command_folder(trainer))

    def state_dict(self) -> dict[str, Any]:
        """The rows, and the sums of the epoch that runs."""
        return {"rows": list(self.rows), "sums": self._total(), "validated": dict(self._validated)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the rows and sums of a checkpoint."""
        self.rows = list(state_dict["rows"])
        self._before = list(state_dict["sums"])
        self._validated = dict(state_dict["validated"])
        self._sums = None

    def _total(self) -> list[float]:
        if self._sums is None:
            return list(self._before)
        sums = self._sums
        if self._trainer is not None:
            sums = self._trainer.strategy.reduce(sums, reduce_op="sum")
        total: list[float] = sums.tolist()
        return total


def write(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write the table of epochs."""
    with replacing(folder / FILE) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
