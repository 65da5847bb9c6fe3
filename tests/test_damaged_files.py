"""Damaged files are noticed: one line that names the file, or computed again and said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from memlab import load
from memlab.checksums import damage
from memlab.cli import main
from memlab.data import features
from memlab.errors import CheckpointError
from tests.builders.commands import QUIET, TINY

TEST = [*QUIET, "--data.num_workers=0", "--ablation", "none", "--maps", "0"]


def flip(path: Path, count: int = 10, seed: int = 0) -> None:
    """Flip bits of a file, anywhere in it."""
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(content), count):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(content))


def flip_weights(path: Path) -> None:
    """Flip one bit in the middle of the file's largest tensor."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
    content = bytearray(path.read_bytes())
    content[largest.header_offset + 100 + largest.file_size // 2] ^= 8
    path.write_bytes(bytes(content))


@pytest.mark.slow
def test_flipped_bits_in_a_checkpoint_are_found(
    finished: Path, make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    image = str(make_image("a.png"))
    folder = finished / "fit" / "checkpoints"
    shutil.copy(folder / "last.ckpt", folder / "previous.ckpt")
    for name in ("best", "last"):
        assert damage(folder / f"{name}.ckpt") == ""
        flip_weights(folder / f"{name}.ckpt")
    best, last = (f"{folder / name}.ckpt: damaged" for name in ("best", "last"))
    for command, message in (
        (["score", str(finished), image], best),
        (["explain", str(finished), image, "--out", "maps"], best),
        (["test", "--run", str(finished), *TEST], best),
        (["validate", "--run", str(finished), *QUIET], best),
        (["fit", "--run", str(finished), "--ckpt_path", "best", *QUIET], best),
        (["fit", "--run", str(finished), "--ckpt_path", "last", *QUIET], last),
    ):
        said = failing(*command)
        assert message in said
        assert "the checksum of" in said
        assert ("--ckpt_path previous" in said) is (message == last)


@pytest.mark.slow
def test_flipped_bits_anywhere_change_no_score(run: Path, tmp_path: Path) -> None:
    original = run / "fit" / "checkpoints" / "best.ckpt"
    state = torch.load(original, weights_only=True)["state_dict"]
    refused = 0
    for seed in range(40):
        path = shutil.copy(original, tmp_path / "flipped.ckpt")
        flip(path, count=(1, 10)[seed % 2], seed=seed)
        try:
            found = load(path).state_dict()
        except CheckpointError:
            refused += 1
        else:  # only what pads the file has no checksum
            assert all(torch.equal(state[name], found[name]) for name in state)
    assert refused > 20


def test_weights_without_checksums_are_refused(run: Path) -> None:
    checkpoint = torch.load(run / "fit" / "checkpoints" / "best.ckpt", weights_only=True)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(checkpoint, "none.ckpt")
    finally:
        torch.serialization.set_crc32_options(True)
    with pytest.raises(CheckpointError, match=r"none\.ckpt: .*it holds no checksums"):
        load("none.ckpt")


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("memlab", {"input_size": "x"}, "memlab.input_size is 'x'"),
        ("memlab", {"input_size": True}, "memlab.input_size is True"),
        ("memlab", {"model": [1]}, r"memlab.model is \[1\]"),
        ("memlab", {"calibration": {"residuals": 5}}, "memlab.calibration is"),
        ("memlab", {"calibration": {"other": "x"}}, "memlab.calibration is"),
        ("arguments", {"hidden": "many"}, "hidden is 'many', not a whole number"),
        ("arguments", {"dropout": None}, "dropout is None, not a number"),
        ("arguments", {"loss": "mae"}, "loss is 'mae', not 'mse' or 'huber' or 'rank'"),
        ("arguments", {"unfrozen": 1.5}, "unfrozen is 1.5, not a whole number or 'all'"),
        ("arguments", {"backbone": "timm"}, "backbone is 'timm', not Backbone"),
        ("arguments", {"width": 3}, "unexpected keyword argument 'width'"),
        ("arguments", {"hidden": -1}, "--model.hidden -1: at least 1"),
        ("state", None, "state_dict is None"),
        ("state", {"head.0.bias": "x"}, "state_dict is"),
    ],
)
def test_a_field_of_another_type_is_named(
    part: str, value: object, message: str, run: Path
) -> None:
    checkpoint = torch.load(run / "fit" / "checkpoints" / "best.ckpt", weights_only=True)
    if part == "state":
        checkpoint["state_dict"] = value
    elif part == "memlab":
        checkpoint["memlab"] |= value
    else:
        checkpoint["memlab"]["model"]["init_args"] |= value
    torch.save(checkpoint, "other.ckpt")
    with pytest.raises(CheckpointError, match=rf"^other\.ckpt: .*{message}"):
        load("other.ckpt")


