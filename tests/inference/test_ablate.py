"""memlab ablate and model.ablate: images are scored before and after, with controls and tests."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import memlab
from memlab import Ablation, MemlabError
from memlab.ablations.frequency import Blur
from memlab.attributions.grad_cam import GradCAM
from memlab.cli import ablate as verb
from memlab.cli import main
from memlab.inference import ablate as module
from tests.builders.commands import QUIET

CHOSEN = ["--ablation", "blur", "--ablation", "remove_faces", "--controls", "2"]


def table_of(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name)


@pytest.mark.slow
def test_loose_images_give_what_a_test_gives(finished: Path, synthetic: Path) -> None:
    root = Path(shutil.copytree(synthetic, "set"))
    data = [f"--data.root={root}", "--data.num_workers=0", "--maps=0"]
    assert main(["test", "--run", str(finished), *data, *CHOSEN, *QUIET]) == 0
    (tested,) = finished.glob("test-*")
    wanted = {name: table_of(tested, f"{name}.csv") for name in ("rows", "conditions", "effects")}
    table = pd.read_csv(root / "synthetic.csv").set_index("image").loc[wanted["rows"]["id"]]
    table.to_csv(root / "tested.csv")
    given = [str(finished), str(root / "tested.csv"), *CHOSEN]
    given += [f"--data.masks={root / 'masks'}", "--data.empty_masks=none"]
    assert main(["ablate", *given, "--out", "out", "--figures=pdf"]) == 0
    out = Path("out")
    found = {name: table_of(out, f"{name}.csv") for name in wanted}
    same = [name for name in wanted["rows"] if name != "split"]
    pd.testing.assert_frame_equal(found["rows"][same], wanted["rows"][same], atol=1e-6)
    pd.testing.assert_frame_equal(found["conditions"], wanted["conditions"], atol=1e-6)
    pd.testing.assert_frame_equal(found["effects"], wanted["effects"], atol=1e-5)
    assert (out / "ablation-effects.png").is_file()
    assert (out / "ablation-effects.pdf").is_file()
    assert (out / "conditions.parquet").is_file()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["weights_id"] == memlab.load(finished).weights_id()
    assert manifest["controls"] == 2


@pytest.mark.slow
def test_from_python_and_from_the_command_line_it_is_the_same(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ablate", "white_box_redness", str(synthetic), *CHOSEN]) == 0  # into a pipe
    printed = capsys.readouterr().out
    parts: list[str | Ablation] = [Blur(), "remove_faces"]
    found = memlab.ablate("white_box_redness", synthetic, parts, controls=2, progress=False)
    assert found.effects.to_csv(index=False) == printed
    again = memlab.analyse(found.rows.drop(columns="error"), found.changed).effects
    once, twice = (one.sort_values("condition").reset_index() for one in (found.effects, again))
    pd.testing.assert_frame_equal(twice.drop(columns="index"), once.drop(columns="index"))
    assert len(found.rows) == 60
    assert found.rows["score"].notna().all()  # a data set brings its scores along
    assert {"blur@2", "remove_faces@1"} <= set(found.effects["condition"])
    defaults = inspect.signature(memlab.ablate).parameters
    assert defaults["controls"].default == verb.DRAWS


def test_an_unreadable_image_is_named_and_the_others_are_scored(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for place in range(4):
        make_image(f"photos/{place}.png", seed=place)
    Path("photos/bad.png").write_bytes(b"no image")
    ask = ["ablate", "white_box_redness", "photos", "--ablation", "grayscale", "--ablation"]
    assert main([*ask, "remove_faces", "--out", "out"]) == 1
    said = capsys.readouterr()
    assert "photos/bad.png: cannot be read" in said.err
    assert "want of masks of faces: remove_faces" in said.err
    assert "ablate: 4 images by white_box_redness" in said.out
    assert "grayscale@1" in said.out
    rows = table_of(Path("out"), "rows.csv")
    assert rows["predicted"].isna().sum() == 1
    assert len(table_of(Path("out"), "conditions.csv")) == 4 * 6  # beside five nuisance changes


def test_the_earlier_use_is_answered(
    make_image: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    failing: Callable[..., str],
) -> None:
    for place in range(2):
        make_image(f"photos/{place}.png", seed=place)
    for first in ("photos", "photos/0.png"):
        out = f"changed-{Path(first).stem}"
        assert main(["ablate", "--ablation", "blur", first, "--out", out]) == 0
        assert "is now memlab apply" in capsys.readouterr().err
        assert list(Path(out).glob("blur@2/*.png"))
    message = failing("ablate", "photos", "--ablation", "blur")
    assert "memlab ablate MODEL photos" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["white_box_redness", "--ablation", "blur"], "required: IMAGES"),
        (["white_box_redness", "photos"], "give --ablation NAME"),
        (["white_box_rednes", "photos", "--ablation", "blur"], "did you mean 'white_box_redness'"),
        (["white_box_redness", "photos", "--ablation", "remove_faces"], "no masks of 'faces'"),
        (["white_box_redness", "photos", "--ablation=blur", "--ablation.region=text"], "'text'"),
        (["white_box_redness", "photos", "--ablation=blur", "--out=photos"], "an input of"),
        (["white_box_redness", "photos", "--ablation=blur", "--data.empty_masks=none"], "leave it"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(
    make_image: Callable[..., Path],
    failing: Callable[..., str],
    arguments: list[str],
    message: str,
) -> None:
    make_image("photos/a.png")
    assert message in failing("ablate", *arguments)


def test_an_image_counts_once(make_image: Callable[..., Path]) -> None:
    file = make_image("a.png")
    with pytest.raises(MemlabError, match=r"a\.png is given twice"):
        memlab.ablate("white_box_redness", [file, file], "blur")


def test_donors_come_from_a_folder(make_image: Callable[..., Path]) -> None:
    for place in range(3):
        make_image(f"photos/{place}.png", seed=place)
        make_image(f"donors/donor-{place}.png", seed=10 + place)
    given = ["swap_palette", "grayscale"]
    found = memlab.ablate("white_box_redness", "photos", given, controls=1, donors="donors")
    assert set(found.changed["donor"].dropna()) == {"donor-0", "donor-1", "donor-2"}


def test_methods_and_functions_have_one_signature() -> None:
    for name in ("predict", "explain", "ablate"):
        function = inspect.signature(getattr(memlab, name))
        method = inspect.signature(getattr(memlab.MemorabilityModel, name))
        assert list(function.parameters) == list(method.parameters)
        assert getattr(memlab, name).__doc__ == getattr(memlab.MemorabilityModel, name).__doc__
    assert memlab.MemorabilityModel.ablate is module.ablate


def test_a_reference_is_loaded_and_other_things_are_refused() -> None:
    images = torch.rand(2, 3, 64, 64)
    model = memlab.load("white_box_redness")
    wanted = model.predict(images)["predicted"]
    assert np.array_equal(memlab.predict("white_box_redness", images)["predicted"], wanted)
    assert np.array_equal(memlab.predict(model, images)["predicted"], wanted)
    with pytest.raises(MemlabError, match=r"GradCAM is no model.*attributions\.base\.explain"):
        memlab.explain(GradCAM(), model, images)  # type: ignore[arg-type]
