"""Exponential moving average of the weights."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from memlab.errors import MemlabError


class EMA(WeightAveraging):
    """Callback that averages the weights exponentially and tests the average in their place.

    After each optimizer step: average = decay * average + (1 - decay) * weights. The average starts
    with the weights after the first step. The statistics of batch normalisation are averaged too
    (Tarvainen & Valpola 2017, NeurIPS, eq. 1). Validation, the best checkpoint and the test use the
    average. Training itself does not change.

    Args:
        decay: 0 to below 1; the average covers about the last 1 / (1 - decay) steps, which should
            be less than one or two epochs.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise MemlabError(f"ema: decay {decay:g}: 0 to below 1")
        # Lightning's EMAWeightAveraging computes d * a + (1 - d) * w, whose rounding moves frozen
        # weights. This function computes a + (1 - d) * (w - a).
        super().__init__(multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore weights and average; in a test, keep the average that was already loaded."""
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