@pytest.mark.slow
def test_training_does_not_go_on_from_half_a_checkpoint(
    finished: Path, failing: Callable[..., str]
) -> None:
    path = finished / "fit" / "checkpoints" / "last.ckpt"
    whole = torch.load(path, weights_only=True)
    command = ["fit", "--run", str(finished), "--ckpt_path=last", "--trainer.max_epochs=2", *QUIET]
    for name, value in (("loops", {}), ("optimizer_states", None), ("epoch", "x")):
        torch.save({**whole, name: value}, path)
        assert f"{path}: training cannot go on from it: {name} is" in failing(*command)
    torch.save({**whole, "optimizer_states": [5]}, path)
    assert f"{path}: it cannot be taken up" in failing(*command)
    (name,) = (key for key in whole if key == "MemorabilityData")
    torch.save({**whole, name: {"seed": "x", "epoch": 0, "batch": 0}}, path)
    assert "seed is 'x'" in failing(*command)


FROZEN = ["--model.unfrozen=0", "--data.augmentation=none", "--data.cache=cache"]


@pytest.mark.slow
def test_damaged_features_are_computed_again(
    synthetic: Path, capsys: pytest.CaptureFixture[str], failing: Callable[..., str]
) -> None:
    command = ["fit", f"--data.root={synthetic}", "--data.image_size=64", *TINY, *FROZEN]
    command += ["--trainer.limit_test_batches=1", "--maps=0"]
    assert main([*command, "--run=first"]) == 0
    (kept,) = Path("cache").glob("*.features")
    first = dict(np.load(kept))
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 64
    kept.write_bytes(bytes(content))
    capsys.readouterr()
    assert main([*command, "--run=second"]) == 0
    assert f"memlab: {kept}: damaged" in capsys.readouterr().err
    assert all(np.array_equal(np.load(kept)[name], first[name]) for name in first)
    with kept.open("wb") as file:
        np.savez(file, features=first["features"] * np.nan)  # without keys and checksum
    assert main([*command, "--run=third"]) == 0
    assert f"memlab: {kept}: damaged" in capsys.readouterr().err
    weights = [torch.load(f"{name}/fit/checkpoints/last.ckpt") for name in ("first", "second")]
    one, two = (found["state_dict"] for found in weights)
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_features_that_are_not_finite_never_train(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch, failing: Callable[..., str]
) -> None:
    original = features.to_float

    def broken(batch: dict) -> dict:
        found = original(batch)
        found["images"][[name.endswith("7.png") for name in batch["ids"]]] = torch.nan
        return found

    monkeypatch.setattr(features, "to_float", broken)
    command = ["fit", f"--data.root={synthetic}", "--data.image_size=64", *TINY, *FROZEN]
    said = failing(*command, "--run=fails")
    assert "7.png: the backbone's features of it are NaN or infinite" in said
    assert "--data.on_error skip" in said
    (kept,) = Path("cache").glob("*.features")
    values = np.load(kept)["features"]
    assert np.isfinite(values).all()
    assert 0 < len(values) < 42 + 6  # those of the other images


NETS = """
import torch
from torch import nn

class Holes(nn.Module):
    input_size = 32
    def forward(self, images):
        red = images[:, 0].mean((1, 2))
        return torch.where(red > red.median(), red * torch.nan, red)

class Nothing(nn.Module):
    input_size = 32
    def forward(self, images): return images.mean((1, 2, 3)) + torch.inf
"""


@pytest.mark.slow
def test_predictions_that_are_no_numbers_are_said(
    synthetic: Path,
    make_image: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    failing: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    Path("holed.py").write_text(NETS)
    images = [str(make_image(f"{place}.png", seed=place)) for place in range(3)]
    assert main(["score", "holed:Holes", *images, "--out", "s.csv"]) == 1
    said = capsys.readouterr()
    assert "the model predicts nan, which is no score" in said.err
    assert "2 scores in s.csv" in said.out
    rows = pd.read_csv("s.csv", keep_default_na=False)
    assert (rows["error"] != "").sum() == 1
    assert (rows.loc[rows["error"] != "", "predicted"] == "").all()
    options = [f"--data.root={synthetic}", "--data.split=70/10/20", *TEST]
    assert main(["test", "--model", "holed:Holes", *options]) == 0
    assert "6 of 12 images are left out" in " ".join(capsys.readouterr().err.split())
    (path,) = Path("runs").glob("*-Holes/test-001-none/results.json")
    found = json.loads(path.read_text())
    assert found["n"] == 6
    assert found["metrics"]["spearman"]["value"] is not None
    assert len(found["data"]["skipped"]) == 6
    assert "predicts nan" in found["data"]["skipped"][0]["reason"]
    said = failing("test", "--model", "holed:Nothing", *options)
    assert "has a prediction" in said
    assert "predicts inf" in said
