"""Seeds of every training step, as a function of the step's position."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab.callbacks.base import data_of
from memlab.seeds import seed_of


class StepSeeds(Callback):
    """Callback that seeds torch before every training step by (seed, epoch, batch, process).

    Dropout in a resumed run is therefore the same as in an uninterrupted run.
    """

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed the generators that the step may use: those of the CPU and of the device."""
        place = (trainer.current_epoch, batch_idx, trainer.global_rank)
        seed = seed_of(data_of(trainer).seed, "step", *place)
        # torch.manual_seed would record a stack trace per absent device at every step.
        torch.default_generator.manual_seed(seed)
        device = pl_module.device.type
        if device in ("cuda", "mps", "xpu"):
            getattr(torch, device).manual_seed(seed)
