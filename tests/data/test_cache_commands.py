"""The cache of images by the commands that fill and use it."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from memlab.cli import main
from memlab.data.module import MemorabilityData
from memlab.data.workers import default_workers
from tests.builders.commands import TINY


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """As on a full disk, the system refuses to let files grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_data_cache_fills_and_fit_finds_everything(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "cache", str(synthetic), "--size=64", "--out=kept", "--num-workers=0"]
    assert main(command) == 0
    assert "0 were there, 60 decoded" in capsys.readouterr().out
    (path,) = Path("kept").iterdir()
    filled = path.read_bytes()
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "60 were there, 0 decoded" in told
    assert str(path) in told
    assert "--data.cache kept --data.image_size 64" in told
    path.chmod(0o444)
    assert fit(synthetic, Path("one"), "--data.cache=kept") == fit(synthetic, Path("none"))
    assert [file.name for file in Path("kept").iterdir()] == [path.name]
    assert path.read_bytes() == filled


def test_data_cache_lists_what_it_cannot_read(
    lamem: Path, capsys: pytest.CaptureFixture[str], failing: Callable[..., str]
) -> None:
    (lamem / "images" / "00000003.jpg").write_bytes(b"junk")
    assert main(["data", "cache", str(lamem), "--size=32", "--num-workers=0"]) == 1
    told = capsys.readouterr().out
    assert "00000003.jpg: cannot be read" in told
    assert "19 decoded, 1 unreadable" in told
    assert main(["data", "cache", str(lamem), "--size=32", "--split=2", "--num-workers=0"]) == 1
    assert "19 were there, 0 decoded" in capsys.readouterr().out  # splits share their images
    (lamem / "images" / "00000004.jpg").unlink()  # leaving it out must not mean another file
    data = MemorabilityData(
        root=lamem, image_size=32, num_workers=0, cache=Path("cache"), on_error="skip"
    )
    assert sum(len(batch["ids"]) for batch in data.predict_dataloader()) == 19
    assert len(list(Path("cache").iterdir())) == 1
    with no_file_beyond(20_000):
        assert "GB needed" in failing("data", "cache", str(lamem), "--size=64")
    assert "--size" in failing("data", "cache", str(lamem), "--size=1")


@pytest.fixture(scope="module")
def uncached(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    return fit(synthetic, tmp_path_factory.mktemp("uncached") / "run")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_training_with_a_cold_and_a_warm_cache_is_that_without(
    workers: int, synthetic: Path, uncached: tuple[bytes, str]
) -> None:
    cached = [f"--data.num_workers={workers}", "--data.cache=kept"]
    for name in ("cold", "warm"):
        assert fit(synthetic, Path("runs") / name, *cached) == uncached


def fit(root: Path, run: Path, *more: str) -> tuple[bytes, str]:
    """Train for two epochs: the parameters and the rows of the test."""
    size = ["--data.image_size=64", "--trainer.max_epochs=2", "--ablation=blur", "--maps=0"]
    size += ["--controls=1"]
    assert main(["fit", f"--data.root={root}", f"--run={run}", *TINY, *size, *more]) == 0
    state = torch.load(run / "fit" / "checkpoints" / "last.ckpt")["state_dict"]
    parameters = b"".join(value.numpy().tobytes() for value in state.values())
    return parameters, (run / "fit" / "conditions.csv").read_text()


def test_workers_are_shared_out_among_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert [default_workers(processes) for processes in (1, 2, 4, 16, 32)] == [8, 7, 3, 0, 0]
