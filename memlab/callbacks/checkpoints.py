"""Which weights are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class LastCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt`, the weights after the last whole epoch, for going on.

    Lightning's own `save_last` writes only when another checkpoint is written.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder,
            filename="last",
            save_top_k=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to remember: the next epoch's weights take the place of the last."""


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt`, by the validation Spearman correlation.

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
            save_top_k=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with what a checkpoint remembers, where it is of this folder.

        A run that was copied or moved has its best weights here, whatever the path says; another
        run's history is not this one's.
        """
        folder = Path(str(self.dirpath))
        own = folder / "best.ckpt"
        if Path(state_dict["dirpath"]).resolve() != folder.resolve():
            if not own.is_file():
                return
            score = state_dict["best_model_score"]
            state_dict = {
                **state_dict,
                "dirpath": str(self.dirpath),
                "best_model_path": str(own),
                "kth_best_model_path": str(own),
                "best_k_models": {str(own): score},
            }
        super().load_state_dict(state_dict)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether an epoch is the best so far."""
        if current is None or bool(torch.isnan(current)):
            return False
        return super().check_monitor_top_k(trainer, current)
