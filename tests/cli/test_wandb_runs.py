"""Weights & Biases: each training has a run of its own, and going on joins it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memlab.cli import main
from tests.builders.commands import QUIET, TINY

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_fits_of_one_python_process(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    fit = ["fit", "--config=tracking/wandb", f"--data.root={synthetic}", "--data.image_size=64"]
    fit += [*TINY, "--ablation=none", "--maps=0"]
    for name in ("a", "b"):
        assert main([*fit, f"--out={name}"]) == 0
    assert main([*fit, "--out=a", "--ckpt_path=last", "--trainer.max_epochs=2"]) == 0
    assert main(["test", "--run=a", "--ablation=none", "--maps=0", *QUIET]) == 0
    ids = {name: Path(name, "fit", "wandb-id.txt").read_text() for name in ("a", "b")}
    assert ids["a"] != ids["b"]
    for name, count in (("a", 2), ("b", 1)):
        made = list(Path(name, "fit", "wandb").glob("offline-run-*"))
        assert [path.name.rpartition("-")[2] for path in made] == [ids[name]] * count
    (tested,) = Path("a").glob("test-001-none/wandb/offline-run-*")
    assert not tested.name.endswith(ids["a"])
    assert "WANDB_RUN_ID" not in os.environ
    assert ids["a"] not in Path("a/fit/config.yaml").read_text()
