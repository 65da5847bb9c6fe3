"""Contrasts in commands: what they compare with is said, and their figures are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from memlab import load
from memlab.cli import main
from memlab.data.inputs import Inputs
from memlab.models.regressor import MemorabilityRegressor
from tests.builders.commands import QUIET, results


def test_a_tested_contrast_is_with_the_training_images(finished: Path, synthetic: Path) -> None:
    asked = ["--attribution=contrast_cam", "--attribution=grad_cam", "--maps=3", "--controls=0"]
    asked += ["--ablation=remove_faces"]
    assert main(["test", "--run", str(finished), *asked, *QUIET]) == 0
    (folder,) = [path for path in finished.glob("test*") if path.is_dir()]
    note = "contrast_cam compares with the mean of 42 training images."
    assert note in results(folder)["notes"]
    found = np.load(folder / "maps" / "contrast_cam.npz")
    assert "steps" not in np.load(folder / "maps" / "grad_cam.npz")
    record = {one["method"]: one for one in results(folder)["maps"]}["contrast_cam"]
    checked = record["checks"]
    assert checked["deletion"]["value"] == pytest.approx(found["check_deletion"].mean(), abs=1e-6)
    assert {"insertion", "deletion_shuffled", "insertion_centre", "lift_faces"} <= set(checked)
    said = [note for note in results(folder)["notes"] if note.startswith("contrast_cam: the score")]
    assert len(said) == 1
    assert "shuffled maps" in said[0]
    total = found["maps"].sum(axis=(1, 2)) + found["unlocated"] + found["residual"]
    # the difference from the mean activations of the training images, computed anew
    model = load(finished).eval()
    assert isinstance(model, MemorabilityRegressor)
    split = results(finished / "fit")
    assert split["data"]["images"]["train"] == 42
    rows = np.genfromtxt(
        finished / "fit" / "split.csv", delimiter=",", names=True, dtype=None, encoding="utf8"
    )
    paths = [synthetic / row["id"] for row in rows if row["split"] == "train"]
    with torch.no_grad():
        stems = [model.stem(batch["images"]) for batch in Inputs(paths, 64).batches()]
        start = model.score(torch.cat(stems).mean(dim=0, keepdim=True))
    assert total == pytest.approx(found["predicted"] - float(start), abs=1e-5)
    assert found["reference"] == pytest.approx([float(start)] * 3, abs=1e-6)
    assert checked["reference"]["value"] == pytest.approx(float(start), abs=1e-6)
    assert checked["residual"]["value"] == pytest.approx(np.abs(found["residual"]).max())


def test_explain_says_what_it_compares_with(
    finished: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = sorted((synthetic / "images").iterdir())[:5]
    names = [str(path) for path in images]
    asked = ["explain", str(finished), "--method", "contrast_cam"]
    assert main([*asked, *names[:3], "--out", str(tmp_path / "own")]) == 0
    said = "3 maps by contrast_cam, compared with the mean of 3 explained images in"
    assert said in capsys.readouterr().out
    own = np.load(tmp_path / "own" / "maps" / "contrast_cam.npz")
    assert {"unlocated", "residual", "steps"} <= set(own)
    assert main([*asked, names[0], "--reference", *names[3:], "--out", str(tmp_path / "two")]) == 0
    assert "1 map by contrast_cam, compared with the mean of 2 reference" in capsys.readouterr().out
    two = np.load(tmp_path / "two" / "maps" / "contrast_cam.npz")
    assert not np.allclose(two["maps"][0], own["maps"][0])
    assert main([*asked, names[0], "--out", str(tmp_path / "none")]) == 2
    assert "one image has no mean to be compared with" in capsys.readouterr().err


def test_options_that_no_method_can_use_are_refused_before_any_map(
    finished: Path, synthetic: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    names = [str(path) for path in sorted((synthetic / "images").iterdir())[:2]]
    out = tmp_path / "out"
    asked = ["explain", str(finished), *names, "--out", str(out)]
    said = failing(*asked, "--reference", *names)
    assert "--reference: grad_cam compares with nothing; leave it out" in said
    assert "no such folder of maps" in failing(*asked, "--human", str(tmp_path / "nowhere"))
    (tmp_path / "people").mkdir()
    assert "no map has the name of an image" in failing(*asked, "--human", str(tmp_path / "people"))
    assert not out.exists() or not any(out.iterdir())
