"""Learning-rate range test: suggests a rate and draws a figure; the weights do not change."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateFinder

from memlab.callbacks.base import command_folder
from memlab.errors import MemlabError
from memlab.files import replacing
from memlab.reports import figures

SETTLING = 10
"""Initial steps that are left out because the running mean of the loss has not settled."""

WINDOW = 9
"""Number of steps over which a slope is averaged."""


class LRFinder(LearningRateFinder):
    """Callback that trains with a rising learning rate and reports where the loss falls fastest.

    Lightning's implementation of the range test of Smith 2017 (WACV). The run ends after the test
    with its weights restored, and with `learning-rates.csv` and `.png` in its folder. To train,
    remove the callback and set the learning rate.

    Args:
        lowest: learning rate of the first step.
        highest: learning rate of the last step.
        steps: number of steps; the test ends early if the loss grows to four times its minimum.
    """

    def __init__(self, lowest: float = 1e-7, highest: float = 1.0, steps: int = 100) -> None:
        if not 0 < lowest < highest or steps < 20:
            raise MemlabError(
                f"lr_finder: lowest {lowest:g}, highest {highest:g}, steps {steps}: 0 < lowest < "
                "highest, at least 20 steps"
            )
        super().__init__(lowest, highest, steps, update_attr=False)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run the test, report the suggestion, and end the run."""
        if len(trainer.optimizers[0].param_groups) > 1:
            raise MemlabError(
                "lr_finder tries one rate for the whole network: leave out --model.layer_decay"
            )
        epochs, trainer.fit_loop.max_epochs = trainer.fit_loop.max_epochs, -1
        self.lr_find(trainer, pl_module)
        trainer.fit_loop.max_epochs = epochs
        trainer.should_stop = True
        found = self.optimal_lr
        if found is None or not trainer.is_global_zero:  # None: --trainer.fast_dev_run
            return
        folder = command_folder(trainer)
        table = pd.DataFrame({"lr": found.results["lr"], "loss": found.results["loss"]})[SETTLING:]
        with replacing(folder / "learning-rates.csv") as temporary:
            table.to_csv(temporary, index=False)
        rate = steepest(table)
        figure = folder / figures.learning_rates(table, rate, folder)
        if rate is None:
            raise MemlabError(f"lr_finder: no rate can be suggested; see {figure}")
        first = "" if getattr(pl_module, "optimizer", None) else "--model.optimizer Adam "
        print(  # noqa: T201
            f"memlab: suggested learning rate {rate:.2g}, where the loss falls fastest; see "
            f"{figure}\nnothing was trained; leave lr_finder out and give "
            f"{first}--model.optimizer.lr {rate:.2g}",
            file=sys.stderr,
        )


def steepest(table: pd.DataFrame) -> float | None:
    """Return the rate at which the loss falls fastest per factor of the rate, or None if never.

    Lightning's own suggestion uses the slope per unit of the rate. That slope is steepest at tiny
    rates, where the loss is only noise.

    Args:
        table: columns lr (rising) and loss.
    """
    known = table[np.isfinite(table["loss"])]
    if len(known) <= WINDOW:
        return None
    slope = np.gradient(known["loss"].to_numpy(), np.log(known["lr"].to_numpy()))
    mean = np.convolve(slope, np.full(WINDOW, 1 / WINDOW), mode="valid")
    place = int(mean.argmin())
    return float(known["lr"].iloc[place + WINDOW // 2]) if mean[place] < 0 else None
