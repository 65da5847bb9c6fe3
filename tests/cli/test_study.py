"""memlab study: one command from images to a page that answers the study's questions."""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from memlab.audit.result_file import read_result
from memlab.cli import main
from memlab.synthetic import write
from tests.builders.commands import QUIET, TINY
from tests.builders.small_protocol import small_protocol

FAST = ["--controls", "2", "--maps", "2", "--data.num_workers", "0"]
HEADINGS = (
    "How well does it predict?",
    "What do blur, grey, crop and desaturation change?",
    "What happens without faces, people, text, background?",
    "Where does it look?",
    "Which hypothesis fits?",
)


def study(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "study.json").read_text())
    return found


@pytest.fixture(scope="module")
def trained(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 40 of the 60 synthetic images."""
    out = tmp_path_factory.mktemp("study") / "first"
    network = ["--data.image_size=64", *TINY, *FAST]
    given = [f"--data.root={synthetic}", "-n", "40", "--config", "study/small", f"--out={out}"]
    given += ["--protocol", str(small_protocol(out.parent / "protocol.yaml"))]
    assert main(["study", *given, *network]) == 0
    return out


@pytest.mark.slow
def test_answers_its_questions_on_one_page(trained: Path) -> None:
    page = (trained / "study.html").read_text()
    assert [page.index(f"<h2>{name}</h2>") for name in HEADINGS] == sorted(
        page.index(f"<h2>{name}</h2>") for name in HEADINGS
    )
    assert 'src="http' not in page
    assert page.count('src="data:image/png;base64,') >= 4
    found = study(trained)
    assert (found["asked"]["drawn"], found["asked"]["of"], found["n"]) == (40, 60, 8)
    rows = pd.read_csv(trained / "images" / "subset.csv")
    assert len(rows) == 40
    assert "split" not in rows
    assert len(found["maps"]) == 1


@pytest.mark.slow
def test_the_constant_is_of_the_same_images(trained: Path) -> None:
    found = study(trained)
    rows = pd.read_csv(trained / "run" / "fit" / "rows.csv")
    assert found["prediction"]["constant_mse"] == pytest.approx(rows["score"].var(ddof=0))
    mse = ((rows["predicted"] - rows["score"]) ** 2).mean()
    assert found["prediction"]["mse"]["value"] == pytest.approx(mse)


@pytest.mark.slow
def test_ranking_and_verdict_are_those_of_the_audit(trained: Path) -> None:
    found, audited = study(trained), read_result(trained / "audit")
    assert found["verdict"]["verdict"] == audited.verdict.verdict
    assert found["verdict"]["clause"] == audited.verdict.clause
    assert found["ranking"]["sentence"] == audited.ranking.sentence
    assert [one["name"] for one in found["hypotheses"]] == ["Case A", "Case B"]
    page = html.unescape((trained / "study.html").read_text())
    assert audited.verdict.shows in page
    assert all(one.sentence in page for one in audited.hypotheses)
    assert audited.sample.table == 11  # 3 to choose the checkpoint, and 8 to test


@pytest.mark.slow
def test_goes_on_where_it_was(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path(shutil.copytree(trained, tmp_path / "again"))
    (out / "study.html").unlink()
    before = (out / "run" / "fit" / "rows.csv").stat().st_mtime_ns
    assert main(["study", "--out", str(out)]) == 0
    assert "is finished" in capsys.readouterr().err
    assert (out / "study.html").is_file()
    assert (out / "run" / "fit" / "rows.csv").stat().st_mtime_ns == before


@pytest.mark.slow
def test_images_that_were_half_copied_are_copied_again(trained: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(trained, tmp_path / "again"))
    whole = (out / "images" / "subset.csv").read_text()
    (out / "images" / "subset.csv").unlink()
    assert main(["study", "--out", str(out)]) == 0
    assert (out / "images" / "subset.csv").read_text() == whole


@pytest.mark.slow
def test_a_model_is_tested_on_all_images_and_the_rest_donate(synthetic: Path, run: Path) -> None:
    given = ["--out", "s", f"--data.root={synthetic}", "-n", "6", "--model", str(run)]
    given += ["--protocol", str(small_protocol(Path("p.yaml")))]
    assert main(["study", *given, *QUIET, *FAST]) == 0
    found = study(Path("s"))
    assert found["images"] == {"train": 6, "val": 0, "test": 6}
    assert found["n"] == 6
    measured = {one["name"] for one in found["features"] if one["conditions"]}
    assert {"face", "colour_background"} <= measured


@pytest.mark.slow
def test_bare_images_have_effects_and_no_accuracy(
    run: Path, make_image: Callable[..., Path]
) -> None:
    for place in range(4):
        make_image(f"bare/{place}.png", seed=place)
    given = ["--out", "s", "--data.root=bare", "--model", str(run)]
    given += ["--protocol", str(small_protocol(Path("p.yaml")))]
    assert main(["study", *given, *QUIET, *FAST]) == 0
    found = study(Path("s"))
    assert found["prediction"]["spearman"]["reason"] == "the images have no scores"
    assert {one["ablation"] for one in found["whole"]} >= {"blur", "grayscale", "center_crop"}
    assert all(one["effect"]["value"] is not None for one in found["whole"])
    features = {one["name"]: one for one in found["features"]}
    assert not features["face"]["conditions"]
    assert features["colour_anywhere"]["ranked"]  # the tested images donate to each other
    assert "no scores" in found["verdict"]["does_not_show"]
    assert "Cannot tell: the images have no scores" in Path("s/study.html").read_text()


def test_bad_input_is_one_line(
    synthetic: Path,
    run: Path,
    make_image: Callable[..., Path],
    tmp_path: Path,
    failing: Callable[..., str],
) -> None:
    make_image("few/a.png")
    assert "a study of 1 images says nothing" in failing("study", "--data.root", "few")
    assert "give --data.root" in failing("study")
    assert "sets it itself" in failing("study", "--data.root", "few", "--run", "x")
    assert "nowhere" in failing("study", "--data.root", "nowhere")
    tested = ["study", "--data.root", str(synthetic), "--model", str(run)]
    assert "nothing is trained" in failing(*tested, "--data.split", "3of10")
    assert "study/smal" in failing("study", "--data.root", str(synthetic), "--config", "study/smal")
    masks = tmp_path / "other"
    write(masks, n=4, seed=9, size=64)
    (tmp_path / "masks" / "faces").mkdir(parents=True)
    make_image("masks/faces/elsewhere.png")
    given = ["--data.root", str(synthetic), "--model", str(run), "--data.masks", "masks"]
    assert "masks" in failing("study", *given, "--out", "none")
    assert not Path("none").exists()


@pytest.mark.slow
def test_another_question_is_another_study(trained: Path, failing: Callable[..., str]) -> None:
    text = failing("study", "--out", str(trained), "-n", "50")
    assert "n 40, not 50" in text


@pytest.mark.slow
def test_what_stopped_before_it_began_can_be_asked_again(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    given = [
        "study",
        f"--data.root={synthetic}",
        "-n",
        "12",
        "--out",
        "s",
        "--config",
        "study/small",
        "--protocol",
        str(small_protocol(Path("p.yaml"))),
    ]
    failing(*given, "--model.backbone.name", "no_such_network", *FAST)
    assert main([*given, "--data.image_size=64", *TINY, *FAST]) == 0
    assert study(Path("s"))["asked"]["drawn"] == 12
