"""Averaged weights."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from memlab.errors import MemlabError


class EMA(WeightAveraging):
    """An exponential moving average of the weights, tested in their place.

    After each step of the optimizer: average = decay * average + (1 - decay) * weights, beginning
    with the weights after the first step; batch normalisation's statistics are averaged, too
    (Tarvainen & Valpola 2017, NeurIPS, eq. 1). The average is what is validated, kept as the best,
    and tested; training itself is not changed.

    Args:
        decay: 0 to below 1; the average looks back over about 1 / (1 - decay) steps, which should
            be fewer than an epoch or two have.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise MemlabError(f"ema: decay {decay:g}: 0 to below 1")
        # Lightning's EMAWeightAveraging takes d * a + (1 - d) * w, which by rounding moves weights
        # that are frozen; this one is a + (1 - d) * (w - a)
        super().__init__(multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on with weights and average; in a test, leave the average that was loaded alone."""
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
