"""Which weights are kept."""

from __future__ import annotations

from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt`, by the validation Spearman correlation, and `last.ckpt`.

    An epoch whose correlation is undefined (NaN) is never the best, not even for want of another.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor="val/spearman",
            mode="max",
            save_last=True,
            save_top_k=1,
            enable_version_counter=False,
        )

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether an epoch is the best so far."""
        if current is None or bool(torch.isnan(current)):
            return False
        return super().check_monitor_top_k(trainer, current)
