"""A test that is cut off, and asked for again, goes on: no batch is changed twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from memlab.ablations.frequency import Blur
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.types import Context
from tests.builders.commands import QUIET, results

ASKED = ["--ablation=blur", "--ablation=grayscale", "--data.batch_size=4", "--maps=0", *QUIET]


class Killed(BaseException):
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


@pytest.mark.slow
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


@pytest.mark.slow
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


WASH = """
from memlab import Ablation
from washed.maths import fade

class Wash(Ablation):
    family, unit, target, control = "colour", "of the way", "luma_sd", "nuisance-baseline"
    ladder, maximum = (1.0,), 1.0
    def __init__(self, share: float = 1.0) -> None:
        super().__init__(share)
    def change(self, images, context, dose):
        return fade(images, dose)
"""

DIE = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from memlab.cli import main
from memlab.shards import ShardWriter

original, written = ShardWriter.write, []

def write(self, rows, batch):
    if self.folder.name == "conditions":
        written.append(batch)
    if len(written) == 3:  # while it is writing
        whole = pd.DataFrame.to_parquet
        def half(frame, path, **how):
            whole(frame, path, **how)
            content = Path(path).read_bytes()
            Path(path).write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        pd.DataFrame.to_parquet = half
    original(self, rows, batch)

ShardWriter.write = write
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_file_costs_a_batch(
    finished: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--ablation=remove_faces", "--ablation=swap_palette", "--ablation=blur"]
    asked += ["--controls=2", "--data.batch_size=3", "--maps=0", *QUIET]
    command = ["test", "--run", str(finished), *asked]
    assert main(command) == 0
    whole, half = (finished / f"test-00{n}-remove_faces-swap_palette-blur" for n in (1, 2))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", DIE, *command], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    shards = half / "shards" / "conditions"
    assert len(list(shards.glob("[0-9]*.parquet"))) == 2
    assert len(list(shards.glob(".*.parquet"))) == 1
    # and the file system lost the end of another
    damaged = sorted(shards.glob("[0-9]*.parquet"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    with monkeypatch.context() as patch:
        counted = cut(patch, 99)
        assert main(command) == 0
    assert sum(counted) == results(whole)["n"] - 3
    for table in ("rows.csv", "conditions.csv"):
        assert (whole / table).read_text() == (half / table).read_text()
    assert results(whole)["conditions"] == results(half)["conditions"]
    assert not (half / "shards").exists()


@pytest.mark.slow
def test_other_masks_ablations_or_controls_get_rows_of_their_own(
    finished: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = Path(shutil.copytree(synthetic / "masks", "masks"))
    asked = ["--ablation=blur", "--ablation.region=faces", f"--data.masks={masks}"]
    asked += ["--controls=2", "--data.batch_size=2", "--maps=0", *QUIET]
    command = ["test", "--run", str(finished), *asked]
    with monkeypatch.context() as patch:
        cut(patch, 2)
        with pytest.raises(Killed):
            main(command)
    half = finished / "test-001-blur"
    assert list((half / "shards" / "conditions").glob("[0-9]*.parquet"))
    for other in (["--ablation=grayscale"], ["--controls=3"]):
        before = set(finished.glob("test-*"))
        assert main([*command, *other]) == 0
        (folder,) = set(finished.glob("test-*")) - before
        assert len(pd.read_csv(folder / "conditions.csv")["id"].unique()) == results(folder)["n"]
    assert (half / "shards").is_dir()  # what was cut off still waits
    for path in (masks / "faces").iterdir():  # the same files, drawn anew
        drawn = np.asarray(Image.open(path))
        Image.fromarray(np.roll(drawn, 1, axis=1)).save(path)
    with monkeypatch.context() as patch:
        cut(patch, 99)
        assert main(command) == 0
    fresh = Path(shutil.copytree(finished, "runs/other"))
    assert main(["test", "--run", str(fresh), *asked]) == 0
    tables = [half / "conditions.csv", *fresh.glob("test-004*/conditions.csv")]
    assert len({path.read_text() for path in tables}) == 1


@pytest.mark.slow
def test_any_file_of_a_plugins_package_counts(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "washed"
    plugin.mkdir()
    maths = plugin / "maths.py"
    maths.write_text("def fade(images, dose):\n    return images * (1 - dose)\n")
    (plugin / "__init__.py").write_text(WASH)
    monkeypatch.syspath_prepend(str(tmp_path))
    command = ["test", "--run", str(finished), "--ablation=washed:Wash", *ASKED]
    for edited in (False, True):
        with monkeypatch.context() as patch:
            cut(patch, 2)
            with pytest.raises(Killed):
                main(command)
        if edited:
            maths.write_text("def fade(images, dose):\n    return images * (1 - dose / 2)\n")
        with monkeypatch.context() as patch:
            counted = cut(patch, 99)
            assert main(command) == 0
        whole = results(max(finished.glob("test-*")))["n"]
        assert sum(counted) == (whole if edited else whole - 8)


def test_a_model_that_returns_nan_is_named_with_the_image() -> None:
    from memlab import evaluate, plan
    from memlab.testing import sample_images

    images = sample_images(2, 32)
    with pytest.raises(MemlabError, match=r"image b changed by blur@2 is not finite"):
        list(
            evaluate(
                lambda shown, _: torch.tensor([0.5, float("nan")]),
                images,
                Context(["a", "b"]),
                plan([Blur()]),
            )
        )
