"""Averaged weights: what is validated, kept, tested and loaded is the average."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab import load
from memlab.cli import main
from memlab.models.base import hash_weights
from memlab.models.load import read_checkpoint
from tests.builders.commands import TINY, results

OPTIONS = ["--data.image_size=64", *TINY, "--attribution=none", "--model.dropout=0.3"]
DECAY = 0.8


class Steps(Callback):
    """Keeps the weights after every step, and the hash of those it began with."""

    weights: list[dict[str, torch.Tensor]] = []  # noqa: RUF012 - read by the test
    first = ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        Steps.first = hash_weights(pl_module.state_dict())

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.weights.append({k: v.detach().clone() for k, v in pl_module.state_dict().items()})


def ema(decay: float = DECAY) -> list[str]:
    return ["--trainer.callbacks=ema", f"--trainer.callbacks.decay={decay}"]


@pytest.mark.slow
def test_the_average_is_kept_tested_and_loaded(synthetic: Path) -> None:
    Steps.weights.clear()
    options = [*ema(), f"--trainer.callbacks={__name__}.Steps", "--trainer.max_epochs=2"]
    rate = ["--model.optimizer=Adam", "--model.optimizer.lr=0.01"]
    arguments = [f"--data.root={synthetic}", *OPTIONS, *options, *rate, "--run=runs/ema"]
    assert main(["fit", *arguments]) == 0
    folder = Path("runs/ema/fit")
    for name in ("best", "last"):
        saved = read_checkpoint(folder / "checkpoints" / f"{name}.ckpt")
        count = saved["global_step"]
        assert count in (3, 6)  # 42 images, 16 a batch, one or two epochs
        shares = [DECAY ** (count - 1)]
        shares += [(1 - DECAY) * DECAY ** (count - 1 - step) for step in range(1, count)]
        assert sum(shares) == pytest.approx(1)
        for key, found in saved["state_dict"].items():
            if found.is_floating_point():
                parts = [
                    share * step[key] for share, step in zip(shares, Steps.weights, strict=False)
                ]
                assert torch.allclose(found, torch.stack(parts).sum(dim=0), atol=1e-5), key
        now = saved["current_model_state"]
        assert all(torch.equal(now[key], Steps.weights[count - 1][key]) for key in now)
        assert hash_weights(now) != hash_weights(saved["state_dict"])

    model = load("runs/ema")
    best = read_checkpoint(folder / "checkpoints" / "best.ckpt")
    assert results(folder)["model"]["weights_id"] == model.weights_id()
    assert model.weights_id() == hash_weights(best["state_dict"])
    rows = pd.read_csv(folder / "rows.csv").sort_values("index")
    own = [f"--trust={__name__}:Steps", "--data.num_workers=0", *OPTIONS[-2:-1]]
    assert main(["test", "--run=runs/ema", *own]) == 0
    again = pd.read_csv("runs/ema/test-001/rows.csv").sort_values("index")
    assert rows["predicted"].to_list() == pytest.approx(again["predicted"].to_list(), abs=1e-6)
    scored = model.predict([synthetic / name for name in rows["id"]])
    assert scored["predicted"].to_list() == pytest.approx(rows["predicted"].to_list(), abs=1e-5)


@pytest.mark.slow
def test_going_on_restores_weights_and_average(synthetic: Path) -> None:
    steps = f"--trainer.callbacks={__name__}.Steps"
    assert main(["fit", f"--data.root={synthetic}", *OPTIONS, *ema(), steps, "--run=runs/on"]) == 0
    short = read_checkpoint(Path("runs/on/fit/checkpoints/last.ckpt"))
    Steps.weights.clear()
    own = [f"--trust={__name__}:Steps", "--trainer.max_epochs=2"]
    assert main(["fit", "--run=runs/on", "--ckpt_path=last", *own]) == 0
    long = read_checkpoint(Path("runs/on/fit/checkpoints/last.ckpt"))
    assert Steps.first == hash_weights(short["current_model_state"])
    assert len(Steps.weights) == 3
    for key, average in short["state_dict"].items():
        if average.is_floating_point():
            for weights in Steps.weights:
                average = DECAY * average + (1 - DECAY) * weights[key]
            assert torch.allclose(average, long["state_dict"][key], atol=1e-5), key


@pytest.mark.slow
def test_frozen_weights_do_not_drift(synthetic: Path) -> None:
    options = ["--model.unfrozen=0", "--trainer.max_epochs=3", "--run=runs/frozen", *ema(0.7)]
    assert main(["fit", f"--data.root={synthetic}", *OPTIONS, *options]) == 0
    saved = read_checkpoint(Path("runs/frozen/fit/checkpoints/last.ckpt"))
    now = saved["current_model_state"]
    backbone = [key for key in now if key.startswith("backbone")]
    assert backbone
    assert all(torch.equal(now[key], saved["state_dict"][key]) for key in backbone)


@pytest.mark.slow
def test_lightnings_own_is_refused_before_wrong_weights_are_tested(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    own = ["--trainer.callbacks=EMAWeightAveraging", "--trainer.callbacks.decay=0.5"]
    message = failing("fit", f"--data.root={synthetic}", *OPTIONS, *own, "--run=runs/stock")
    assert "--trainer.callbacks ema" in message


def test_a_decay_out_of_range_is_one_line(synthetic: Path, failing: Callable[..., str]) -> None:
    assert "decay 1: 0 to below 1" in failing("fit", f"--data.root={synthetic}", *OPTIONS, *ema(1))
