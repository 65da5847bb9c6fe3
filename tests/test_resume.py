"""A run that is cut off anywhere, and gone on with, is the run that was not."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from filelock import FileLock

from memlab.cli import main
from memlab.models.regressor import MemorabilityRegressor
from tests.conftest import TINY

FIT = [
    "fit",
    "--config=quickstart",
    *TINY,
    "--trainer.max_epochs=2",
    "--data.batch_size=8",
    "--ablation=none",
    "--maps=0",
]
"""Dropout, augmentation, batch normalisation and a schedule; 42 pictures, 6 steps an epoch."""


class Killed(Exception):  # noqa: N818
    """Stands in for what ends a process."""


@pytest.fixture
def data(scenes: Path) -> list[str]:
    return [*FIT, f"--data.root={scenes}", "--data.source=csv"]


def at(step: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something inside the training step that comes `step`-th from now."""
    original = MemorabilityRegressor.training_step
    left = [step]

    def training_step(self: MemorabilityRegressor, batch: Any, batch_idx: int) -> torch.Tensor:
        left[0] -= 1
        if left[0] == 0:
            act()
        return original(self, batch, batch_idx)

    monkeypatch.setattr(MemorabilityRegressor, "training_step", training_step)


def kill() -> None:
    raise Killed


def same(one: Path, other: Path) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        ours, theirs = (
            torch.load(run / "fit" / "checkpoints" / name, weights_only=True)
            for run in (one, other)
        )
        assert ours["global_step"] == theirs["global_step"]
        for key, value in ours["state_dict"].items():
            assert torch.equal(value, theirs["state_dict"][key]), (name, key)
    for name in ("metrics.csv", "rows.csv"):
        assert (one / "fit" / name).read_text() == (other / "fit" / name).read_text(), name


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


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
)
def test_a_signal_saves_where_it_is(
    data: list[str],
    number: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)
    assert main([*data, "--run=whole"]) == 0
    with monkeypatch.context() as patch:
        at(9, patch, lambda: os.kill(os.getpid(), number))
        assert main([*data, "--run=cut"]) == code
    assert signal.getsignal(number) == before
    message = capsys.readouterr().err
    assert "in epoch 1, step 9" in message
    assert "memlab fit --run cut --ckpt_path last" in message
    assert torch.load("cut/fit/checkpoints/last.ckpt", weights_only=True)["global_step"] == 9
    assert main([*data, "--run=cut", "--ckpt_path=last"]) == 0
    same(Path("whole"), Path("cut"))


