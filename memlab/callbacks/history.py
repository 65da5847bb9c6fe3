"""Table of the metrics per epoch, continued by resumed runs."""

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
    """Callback that writes `metrics.csv`: losses, validation metrics and learning rates per epoch.

    The rows and the loss sums of the current epoch are stored in the checkpoint. After a kill and
    resume, the file is the same as without the interruption.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._sums: Tensor | None = None
        self._before: list[list[float]] = []  # per process, in rank order
        self._validated: dict[str, float] = {}
        self._trainer: Trainer | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Store the trainer; the saved sums come from all its processes."""
        self._trainer = trainer

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset the epoch's mean; not called where a run resumes in mid-epoch."""
        self._sums = None
        self._before = []
        self._validated = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Add the batch's loss to the epoch's mean, weighted by the number of readable images."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not isinstance(loss, Tensor):
            return
        if self._sums is None:
            # Each process continues its own sums, so that rounding does not change.
            before = self._own_before(trainer)
            exact = torch.float32 if loss.device.type == "mps" else torch.float64
            self._sums = torch.tensor(before, device=loss.device, dtype=exact)
        # The sums stay on the device: reading them would force a synchronisation at every step.
        count = batch["valid"].sum().to(self._sums)
        total = loss.detach().to(self._sums) * trainer.accumulate_grad_batches * count
        self._sums = self._sums + torch.stack([total, count])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch's validation metrics."""
        metrics = trainer.callback_metrics
        self._validated = {name: float(metrics[name]) for name in metrics if name[:4] == "val/"}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch's row and write the table."""
        loss, images = _total(self._by_process())
        row: dict[str, Any] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        if images:
            row["train/loss"] = loss / images
            # The value is equal on every process already; Lightning warns without sync_dist.
            pl_module.log("train/loss", loss / images, prog_bar=True, sync_dist=True)
        row |= self._validated
        for place, optimizer in enumerate(trainer.optimizers):
            rates = {float(group["lr"]) for group in optimizer.param_groups}
            row["lr" if place == 0 else f"lr-{place}"] = max(rates)
        self.rows.append(row)
        if trainer.is_global_zero:
            write(self.rows, command_folder(trainer))

    def state_dict(self) -> dict[str, Any]:
        """Return the rows and the sums of the current epoch, in total and per process."""
        sums = self._by_process()
        return {
            "rows": list(self.rows),
            "sums": _total(sums),
            "sums_by_process": sums,
            "validated": dict(self._validated),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore rows and sums from a checkpoint."""
        self.rows = list(state_dict["rows"])
        # Checkpoints of older memlab versions hold only the total.
        sums = state_dict.get("sums_by_process", [state_dict["sums"]])
        self._before = [list(part) for part in sums]
        self._validated = dict(state_dict["validated"])
        self._sums = None

    def _own_before(self, trainer: Trainer) -> list[float]:
        """Return this process's restored sums; after a change of world size, rank 0 gets all."""
        if len(self._before) == trainer.world_size:
            return self._before[trainer.global_rank]
        return _total(self._before) if trainer.is_global_zero else [0.0, 0.0]

    def _by_process(self) -> list[list[float]]:
        """Return (sum of losses, number of images) per process; every process must call this."""
        if self._sums is None:
            return [list(part) for part in self._before]
        if self._trainer is None or self._trainer.world_size == 1:
            return [self._sums.tolist()]
        # Gather instead of reduce: reducing would write the total into each process's own sums.
        gathered: list[list[float]] = [[]] * self._trainer.world_size
        torch.distributed.all_gather_object(gathered, self._sums.tolist())
        return gathered


def _total(sums: list[list[float]]) -> list[float]:
    """Return the sum over processes, added in rank order so that rounding is reproducible."""
    total = [0.0, 0.0]
    for loss, images in sums:
        total = [total[0] + loss, total[1] + images]
    return total


def write(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write the table of epochs."""
    with replacing(folder / FILE) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
