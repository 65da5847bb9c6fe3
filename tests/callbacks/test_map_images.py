"""Which images a test explains: chosen after all are scored, in one process as in two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.results import read
from memlab.attributions.layer_cam import LayerCAM
from memlab.cli import main
from memlab.data import examples as examples_module
from tests.builders.commands import QUIET, TINY, results
from tests.builders.processes import two_processes

ASKED = ["--ablation=none", "--maps=4", "--data.batch_size=4", *QUIET]


def after_test(run: Path, *more: str) -> Path:
    assert main(["test", "--run", str(run), *ASKED, *more]) == 0
    return max(path for path in run.glob("test-*") if path.is_dir())


def test_the_worst_errors_are_explained_and_the_record_says_how(finished: Path) -> None:
    folder = after_test(finished, "--maps_of=worst")
    rows = pd.read_csv(folder / "rows.csv")
    error = (rows["predicted"] - rows["score"]).abs()
    worst = rows.loc[error.sort_values(ascending=False).index[:4]]
    (record,) = results(folder)["maps"]
    assert record["choice"]["ids"] == worst["id"].tolist()
    assert (record["choice"]["rule"], record["choice"]["by"]) == ("worst", "error")
    assert record["choice"]["of"] == len(rows)
    found = np.load(folder / "maps" / "grad_cam.npz")
    table = rows.set_index("id").loc[list(found["id"])]
    assert sorted(found["id"]) == sorted(worst["id"])
    assert found["index"].tolist() == sorted(found["index"])
    assert table["index"].tolist() == found["index"].tolist()
    assert np.allclose(found["predicted"], table["predicted"], atol=1e-6)
    note = f"Maps of 4 of {len(rows)} tested images: those with the largest errors of the"
    assert any(one.startswith(note) for one in results(folder)["notes"])
    assert (folder / record["page"]).is_file()
    assert read(folder).maps[0].choice is not None


def test_given_images_are_all_explained(finished: Path, failing: Callable[..., str]) -> None:
    rows = pd.read_csv(finished / "fit" / "rows.csv")
    ids = rows["id"].iloc[[6, 2, 3, 1, 0]].tolist()
    Path("ids.txt").write_text("\n".join(ids))
    folder = after_test(finished, "--maps_of=ids.txt")
    found = np.load(folder / "maps" / "grad_cam.npz")
    assert sorted(found["id"]) == sorted(ids)
    asked = ["test", "--run", str(finished), *ASKED, f"--maps_of={ids[0]},nowhere.png"]
    assert "--maps_of nowhere.png: 1 of 2 ids are not among the 12 test" in failing(*asked)


def test_an_unknown_image_is_named_before_training(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    asked = [f"--data.root={synthetic}", "--data.image_size=64", "--ablation=none", *TINY]
    said = failing("fit", *asked, "--run=runs/new", "--maps_of=[nowhere.png]")
    assert "--maps_of nowhere.png: it is not among the 12 test images" in said
    assert not list(Path("runs/new").rglob("*.ckpt"))


@pytest.mark.slow
def test_two_processes_explain_the_images_of_one(finished: Path) -> None:
    more = ["--attribution=contrast_cam", "--attribution=grad_cam", "--maps_of=least", "--maps=3"]
    one = after_test(finished, *more)
    found = two_processes("test", "--run", str(finished), *ASKED, *more)
    assert set(found.codes) == {0}, found.stderr
    (two,) = [path for path in finished.glob("test-*") if path.is_dir() and path != one]
    assert results(two)["provenance"]["processes"] == 2
    for method in ("contrast_cam", "grad_cam"):
        ours, theirs = (np.load(path / "maps" / f"{method}.npz") for path in (one, two))
        assert ours["id"].tolist() == theirs["id"].tolist()
        assert len(ours["id"]) == 3
        for name in ("maps", "images", "predicted", "score", "size"):
            assert np.allclose(ours[name], theirs[name], atol=1e-6), name
    choices = [results(path)["maps"][0]["choice"] for path in (one, two)]
    assert choices[0] == choices[1]


def test_the_images_of_the_reference_are_read_once(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from: list[str] = []
    examples = examples_module.examples

    def counted(data: Any, split: str, most: int, seed: int) -> Any:
        read_from.append(split)
        return examples(data, split, most, seed)

    monkeypatch.setattr("memlab.callbacks.explaining.examples", counted)
    more = ["--attribution=contrast_cam", "--attribution=integrated_gradients", "--maps=1"]
    folder = after_test(finished, *more)
    assert read_from == ["train"]
    assert len(results(folder)["maps"]) == 2


def test_maps_of_a_model_that_needs_masks_have_one_reference(synthetic: Path) -> None:
    asked = ["--model=white_box_face_luminance", f"--data.root={synthetic}", "--out=out"]
    more = ["--attribution=integrated_gradients", "--data.image_size=64", "--maps=5"]
    assert main(["test", *asked, *more, "--ablation=remove_faces", "--data.batch_size=4"]) == 0
    (folder,) = Path("out").glob("test-*")
    found = np.load(folder / "maps" / "integrated_gradients.npz")
    assert len(found["id"]) == 5
    notes = " ".join(results(folder)["notes"])
    assert "integrated_gradients compares with the mean of" in notes
    shown = np.abs(found["maps"]).max(axis=(1, 2)) > 0
    assert (shown | (found["predicted"] == 0.5)).all()  # 0.5: no face


def test_a_removal_of_a_part_is_compared_with_the_map_on_that_part(finished: Path) -> None:
    asked = ["--ablation=remove_people", "--controls=2", "--maps=4", "--data.batch_size=4", *QUIET]
    assert main(["test", "--run", str(finished), *asked]) == 0
    folder = max(path for path in finished.glob("test-*") if path.is_dir())
    found = np.load(folder / "maps" / "grad_cam.npz")
    whole, part = (found[f"check_area_people{rest}"] for rest in ("", " without faces"))
    assert np.nanmin(whole - part) >= 0
    assert np.nanmax(whole - part) > 0  # without their faces
    (evidence,) = results(folder)["maps"][0]["evidence"]
    assert evidence["region"] == "people without faces"


@pytest.mark.parametrize("layer", [None, "auto"])
def test_an_error_of_torch_costs_the_maps_and_not_the_test(
    finished: Path, monkeypatch: pytest.MonkeyPatch, layer: str | None
) -> None:
    def weighted(self: LayerCAM, found: Any) -> Any:
        raise RuntimeError("out of memory\nmore")

    monkeypatch.setattr(LayerCAM, "weighted", weighted)
    more = ["--attribution=layer_cam", *([f"--attribution.layer={layer}"] if layer else [])]
    folder = after_test(finished, *more, "--attribution+=grad_cam")
    notes = results(folder)["notes"]
    assert "No maps by layer_cam: RuntimeError: out of memory" in notes
    assert [one["method"] for one in results(folder)["maps"]] == ["grad_cam"]
