"""Runs to cut off: the fit, what ends it, and whether two are equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from memlab.models.regressor import MemorabilityRegressor
from tests.builders.commands import TINY

FIT = [
    "fit",
    "--config=quickstart",
    *TINY,
    "--trainer.max_epochs=2",
    "--data.batch_size=8",
    "--ablation=none",
    "--maps=0",
]
"""Dropout, augmentation, batch normalisation and a schedule; 42 images, 6 steps an epoch."""


class Killed(Exception):  # noqa: N818
    """Stands in for what ends a process."""


def at(step: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something inside the training step that comes `step`-th from now."""
    original = MemorabilityRegressor.training_step
    left = [step]

    def training_step(self: MemorabilityRegressor, batch: Any, batch_idx: int) -> torch.Tensor:
        left[0] -= 1
        if left[0] == 0:
            act()
        return original(self, batch, batch_idx)

    monkeypatch.setattr(MemorabilityRegressor, "training_step", training_step)


def kill() -> None:
    raise Killed


def same(one: Path, other: Path) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        ours, theirs = (
            torch.load(run / "fit" / "checkpoints" / name, weights_only=True)
            for run in (one, other)
        )
        assert ours["global_step"] == theirs["global_step"]
        for key, value in ours["state_dict"].items():
            assert torch.equal(value, theirs["state_dict"][key]), (name, key)
    for name in ("metrics.csv", "rows.csv"):
        assert (one / "fit" / name).read_text() == (other / "fit" / name).read_text(), name
