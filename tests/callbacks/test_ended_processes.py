"""One of two processes is killed: one line says which; going on gives the same numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from lightning.pytorch.strategies.launchers import subprocess_script

from memlab.cli.ended import _OBSERVER, lost_connection
from tests.builders.interrupted_runs import FIT, same
from tests.builders.processes import TWO, program, two_processes

KILLER = """
import os, signal
from lightning.pytorch import Callback

class Killer(Callback):
    def on_train_batch_start(self, trainer, module, batch, index):
        rank, step = (int(part) for part in os.environ.get("KILLED", "-1,-1").split(","))
        if (trainer.global_rank, trainer.global_step) == (rank, step):
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_killed_in_mid_epoch_and_gone_on_with(synthetic: Path) -> None:
    Path("killer.py").write_text(KILLER)
    fit = [*FIT, f"--data.root={synthetic}", "--data.source=csv", "--data.num_workers=0"]
    fit += ["--checkpoint_every=1", "--trainer.callbacks=killer.Killer"]
    assert two_processes(*fit, "--out=whole").codes == [0, 0]
    found = program(*fit, *TWO, "--out=cut", KILLED="1,5")
    assert found.returncode == 2
    said = [line for line in found.stderr.splitlines() if line.startswith("memlab: process")]
    assert said == [
        "memlab: process 2 of 2 (rank 1) was ended by SIGKILL; this one stops. "
        "Go on: memlab fit --out cut --ckpt_path last"
    ]
    assert "Traceback" not in found.stderr
    assert "gloo" not in found.stderr
    assert two_processes(*fit, "--out=cut", "--ckpt_path=last").codes == [0, 0]
    same(Path("whole"), Path("cut"))
    history = pd.read_csv("cut/fit/metrics.csv")
    assert history["epoch"].tolist() == [0, 1]
    assert history["train/loss"].notna().all()


def test_lightnings_observer_is_where_memlab_replaces_it() -> None:
    """A canary: the name is private."""
    assert callable(getattr(subprocess_script, _OBSERVER))
    assert not lost_connection(RuntimeError("Connection closed by peer"))  # there is one process
