"""The metrics of every epoch, as a table that a run which goes on continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from memlab.callbacks.base import command_folder
from memlab.files import replacing
from memlab.types import Batch

FILE = "metrics.csv"


class History(Callback):
    """Writes `metrics.csv`: a row per epoch with losses, validation metrics and learning rates.

    The rows travel in the checkpoint, and so does the loss of an epoch that is not over: after a
    kill the file ends up as if nothing had happened.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._sums: Tensor | None = None
        self._before: list[list[float]] = []  # by process, in the order of ranks
        self._validated: dict[str, float] = {}
        self._trainer: Trainer | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take note of the trainer: what is saved are the sums of all its processes."""
        self._trainer = trainer

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's mean; not called where a run goes on in mid-epoch."""
        self._sums = None
        self._before = []
        self._validated = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Add the batch's loss to the epoch's mean, weighted by its readable images."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not isinstance(loss, Tensor):
            return
        if self._sums is None:
            # every process goes on adding where it stopped itself: nothing is rounded anew
            before = self._own_before(trainer)
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
        loss, images = _total(self._by_process())
        row: dict[str, Any] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        if images:
            row["train/loss"] = loss / images
            # equal on every process already; Lightning warns without sync_dist
            pl_module.log("train/loss", loss / images, prog_bar=True, sync_dist=True)
        row |= self._validated
        for place, optimizer in enumerate(trainer.optimizers):
            rates = {float(group["lr"]) for group in optimizer.param_groups}
            row["lr" if place == 0 else f"lr-{place}"] = max(rates)
        self.rows.append(row)
        if trainer.is_global_zero:
            write(self.rows, command_folder(trainer))

    def state_dict(self) -> dict[str, Any]:
        """The rows, and the sums of the epoch that runs: of all processes, and of each."""
        sums = self._by_process()
        return {
            "rows": list(self.rows),
            "sums": _total(sums),
            "sums_by_process": sums,
            "validated": dict(self._validated),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the rows and sums of a checkpoint."""
        self.rows = list(state_dict["rows"])
        # checkpoints of older memlabs hold the total alone
        sums = state_dict.get("sums_by_process", [state_dict["sums"]])
        self._before = [list(part) for part in sums]
        self._validated = dict(state_dict["validated"])
        self._sums = None

    def _own_before(self, trainer: Trainer) -> list[float]:
        """The sums with which this process goes on; with other processes the first has them all."""
        if len(self._before) == trainer.world_size:
            return self._before[trainer.global_rank]
        return _total(self._before) if trainer.is_global_zero else [0.0, 0.0]

    def _by_process(self) -> list[list[float]]:
        """Sum of losses and number of images of each process; equal on all, which must all ask."""
        if self._sums is None:
            return [list(part) for part in self._before]
        if self._trainer is None or self._trainer.world_size == 1:
            return [self._sums.tolist()]
        # gathered, not reduced: that would write the total into each process's own sums
        gathered: list[list[float]] = [[]] * self._trainer.world_size
        torch.distributed.all_gather_object(gathered, self._sums.tolist())
        return gathered


def _total(sums: list[list[float]]) -> list[float]:
    """The sums of all processes, added in the order of ranks: always with the same rounding."""
    total = [0.0, 0.0]
    for loss, images in sums:
        total = [total[0] + loss, total[1] + images]
    return total


def write(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write the table of epochs."""
    with replacing(folder / FILE) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
