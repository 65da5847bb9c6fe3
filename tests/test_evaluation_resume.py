"""A test that is cut off, and asked for again, goes on: no batch is changed twice."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

from memlab.ablations.base import Context
from memlab.ablations.frequency import Blur
from memlab.cli import main
from memlab.errors import MemlabError
from tests.conftest import QUIET, results

ASKED = ["--ablation=blur", "--ablation=grayscale", "--data.batch_size=4", "--maps=0", *QUIET]


class Killed(Exception):  # noqa: N818
    """Stands in for what ends a process."""


def cut(monkeypatch: pytest.MonkeyPatch, after: int) -> list[int]:
    """Count blurred batches; the one after `after` ends the process."""
    counted: list[int] = []
    original = Blur.change

    def change(self: Blur, images: Tensor, context: Context, dose: float) -> Tensor:
        if len(counted) == after:
            raise Killed
        counted.append(len(images))
        return original(self, images, context, dose)

    monkeypatch.setattr(Blur, "change", change)
    return counted


def test_the_same_test_goes_on(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["test", "--run", str(finished), *ASKED]) == 0
    whole = finished / "test-001-blur-grayscale"
    with monkeypatch.context() as patch:
        cut(patch, 2)
        with pytest.raises(Killed):
            main(["test", "--run", str(finished), *ASKED])
    half = finished / "test-002-blur-grayscale"
    assert not (half / "results.json").exists()
    assert len(list((half / "shards" / "conditions").glob("*.parquet"))) == 2
    with monkeypatch.context() as patch:
        counted = cut(patch, 99)
        assert main(["test", "--run", str(finished), *ASKED]) == 0
    assert sum(counted) == results(half)["n"] - 8
    for table in ("rows.csv", "conditions.csv"):
        assert (whole / table).read_text() == (half / table).read_text()
    assert not (half / "shards").exists()
    assert len(list(finished.glob("test-*"))) == 2


def test_anything_else_starts_afresh(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        cut(patch, 2)
        with pytest.raises(Killed):
            main(["test", "--run", str(finished), *ASKED])
    other = [*ASKED, "--seed_everything=5"]
    assert main(["test", "--run", str(finished), *other]) == 0
    assert results(finished / "test-002-blur-grayscale")["seed"] == 5
    # the same command, but other weights: the folder is taken up, its batches are not
    path = finished / "fit" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for name, value in checkpoint["state_dict"].items():
        if value.is_floating_point():
            checkpoint["state_dict"][name] = value * 1.01
    torch.save(checkpoint, path)
    with monkeypatch.context() as patch:
        counted = cut(patch, 99)
        assert main(["test", "--run", str(finished), *ASKED]) == 0
    found = results(finished / "test-001-blur-grayscale")
    assert sum(counted) == found["n"]
    rows = pd.read_csv(finished / "test-001-blur-grayscale" / "conditions.csv")
    assert len(rows) == len(found["conditions"]) * found["n"]


def test_a_model_that_returns_nan_is_named_with_the_picture() -> None:
    from memlab import evaluate, plan
    from memlab.testing import sample_pictures

    images = sample_pictures(2, 32)
    with pytest.raises(MemlabError, match=r"picture b changed by blur@2 is not finite"):
        list(
            evaluate(
                lambda shown, _: torch.tensor([0.5, float("nan")]),
                images,
                Context(["a", "b"]),
                plan([Blur()]),
            )
        )
