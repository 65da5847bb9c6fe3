"""Tiny pictures, tiny networks, and one trained run that many tests look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.scenes import write

os.environ.setdefault("WANDB_MODE", "offline")

TINY = [
    "--model.backbone=timm",
    "--model.backbone.name=test_resnet",
    "--model.backbone.pretrained=false",
    "--data.num_workers=0",
    "--data.batch_size=16",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.max_epochs=1",
]
"""A network that trains in a second."""


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test in a folder of its own, seeded, with memlab's own plugins and no hub cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMLAB_PLUGINS", "none")
    torch.hub.set_dir(str(tmp_path / "hub"))
    torch.manual_seed(0)
    return


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rendered pictures of 64 pixels."""
    root = tmp_path_factory.mktemp("scenes")
    write(root, n=60, seed=3, size=64)
    return root


@pytest.fixture(scope="session")
def run(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: one epoch, tested with two ablations and maps."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    arguments = [f"--run={folder}", f"--data.root={scenes}", "--data.image_size=64", *TINY]
    more = ["--ablation", "blur", "--ablation", "grayscale", "--maps", "4"]
    assert main(["fit", *arguments, *more]) == 0
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Write a picture of seeded noise: `picture("a.jpg", size=(40, 30), seed=1)`."""

    def make(name: str, size: tuple[int, int] = (40, 30), seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)
        return path

    return make


@pytest.fixture
def failing(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail: code 2, at most three lines, no traceback; returns them."""

    def fail(*arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        message = [line for line in lines if not line.startswith("memlab: 0.")]
        assert 1 <= len(message) <= 3, message
        assert message[0].startswith("memlab: ")
        assert "Traceback" not in "\n".join(message)
        return "\n".join(message)

    return fail
