"""memlab as a process of its own: trackers, and several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.cli import main
from tests.conftest import QUIET, TINY, results


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run memlab as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "memlab", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_wandb_offline_gets_metrics_config_table_and_pictures(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    arguments = [f"--data.root={scenes}", "--data.image_size=64", "--run=runs/w", *TINY]
    found = program("fit", "--config=tracking/wandb", *arguments, "--ablation=blur")
    assert found.returncode == 0, found.stderr
    assert (Path("runs/w/fit/metrics.csv")).is_file()
    (offline,) = Path("runs/w/fit/wandb").glob("offline-run-*")
    media = {path.name.split("_")[0] for path in (offline / "files" / "media").rglob("*.*")}
    assert {"ablations", "ablation-effects", "predicted-against-true", "grad"} <= media


def test_two_processes_give_the_rows_of_one(finished: Path) -> None:
    more = ["--ablation=all", "--data.batch_size=4", *QUIET]
    assert main(["test", "--run", str(finished), *more]) == 0
    processes = ["--trainer.strategy=ddp", "--trainer.devices=2"]
    found = program("test", "--run", str(finished), *more, *processes)
    assert found.returncode == 0, found.stderr
    one, two = finished / "test-001-all", finished / "test-002-all"
    assert results(two)["provenance"]["processes"] == 2
    for table in ("rows.csv", "conditions.csv"):
        ours, theirs = pd.read_csv(one / table), pd.read_csv(two / table)
        assert ours.drop(columns="predicted").equals(theirs.drop(columns="predicted"))
        assert np.abs(ours["predicted"] - theirs["predicted"]).max() < 1e-5
    for name, statistic in results(one)["metrics"].items():
        assert results(two)["metrics"][name]["value"] == pytest.approx(statistic["value"], abs=1e-5)
