"""The layer `auto` in commands: chosen on validation images, reported, the same in processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.analysis.results import read
from memlab.cli import main
from tests.builders.commands import QUIET, results
from tests.builders.processes import TWO, two_processes

AUTO = ["--attribution=grad_cam", "--attribution.layer=auto", "--maps=3", "--ablation=none"]


def test_a_test_chooses_on_validation_images_and_says_so(finished: Path) -> None:
    more = ["--attribution=layer_cam", "--attribution.layer=layer1"]
    assert main(["test", "--run", str(finished), *AUTO, *more, *QUIET]) == 0
    (folder,) = [path for path in finished.glob("test*") if path.is_dir()]
    chosen, given = read(folder).maps
    assert given.layer is None
    assert chosen.layer is not None
    assert [one.layer for one in chosen.layer.candidates] == ["layer1", "layer2", "layer3"]
    assert chosen.parameters == {"layer": chosen.layer.layer}
    cells = {one.layer: tuple(one.cells) for one in chosen.layer.candidates}
    assert tuple(chosen.grid) == cells[str(chosen.layer.layer)]
    split = results(finished / "fit")["data"]["images"]
    assert (chosen.layer.n, chosen.layer.images) == (split["val"], "validation images")
    assert np.load(folder / "maps" / "grad_cam.npz")["maps"].shape[1:] == chosen.grid
    notes = results(folder)["notes"]
    assert sum(f"grad_cam looks at {chosen.layer.layer} (" in note for note in notes) == 1


def test_explain_chooses_on_the_reference_images(
    finished: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(path) for path in sorted((synthetic / "images").iterdir())[:6]]
    asked = ["explain", str(finished), images[0], "--method", "grad_cam", "--layer", "auto"]
    assert main([*asked, "--out", str(tmp_path / "own")]) == 0
    said = capsys.readouterr().err
    assert "chosen on 1 explained image:" in said
    assert "too few images to tell layers apart" in said
    reference = ["--reference", *images[1:]]
    assert main([*asked, *reference, "--out", str(tmp_path / "other")]) == 0
    said = capsys.readouterr().err
    assert "memlab: grad_cam looks at layer" in said
    assert "chosen on 5 reference images: scores follow" in said


def test_a_method_without_a_layer_cannot_choose_one(
    finished: Path, synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = str(next((synthetic / "images").iterdir()))
    out = Path("out")
    asked = ["explain", str(finished), image, "--method=grad_cam", "--method=occlusion"]
    assert main([*asked, "--layer=auto", "--out", str(out)]) == 2
    said = "--layer auto: occlusion looks at the image, not at a layer"
    assert said in capsys.readouterr().err
    assert not out.exists()
    more = ["--attribution=occlusion", "--attribution.layer=auto", *QUIET]
    assert main(["test", "--run", str(finished), *more]) == 2
    said = capsys.readouterr().err
    assert "layer" in said
    assert len(said.strip().splitlines()) <= 2


@pytest.mark.slow
def test_two_processes_choose_the_layer_of_one(finished: Path) -> None:
    assert main(["test", "--run", str(finished), *AUTO, *QUIET]) == 0
    ended = two_processes("test", "--run", str(finished), *AUTO, *TWO, *QUIET)
    assert set(ended.codes) == {0}, ended.stderr
    one, two = (read(path).maps[0] for path in sorted(finished.glob("test*")) if path.is_dir())
    assert one.layer == two.layer
    assert (one.grid, one.n) == (two.grid, two.n)


def test_a_layer_that_does_not_exist_is_refused_before_the_test(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--attribution=grad_cam", "--attribution.layer=nope", "--maps=3", "--ablation=none"]
    assert main(["test", "--run", str(finished), *asked, *QUIET]) == 2
    assert "has no layer 'nope'; give " in capsys.readouterr().err
    assert not list(finished.glob("test*/results.json"))
