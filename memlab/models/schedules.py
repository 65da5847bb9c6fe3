"""Learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class WarmupCosine(LRScheduler):
    """Linear warm-up to the optimizer's learning rate, then half a cosine down to zero.

    The schedule spans the whole run and is stepped after each batch; the model sets the number of
    steps. After Loshchilov & Hutter 2017 (ICLR, eq. 5), without restarts.

    Args:
        optimizer: its learning rate is the maximum.
        warmup: share of the run used for the warm-up.
    """

    def __init__(self, optimizer: Optimizer, warmup: float = 0.1) -> None:
        self.warmup = warmup
        self.total_steps = 1
        super().__init__(optimizer)

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the number of steps, because a resumed run may be longer."""
        state = super().state_dict()
        return {name: value for name, value in state.items() if name != "total_steps"}

    def span(self, total_steps: int) -> None:
        """Set the number of steps of the run, and update the rates at once."""
        self.total_steps = total_steps
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = rate

    def get_lr(self) -> list[float | Tensor]:
        """Return the rate of each parameter group at the current step."""
        rising = max(1.0, self.warmup * self.total_steps)
        step = self.last_epoch
        if step < rising:
            share = (step + 1) / (rising + 1)
        else:
            progress = min(1.0, (step - rising) / max(1.0, self.total_steps - rising))
            share = (1 + math.cos(math.pi * progress)) / 2
        return [float(base) * share for base in self.base_lrs]
