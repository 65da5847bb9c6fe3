"""Fine-tuning by the command: frozen runs, accumulation, the finder of rates, compilation."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from memlab import load
from memlab.backbones.timm import Timm
from memlab.callbacks.lr_finder import steepest
from memlab.cli import main
from memlab.models.load import read_checkpoint
from tests.builders.backbones import Strange
from tests.builders.commands import TINY


def fit(synthetic: Path, *options: str) -> int:
    common = [f"--data.root={synthetic}", "--data.image_size=64", *TINY, "--attribution=none"]
    return main(["fit", *common, *options])


@pytest.mark.slow
def test_a_frozen_run_tests_what_it_started_from(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(5)
    weights = Path("start.pth")
    start = Timm("test_resnet", pretrained=False).network.state_dict()
    torch.save(start, weights)
    options = [f"--model.backbone.weights={weights}", "--model.unfrozen=0", "--model.head=linear"]
    assert fit(synthetic, *options, "--run=runs/probe", "--trainer.max_epochs=2") == 0
    assert "M trained)" in capsys.readouterr().err
    trained = load("runs/probe")
    state = trained.backbone.network.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(state[key], start[key]) for key in start)
    assert trained.unfrozen == 0


@pytest.mark.slow
def test_accumulation_clipping_and_bf16_go_through(synthetic: Path) -> None:
    options = [
        "--trainer.accumulate_grad_batches=2",
        "--trainer.gradient_clip_val=0.5",
        "--trainer.precision=bf16-mixed",
        "--model.layer_decay=0.5",
        "--model.lr_scheduler=memlab.models.schedules.WarmupCosine",
        "--data.augmentation=standard",
        "--model.loss=rank",
    ]
    assert fit(synthetic, *options, "--run=runs/all", "--trainer.max_epochs=2") == 0
    saved = read_checkpoint(Path("runs/all/fit/checkpoints/last.ckpt"))
    assert saved["global_step"] == 2 * 2  # 42 images, 16 a batch: 3 batches, 2 steps an epoch
    rates = [group["lr"] for group in saved["optimizer_states"][0]["param_groups"]]
    assert len(rates) == 6
    assert all(value.dtype == torch.float32 for value in load("runs/all").parameters())


@pytest.mark.slow
def test_overfitting_a_batch_reaches_nothing_left(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--trainer.overfit_batches=1", "--trainer.max_epochs=20", "--model.dropout=0"]
    rate = ["--model.optimizer=Adam", "--model.optimizer.lr=0.01"]
    assert fit(synthetic, *options, *rate, "--run=runs/over", "--data.augmentation=standard") == 0
    message = capsys.readouterr().err
    assert "nothing is tested" in message
    loss = float(message.split("memlab: loss ")[1].split()[0])
    assert loss < 1e-3
    assert not Path("runs/over/fit/results.json").exists()


@pytest.mark.slow
def test_lr_finder_suggests_and_trains_nothing(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = ["--trainer.callbacks=lr_finder", "--trainer.callbacks.steps=40"]
    assert fit(synthetic, *callback, "--run=runs/range") == 0
    message = capsys.readouterr().err
    assert "--model.optimizer.lr" in message
    folder = Path("runs/range/fit")
    lines = (folder / "learning-rates.csv").read_text().splitlines()
    assert lines[0] == "lr,loss"
    assert len(lines) > 20
    assert 1e-6 < float(message.rsplit("--model.optimizer.lr ", 1)[1]) < 0.5
    assert (folder / "learning-rates.png").stat().st_size > 5000
    assert not list(folder.rglob("*.ckpt"))


def test_the_steepest_fall_is_per_factor_of_the_rate() -> None:
    rates = np.geomspace(1e-7, 1, 120)
    noise = 0.0005 * np.sin(np.arange(120) * 2.0)
    losses = 0.04 - 0.02 / (1 + (2e-3 / rates)) + noise  # steepest at 2e-3 on a log axis
    assert steepest(pd.DataFrame({"lr": rates, "loss": losses})) == pytest.approx(2e-3, rel=1)
    assert steepest(pd.DataFrame({"lr": rates, "loss": np.log(rates)})) is None
    assert steepest(pd.DataFrame({"lr": rates, "loss": np.nan})) is None


def test_no_compiler_is_one_line(
    synthetic: Path, failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    options = [f"--data.root={synthetic}", "--data.image_size=64", *TINY, "--model.compile=true"]
    assert "there is no no-such-compiler" in failing("fit", *options)


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="no C++ compiler")
def test_compiled_training_keeps_keys(synthetic: Path) -> None:
    small = [f"--model.backbone={Strange.__module__}.Strange", "--data.image_size=32"]
    common = [f"--data.root={synthetic}", *TINY[3:], "--attribution=none", "--model.head=linear"]
    common += ["--model.optimizer=SGD", "--model.optimizer.lr=0.1"]
    assert main(["fit", *small, *common, "--model.compile=true", "--run=runs/compiled"]) == 0
    assert main(["fit", *small, *common, "--run=runs/eager"]) == 0
    trust = [f"{Strange.__module__}:Strange"]
    one, other = (load(f"runs/{name}", trust=trust).state_dict() for name in ("compiled", "eager"))
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[key], other[key], atol=1e-5) for key in one)
