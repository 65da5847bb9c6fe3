"""Training: reproducible, any network and optimizer, undefined statistics, bad images."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from memlab import MemorabilityModel, load
from memlab.cli import main
from tests.builders.commands import PLAIN, QUIET, TINY, results


@pytest.mark.slow
def test_skipped_images_are_counted_and_listed(synthetic: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(synthetic, tmp_path / "synthetic"))
    rows = pd.read_csv(root / "synthetic.csv")
    (root / "synthetic.json").unlink()  # read as CSV from here on
    rows["split"] = ["train"] * 36 + ["val"] * 12 + ["test"] * 12
    rows.to_csv(root / "synthetic.csv", index=False)
    bad = [rows["image"][place] for place in (3, 40, 50, 55)]
    for name in bad[:3]:
        (root / name).write_bytes((root / name).read_bytes()[:300])
    (root / bad[3]).unlink()
    fit = [f"--data.root={root}", "--data.image_size=64", "--run=runs/skip", *TINY]
    assert main(["fit", *fit, "--data.on_error=skip", "--ablation", "blur", "--maps=0"]) == 0
    found = results(Path("runs/skip/fit"))
    assert {entry["id"] for entry in found["data"]["skipped"]} == set(bad)
    assert found["n"] == 10
    assert found["conditions"][0]["n"] == 10
    assert set(bad).isdisjoint(pd.read_csv("runs/skip/fit/rows.csv")["id"])


@pytest.mark.slow
def test_a_truncated_image_fails_a_run_by_default(
    synthetic: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    root = Path(shutil.copytree(synthetic, tmp_path / "synthetic"))
    name = root / "images" / "000007.png"
    name.write_bytes(name.read_bytes()[:300])
    message = failing("fit", f"--data.root={root}", "--data.image_size=64", *TINY)
    assert "000007.png" in message
    assert "--data.on_error skip" in message


@pytest.mark.slow
def test_training_is_reproducible(run: Path, synthetic: Path) -> None:
    again = [f"--data.root={synthetic}", "--data.image_size=64", "--run=runs/again", *TINY, *PLAIN]
    assert main(["fit", *again, "--data.num_workers=1"]) == 0
    assert load("runs/again").weights_id() == load(run).weights_id()
    assert main(["fit", *again, "--run=runs/other", "--seed_everything=1"]) == 0
    assert load("runs/other").weights_id() != load(run).weights_id()


@pytest.mark.slow
def test_a_vision_transformer_runs_the_whole_path(synthetic: Path) -> None:
    network = ["--model.backbone.name=test_vit", "--model.backbone.image_size=64"]
    arguments = [f"--data.root={synthetic}", "--run=runs/vit", *TINY, *network]
    assert main(["fit", *arguments, "--maps=3", "--ablation", "center_crop"]) == 0
    found = np.load("runs/vit/fit/maps/grad_cam.npz")
    assert found["maps"].shape == (3, 4, 4)
    assert (found["maps"] != 0).all()


def test_a_size_the_backbone_cannot_take_is_named(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    network = ["--model.backbone.name=test_vit", "--data.image_size=64"]
    message = failing("fit", f"--data.root={synthetic}", *TINY, *network)
    assert "--model.backbone.image_size 64" in message


@pytest.mark.slow
def test_scheduler_huber_and_linear_head_from_the_command_line(synthetic: Path) -> None:
    options = [
        "--model.head=linear",
        "--model.loss=huber",
        "--model.optimizer=SGD",
        "--model.optimizer.lr=0.01",
        "--model.lr_scheduler=StepLR",
        "--model.lr_scheduler.step_size=1",
    ]
    arguments = [
        f"--data.root={synthetic}",
        "--data.image_size=64",
        "--run=runs/sgd",
        *TINY,
        *options,
    ]
    assert main(["fit", *arguments, "--attribution=none"]) == 0
    saved = torch.load("runs/sgd/fit/checkpoints/last.ckpt", weights_only=True)
    (group,) = saved["optimizer_states"][0]["param_groups"]
    assert group["initial_lr"] == 0.01
    assert group["lr"] == pytest.approx(0.001)
    assert group["weight_decay"] == 0  # Adam's or AdamW's defaults do not leak
    assert load("runs/sgd").head[0].out_features == 1


class Constant(MemorabilityModel):
    """A model that cannot rank, to prove what becomes of undefined statistics."""

    input_size = 32

    def __init__(self) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.5))
        self.loaded = False

    def weights_id(self) -> str | None:
        return "constant" if self.loaded else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.loaded = True

    def forward(self, images: Tensor) -> Tensor:
        return self.level.expand(len(images))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return (self(batch["images"]) - batch["scores"]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.slow
def test_nan_is_never_best_and_never_ends_a_run(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        f"--data.root={synthetic}",
        "--run=runs/constant",
        "--trainer.max_epochs=3",
        *QUIET,
    ]
    model = f"--model={__name__}.Constant"
    assert main(["fit", *arguments, model, "--ablation", "blur", "--attribution", "none"]) == 0
    folder = Path("runs/constant/fit")
    assert pd.read_csv(folder / "metrics.csv")["epoch"].max() >= 2
    assert not (folder / "checkpoints" / "best.ckpt").exists()
    found = results(folder)
    assert found["metrics"]["spearman"]["value"] is None
    assert found["metrics"]["spearman"]["reason"] == "predictions are constant"
    assert found["metrics"]["mse"]["value"] > 0
    assert found["conditions"][0]["effect"]["value"] == 0
    assert "last weights were tested" in found["notes"][0]
    assert "none: predictions are constant" in capsys.readouterr().out
