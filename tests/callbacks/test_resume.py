"""A run that is cut off anywhere, and gone on with, is the run that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from memlab.cli import main
from tests.builders.interrupted_runs import Killed, at, kill, same

pytestmark = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--data.num_workers=0"],
        ["--data.num_workers=2"],
        ["--data.num_workers=0", "--trainer.accumulate_grad_batches=2"],
        ["--data.num_workers=0", "--trainer.max_epochs=-1", "--trainer.max_steps=11"],
        ["--data.num_workers=0", "--trainer.max_epochs=4", "--trainer.limit_train_batches=4"],
        [
            "--data.num_workers=0",
            "--trainer.max_epochs=4",
            "--trainer.limit_train_batches=4",
            "--trainer.reload_dataloaders_every_n_epochs=1",
        ],
        ["--data.num_workers=0", "--trainer.val_check_interval=2"],
        [
            "--data.num_workers=0",
            "--trainer.max_epochs=3",
            "--model.lr_scheduler=lightning.pytorch.cli.ReduceLROnPlateau",
            "--model.lr_scheduler.monitor=val/mse",
            "--model.lr_scheduler.threshold_mode=abs",
            "--model.lr_scheduler.threshold=10",
            "--model.lr_scheduler.patience=0",
        ],
    ],
    ids=[
        "no workers",
        "two workers",
        "accumulation",
        "steps",
        "part of an epoch",
        "new loaders",
        "validation within epochs",
        "plateau",
    ],
)
def test_killed_within_steps_and_gone_on_with(
    data: list[str], options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*data, *options, "--checkpoint_every=2"]
    assert main([*arguments, "--run=whole"]) == 0
    on: list[str] = []
    # in the second epoch, after its end was gone on with: in it again, and just after
    for step in (7, 4, 3):
        with monkeypatch.context() as patch:
            at(step, patch, kill)
            with pytest.raises(Killed):
                main([*arguments, "--run=cut", *on])
        on = ["--ckpt_path=last"]
    assert main([*arguments, "--run=cut", *on]) == 0
    same(Path("whole"), Path("cut"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
)
def test_a_signal_saves_where_it_is(
    data: list[str],
    whole: Path,
    number: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        at(9, patch, lambda: os.kill(os.getpid(), number))
        assert main([*data, "--run=cut"]) == code
    assert signal.getsignal(number) == before
    message = capsys.readouterr().err
    assert "in epoch 1, step 9" in message
    assert "memlab fit --out cut --ckpt_path last" in message
    assert torch.load("cut/fit/checkpoints/last.ckpt", weights_only=True)["global_step"] == 9
    assert main([*data, "--run=cut", "--ckpt_path=last"]) == 0
    same(whole, Path("cut"))


@pytest.mark.slow
def test_a_signal_in_the_last_batch_waits_for_the_epochs_validation(
    data: list[str], whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at(6, patch, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert main([*data, "--run=cut"]) == 143
    assert len(Path("cut/fit/metrics.csv").read_text().splitlines()) == 2
    assert main([*data, "--run=cut", "--ckpt_path=last"]) == 0
    same(whole, Path("cut"))


@pytest.mark.slow
def test_slurm_is_asked_to_run_the_job_again(
    data: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tool = tmp_path / "bin" / "scontrol"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    at(2, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    assert main([*data, "--run=cut"]) == 138
    assert (tmp_path / "asked").read_text() == "requeue 7_3\n"
    assert "SLURM job 7_3 is requeued" in capsys.readouterr().err


@pytest.mark.slow
def test_kill_9_of_the_process(data: list[str], whole: Path) -> None:
    arguments = [*data, "--checkpoint_every=1", "--data.num_workers=0"]
    program = subprocess.Popen(
        [sys.executable, "-m", "memlab", *arguments, "--run=cut"],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    last = Path("cut/fit/checkpoints/last.ckpt")
    while not last.exists() and program.poll() is None:
        time.sleep(0.02)
    program.kill()
    program.wait()
    assert main([*arguments, "--run=cut", "--ckpt_path=last"]) == 0
    same(whole, Path("cut"))
