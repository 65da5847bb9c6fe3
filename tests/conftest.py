"""Tiny images, tiny networks, and one trained run that many tests look at."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.synthetic import write
from tests.builders.commands import TINY
from tests.builders.hostile_modules import MODULE

os.environ.setdefault("WANDB_MODE", "offline")


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test in a folder of its own, seeded, with memlab's own plugins and no hub cache.

    Modules that a test wrote and imported are gone after it: another test may write one of that
    name.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMLAB_PLUGINS", "none")
    torch.hub.set_dir(str(tmp_path / "hub"))
    torch.manual_seed(0)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:] = [path for path in sys.path if not path.startswith(str(tmp_path))]


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rendered images of 64 pixels."""
    root = tmp_path_factory.mktemp("synthetic")
    write(root, n=60, seed=3, size=64)
    return root


@pytest.fixture(scope="session")
def run(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: one epoch, tested with two ablations and a map."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    arguments = [f"--run={folder}", f"--data.root={synthetic}", "--data.image_size=64", *TINY]
    more = ["--ablation", "blur", "--ablation", "grayscale", "--maps", "1"]
    assert main(["fit", *arguments, *more]) == 0
    return folder


@pytest.fixture
def make_image(tmp_path: Path) -> Callable[..., Path]:
    """Write an image of seeded noise: `image("a.jpg", size=(40, 30), seed=1)`."""

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
    """Run a command that must fail: code 2, at most three lines, no traceback; returns them.

    Notes, a line each, may come before the error.
    """

    def fail(*arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        message = [line for line in lines if not line.startswith("memlab: 0.")]
        last = max(i for i, line in enumerate(message) if line.startswith("memlab: "))
        assert len(message) - last <= 3, message
        assert message[0].startswith("memlab: ")
        assert "Traceback" not in "\n".join(message)
        return "\n".join(message)

    return fail


@pytest.fixture
def finished(run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run under ./runs, where commands look for it."""
    return Path(shutil.copytree(run, tmp_path / "runs" / "tiny"))


@pytest.fixture
def lamem(tmp_path: Path, make_image: Callable[..., Path]) -> Path:
    """LaMem's layout: 20 images, two splits with different labels for the same image."""
    root = tmp_path / "lamem"
    for place in range(20):
        make_image(f"lamem/images/{place:08d}.jpg", seed=place)
    (root / "splits").mkdir()
    for split in (1, 2):
        rng = np.random.default_rng(split)
        lines = [f"{place:08d}.jpg {rng.uniform(0.4, 1):.6f}\n" for place in range(20)]
        for part, chosen in (("train", lines[:12]), ("val", lines[12:16]), ("test", lines[16:])):
            (root / "splits" / f"{part}_{split}.txt").write_text("".join(chosen))
    return root


@pytest.fixture
def module(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A module in the current folder that leaves a mark when it is imported."""
    name = f"hostile_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    before = list(sys.path)
    yield name
    sys.path[:] = before
    sys.modules.pop(name, None)


@pytest.fixture
def unharmed(module: str) -> Callable[[], None]:
    def check() -> None:
        assert not Path("RUN").exists()
        assert module not in sys.modules

    return check
