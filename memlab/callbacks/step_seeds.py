"""Randomness of every training step as a function of where the step is."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab.callbacks.base import data_of
from memlab.seeds import seed_of


class StepSeeds(Callback):
    """Seeds torch before every training step by (seed, epoch, batch, process).

    So dropout in a run that goes on is that of a run that was never cut off.
    """

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed the generators that the step may use: the processor's and the device's."""
        place = (trainer.current_epoch, batch_idx, trainer.global_rank)
        seed = seed_of(data_of(trainer).seed, "step", *place)
        # torch.manual_seed would note a stack trace per absent device, at every step, for ever
        torch.default_generator.manual_seed(seed)
        device = pl_module.device.type
        if device in ("cuda", "mps", "xpu"):
            getattr(torch, device).manual_seed(seed)
