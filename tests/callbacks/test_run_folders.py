"""A run's folder through restarts, full disks, damaged files and other processes."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from filelock import FileLock

from memlab.cli import main
from memlab.models.regressor import MemorabilityRegressor
from tests.builders.interrupted_runs import Killed, at, kill, same

pytestmark = pytest.mark.slow


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_full_disk_is_said_of_tables_too(
    data: list[str], failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_csv(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", to_csv)
    assert "metrics.csv cannot be written: No space left" in failing(*data, "--run=full")


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_file_system_without_locks_is_said(
    data: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def acquire(self: FileLock) -> None:
        raise NotImplementedError

    monkeypatch.setattr(FileLock, "acquire", acquire)
    assert main([*data, "--run=network"]) == 0
    assert "has no locks" in capsys.readouterr().err


@pytest.mark.slow
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


@pytest.mark.slow
def test_auto_takes_the_checkpoint_before_a_damaged_one(
    data: list[str],
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patch:
        at(11, patch, kill)
        with pytest.raises(Killed):
            main([*data, "--run=cut", "--checkpoint_every=2"])
    last = Path("cut/fit/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:5000])
    assert main([*data, "--run=cut", "--ckpt_path=auto"]) == 0
    assert "damaged; going on with the one before" in capsys.readouterr().err
    same(whole, Path("cut"))


@pytest.mark.slow
def test_a_new_run_may_begin_with_anothers_checkpoint(finished: Path) -> None:
    checkpoint = finished / "fit" / "checkpoints" / "last.ckpt"
    more = ["--trainer.max_epochs=2", "--ablation=none", "--maps=0"]
    assert main(["fit", "--run=new", f"--ckpt_path={checkpoint}", *more]) == 0
    saved = torch.load("new/fit/checkpoints/last.ckpt", weights_only=True)
    assert saved["epoch"] == 1
