"""What memlab refuses to do, in a line, and what it leaves untouched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from memlab.cli import main
from tests.builders.commands import QUIET, TINY


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ckpt_path", "last.ckpt"], "no such file"),
        (["--model.backbone.name", "test_vit"], "'test_resnet' there, 'test_vit' was asked for"),
        (["--ablation", "blur", "--ablation.sigma", "70"], "ladder: 0.5, 1, 2, 4, 8"),
        (["--ablation", "blur", "--ablation.region", "hats"], "no masks of region 'hats'"),
        (["--data.root", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_bad_options_of_test_are_one_line(
    arguments: list[str], message: str, finished: Path, failing: Callable[..., str]
) -> None:
    assert message in failing("test", "--run", str(finished), *arguments, *QUIET)


@pytest.mark.slow
def test_a_half_matching_checkpoint_is_refused(finished: Path, failing: Callable[..., str]) -> None:
    path = finished / "fit" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"].pop("head.0.weight")
    torch.save(checkpoint, path)
    message = failing("test", "--run", str(finished), *QUIET)
    assert "1 missing (first: head.0.weight)" in message


def test_no_weights_no_test(synthetic: Path, failing: Callable[..., str]) -> None:
    assert "no finished run" in failing("test", "--ablation", "blur")
    model = ["--model=regressor", *TINY[:3]]
    message = failing("test", *model, f"--data.root={synthetic}", "--data.image_size=64", *QUIET)
    assert "no weights were loaded" in message
    Path("runs/half/fit").mkdir(parents=True)
    model = "model: {class_path: memlab.models.regressor.MemorabilityRegressor}\n"
    Path("runs/half/fit/config.yaml").write_text(model + "data: {root: .}\ntrainer: {}\n")
    assert "best.ckpt, which does not exist" in failing("test", "--run", "runs/half")


def test_a_finished_run_is_not_overwritten(finished: Path, failing: Callable[..., str]) -> None:
    before = (finished / "fit" / "results.json").read_bytes()
    assert "choose another --out" in failing("fit", "--run", str(finished), *TINY)
    assert (finished / "fit" / "results.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    Path("file").write_text("in the way")
    message = failing("fit", f"--data.root={synthetic}", "--run=file/run", *TINY)
    assert "cannot make the folder file/run/fit" in message


def test_rendering_never_touches_a_folder_of_other_images(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    make_image("photos/a.jpg")
    before = sorted(Path("photos").rglob("*"))
    options = ["--config", "quickstart", "--data.root", "photos", "--data.source.n=8"]
    assert "--data.source null" in failing("fit", *options, *QUIET)
    assert main(["data", "check", "photos", "--source", "synthetic"]) == 2
    assert sorted(Path("photos").rglob("*")) == before


@pytest.mark.slow
def test_a_failed_command_leaves_no_folder(failing: Callable[..., str], finished: Path) -> None:
    before = sorted(Path("runs").rglob("*"))
    failing("fit", "--data.root=nowhere", *TINY)
    failing("fit", "--trainer.max_epoch=1")
    failing("test", "--run", str(finished), "--data.root=nowhere", *QUIET)
    failing("test", "--run", str(finished), "--ablation", "blur", "--ablation.region=hats", *QUIET)
    assert sorted(Path("runs").rglob("*")) == before


@pytest.mark.slow
def test_nothing_trained_is_not_a_result(finished: Path, failing: Callable[..., str]) -> None:
    checkpoint = str(finished / "fit" / "checkpoints" / "last.ckpt")
    config = str(finished / "fit" / "config.yaml")
    options = ["--config", config, "--run", "runs/other", "--ckpt_path", checkpoint]
    assert "nothing was trained" in failing("fit", *options, *QUIET)
    assert not Path("runs/other/fit/results.json").exists()


@pytest.mark.slow
def test_another_size_than_trained_at_is_refused(
    finished: Path, failing: Callable[..., str]
) -> None:
    message = failing("test", "--run", str(finished), "--data.image_size=96", *QUIET)
    assert "trained at 64 pixels" in message


@pytest.mark.slow
def test_no_readable_image_is_one_line(
    synthetic: Path, finished: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    root = Path(shutil.copytree(synthetic, tmp_path / "synthetic"))
    for name in pd.read_csv(finished / "fit" / "rows.csv")["id"]:
        (root / name).write_bytes(b"junk")
    options = ["--run", str(finished), f"--data.root={root}", "--data.on_error=skip"]
    message = failing("test", *options, "--ablation", "blur", *QUIET)
    assert "no image of the test split has a prediction" in message


@pytest.mark.slow
def test_ablate_leaves_a_used_folder_alone(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    path = str(make_image("a.png"))
    assert main(["apply", path, "--ablation", "all", "--out", "out"]) == 0
    before = sorted(Path("out").rglob("*"))
    message = failing("apply", path, "--ablation", "blur", "--out", "out")
    assert "not an empty folder" in message
    assert sorted(Path("out").rglob("*")) == before


def test_an_unknown_optimizer_is_answered_with_the_closest(failing: Callable[..., str]) -> None:
    assert "did you mean 'Adam'" in failing("fit", "--model.optimizer", "Adm")
    assert "did you mean 'StepLR'" in failing("fit", "--model.lr_scheduler", "StepLr")


def test_a_single_image_a_batch_cannot_be_trained_on(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    message = failing("fit", *TINY, f"--data.root={synthetic}", "--data.batch_size=1")
    assert "--data.batch_size 1: at least 2" in message


@pytest.mark.slow
def test_a_scheduler_that_waits_for_the_wrong_direction_is_refused(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    plateau = "--model.lr_scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau"
    message = failing("fit", *TINY, f"--data.root={synthetic}", "--data.image_size=64", plateau)
    assert "val/spearman is better when it rises: set it to max" in message