def test_a_signal_in_the_last_batch_waits_for_the_epochs_validation(
    data: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*data, "--run=whole"]) == 0
    with monkeypatch.context() as patch:
        at(6, patch, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert main([*data, "--run=cut"]) == 143
    assert len(Path("cut/fit/metrics.csv").read_text().splitlines()) == 2
    assert main([*data, "--run=cut", "--ckpt_path=last"]) == 0
    same(Path("whole"), Path("cut"))


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


def test_kill_9_of_the_process(data: list[str]) -> None:
    arguments = [*data, "--checkpoint_every=1", "--data.num_workers=0"]
    assert main([*arguments, "--run=whole"]) == 0
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
    same(Path("whole"), Path("cut"))


def test_auto_starts_goes_on_and_knows_the_end(
    data: list[str],
    failing: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [*data, "--run=job", "--ckpt_path=auto"]
    with monkeypatch.context() as patch:
        at(9, patch, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert main(arguments) == 143
    assert "cut off; go on with --ckpt_path last" in failing(*data, "--run=job")
    assert main(arguments) == 0
    saved = Path("job/fit/checkpoints/last.ckpt").stat().st_mtime_ns
    capsys.readouterr()
    assert main(arguments) == 0
    assert "job is finished" in capsys.readouterr().err
    assert Path("job/fit/checkpoints/last.ckpt").stat().st_mtime_ns == saved
    assert "of which run?" in failing(*data, "--ckpt_path=auto")


def test_a_finished_run_that_goes_on_is_not_finished(
    data: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # a callback on the command line is given each time, as in a job script
    arguments = [*data[:1], *data[2:], "--trainer.callbacks=ema", "--trainer.callbacks.decay=0.5"]
    arguments += ["--run=job", "--trainer.max_epochs=1"]
    assert main(arguments) == 0
    arguments += ["--trainer.max_epochs=2"]
    with monkeypatch.context() as patch:
        at(3, patch, kill)
        with pytest.raises(Killed):
            main([*arguments, "--ckpt_path=last"])
    assert not Path("job/fit/results.json").exists()
    assert main([*arguments, "--ckpt_path=auto"]) == 0
    assert torch.load("job/fit/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1
    assert Path("job/fit/config.yaml").read_text().count("callbacks.ema.EMA") == 1


def test_a_full_disk_leaves_the_checkpoint_before(
    data: list[str], failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*data, "--run=full", "--checkpoint_every=2"]
    original, left = torch.save, [3]

    def save(thing: Any, file: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        original(thing, file)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        message = failing(*arguments)
    assert "No space left on device" in message
    assert "go on with --ckpt_path last" in message
    folder = Path("full/fit/checkpoints")
    assert not [path for path in folder.iterdir() if path.suffix != ".ckpt"]
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] > 0
    assert main([*arguments, "--ckpt_path=last"]) == 0


def test_a_full_disk_is_said_of_tables_too(
    data: list[str], failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_csv(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", to_csv)
    assert "metrics.csv cannot be written: No space left" in failing(*data, "--run=full")


def test_a_damaged_last_checkpoint_points_to_the_one_before(
    data: list[str], failing: Callable[..., str]
) -> None:
    assert main([*data, "--run=old"]) == 0
    last = Path("old/fit/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:5000])
    message = failing(*data, "--run=old", "--ckpt_path=last")
    assert "last.ckpt: damaged" in message
    assert "--ckpt_path previous" in message
    assert main([*data, "--run=old", "--ckpt_path=previous"]) == 0
    assert torch.load(last, weights_only=True)["epoch"] == 1


def test_one_run_in_a_folder_at_once(data: list[str], failing: Callable[..., str]) -> None:
    folder = Path("shared/fit")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("of the run that is there")
    with FileLock(folder / ".lock"):
        message = failing(*data, "--run=shared")
        # in its first epoch the other run has nothing but these: they are not to be tidied away
        assert {path.name for path in folder.iterdir()} == {"config.yaml", ".lock"}
    assert "another memlab fit is writing in shared" in message
    assert main([*data, "--run=shared"]) == 0


def test_a_file_system_without_locks_is_said(
    data: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def acquire(self: FileLock) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", acquire)
    assert main([*data, "--run=network"]) == 0
    assert "has no locks" in capsys.readouterr().err


def test_training_that_had_ended_by_itself_is_not_taken_up_again(
    data: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = [
        "--trainer.callbacks=EarlyStopping",
        "--trainer.callbacks.monitor=val/mse",
        "--trainer.callbacks.patience=1",
        "--trainer.callbacks.min_delta=1",  # no epoch is ever good enough
        "--trainer.max_epochs=8",
        "--run=cut",
    ]
    with monkeypatch.context() as patch:
        patch.setattr(MemorabilityRegressor, "test_step", lambda *_: kill())
        with pytest.raises(Killed):
            main([*data, *stopping])
    before = Path("cut/fit/metrics.csv").read_text()
    assert len(before.splitlines()) == 3
    assert main([*data, *stopping, "--ckpt_path=auto"]) == 0
    assert Path("cut/fit/metrics.csv").read_text() == before
    assert Path("cut/fit/results.json").is_file()


def test_auto_takes_the_checkpoint_before_a_damaged_one(
    data: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*data, "--run=whole"]) == 0
    with monkeypatch.context() as patch:
        at(11, patch, kill)
        with pytest.raises(Killed):
            main([*data, "--run=cut", "--checkpoint_every=2"])
    last = Path("cut/fit/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:5000])
    assert main([*data, "--run=cut", "--ckpt_path=auto"]) == 0
    assert "damaged; going on with the one before" in capsys.readouterr().err
    same(Path("whole"), Path("cut"))


def test_a_new_run_may_begin_with_anothers_checkpoint(finished: Path) -> None:
    checkpoint = finished / "fit" / "checkpoints" / "last.ckpt"
    more = ["--trainer.max_epochs=2", "--ablation=none", "--maps=0"]
    assert main(["fit", "--run=new", f"--ckpt_path={checkpoint}", *more]) == 0
    saved = torch.load("new/fit/checkpoints/last.ckpt", weights_only=True)
    assert saved["epoch"] == 1
