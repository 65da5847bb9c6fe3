"""A frozen backbone sees every image once, and trains as if it had seen it every time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from memlab.callbacks.frozen_features import FrozenFeatures
from memlab.cli import main
from memlab.data import dataset
from tests.builders.commands import PLAIN, TINY, results

pytestmark = pytest.mark.slow

PROBE = [
    "fit",
    *TINY,
    "--model.unfrozen=0",
    "--data.augmentation=none",
    "--data.image_size=64",
    "--trainer.max_epochs=3",
    "--model.optimizer=Adam",
    "--model.optimizer.lr=0.01",
    "--ablation=none",
    "--maps=0",
]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is decoded, in order."""
    seen: list[Path] = []
    original = dataset.decode

    def decode(path: Path) -> torch.Tensor:
        seen.append(path)
        return original(path)

    monkeypatch.setattr(dataset, "decode", decode)
    return seen


def head(run: str) -> dict[str, torch.Tensor]:
    saved = torch.load(f"{run}/fit/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return {name: value for name, value in saved.items() if name.startswith("head.")}


@pytest.mark.slow
def test_each_image_is_decoded_once_and_the_result_is_that_of_every_epoch(
    synthetic: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*PROBE, f"--data.root={synthetic}", "--data.cache=kept"]
    assert main([*arguments, "--run=once"]) == 0
    assert len(decoded) == len(set(decoded)) == 60
    assert len(list(Path("kept").glob("*.features"))) == 1

    decoded.clear()
    assert main([*arguments, "--run=again"]) == 0
    assert not decoded  # the test images are in the cache of images

    with monkeypatch.context() as patch:
        patch.setattr(FrozenFeatures, "setup", lambda *_, **__: None)
        arguments = [*PROBE, f"--data.root={synthetic}"]
        assert main([*arguments, "--run=always"]) == 0
    assert len(decoded) == 3 * (42 + 6) + 12
    for name, value in head("always").items():
        assert torch.equal(head("once")[name], head("again")[name])
        assert torch.allclose(value, head("once")[name], atol=1e-5)
    ours, theirs = (pd.read_csv(f"{run}/fit/metrics.csv") for run in ("once", "always"))
    assert ours.to_numpy() == pytest.approx(theirs.to_numpy(), abs=1e-4)
    found = [results(Path(run) / "fit")["metrics"]["mse"]["value"] for run in ("once", "always")]
    assert found[0] == pytest.approx(found[1], abs=1e-5)


@pytest.mark.slow
def test_other_weights_have_other_features(synthetic: Path, decoded: list[Path]) -> None:
    arguments = [*PROBE, f"--data.root={synthetic}", "--data.cache=kept", "--trainer.max_epochs=1"]
    assert main([*arguments, "--run=one"]) == 0
    assert main([*arguments, "--run=two", "--seed_everything=1"]) == 0
    assert len(list(Path("kept").glob("*.features"))) == 2


@pytest.mark.slow
def test_a_run_that_goes_on_finds_its_features_and_leaves_none_to_others(
    synthetic: Path, decoded: list[Path]
) -> None:
    arguments = [*PROBE, f"--data.root={synthetic}", "--data.cache=kept"]
    assert main([*arguments, "--run=one", "--trainer.max_epochs=1"]) == 0
    saved = torch.load("one/fit/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    prefix = "backbone.network."
    own = {name.removeprefix(prefix): v * 1.5 for name, v in saved.items() if prefix in name}
    torch.save(own, "other.pt")
    shutil.rmtree("kept")
    arguments += ["--model.backbone.weights=other.pt", "--run=two"]
    assert main([*arguments, "--trainer.max_epochs=1"]) == 0
    features = sorted(Path("kept").glob("*.features"))
    decoded.clear()
    # until its checkpoint is read, the backbone has the random weights that `one` began with
    assert main([*arguments, "--ckpt_path=last"]) == 0
    assert sorted(Path("kept").glob("*.features")) == features
    assert not decoded


@pytest.mark.slow
def test_a_image_that_cannot_be_read_is_said_or_skipped(
    tmp_path: Path, make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    lines = ["image,score,split"]
    for place in range(16):
        make_image(f"p/{place}.png", seed=place)
        lines.append(f"{place}.png,{0.3 + place / 40},{'train' if place < 8 else 'val'}")
        lines[-1] = lines[-1] if place < 12 else lines[-1].replace("val", "test")
    (tmp_path / "p" / "3.png").write_bytes(b"no image")
    (tmp_path / "p" / "scores.csv").write_text("\n".join(lines))
    arguments = [*PROBE, "--data.root=p/scores.csv", "--data.cache=kept"]
    assert "3.png: cannot be read" in failing(*arguments, "--run=fails")
    assert main([*arguments, "--run=skips", "--data.on_error=skip"]) == 0
    assert [entry["id"] for entry in results(Path("skips/fit"))["data"]["skipped"]] == ["3.png"]
    (kept,) = Path("kept").glob("*.features")
    assert len(np.load(kept)["features"]) == 7 + 4  # all but the one that cannot be read


@pytest.mark.slow
def test_features_that_cannot_be_kept_are_said(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fit", *TINY, *PLAIN, "--data.image_size=64", f"--data.root={synthetic}"]
    assert main([*command, "--data.feature_cache=kept", "--run=all"]) == 0
    assert "--data.feature_cache does nothing here: features are kept of a frozen" in (
        capsys.readouterr().err
    )
    assert not Path("kept").exists()
