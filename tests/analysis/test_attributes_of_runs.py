"""memlab attributes: a run and a table of attributes, told in tables and a figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats

from memlab.cli import main
from memlab.data.sources.base import recognise
from tests.builders.commands import QUIET
from tests.builders.finished_runs import people, write_finished


def line(table: pd.DataFrame, column: str, outcome: str = "score") -> Any:
    (found,) = table[(table["column"] == column) & (table["outcome"] == outcome)].itertuples()
    return found


@pytest.mark.slow
def test_a_run_is_told_in_tables_and_a_figure(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.read_csv(finished / "fit" / "rows.csv", dtype={"id": str})
    labels = pd.DataFrame({"image": [Path(name).name for name in rows["id"]]})
    labels["indoor"] = np.where(np.arange(len(rows)) % 2, "yes", "no")
    labels.loc[len(labels)] = ["nowhere.png", "yes"]
    labels.to_csv("labels.csv", index=False)
    assert main(["attributes", str(finished), "--columns", "labels.csv", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "labels.csv: 1 rows are of no tested image, such as nowhere.png" in printed
    assert "category: no image has a value" in printed
    table = pd.read_csv("out/attributes.csv")
    assert {"indoor", "has_faces", "area_faces", "luma_sd", "bytes"} <= set(table["column"])
    assert line(table, "indoor").n == len(rows)
    content = json.loads(Path("out/attributes.json").read_text())
    assert len(content["associations"]) == len(table)
    assert content["weights_id"]
    assert Path("out/attributes.png").is_file()
    written = pd.read_csv("out/images.csv")
    wanted = stats.spearmanr(written["luma_sd"], written["residual"]).statistic
    assert line(table, "luma_sd", "residual").value == pytest.approx(wanted, abs=1e-6)


@pytest.mark.slow
def test_scores_alone_need_no_model(synthetic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attributes", "--data.root", str(synthetic), "--out", "out"]) == 0
    assert "has_faces" in capsys.readouterr().out
    table = pd.read_csv("out/attributes.csv")
    assert set(table["outcome"]) == {"score"}
    assert line(table, "has_faces").n == 60


@pytest.mark.slow
def test_numbers_that_are_names_of_levels() -> None:
    predicted, score = people(40, 0)
    ids = [f"{place}.jpg" for place in range(40)]
    write_finished(Path("runs/a/fit"), predicted, score, ids)
    frame = pd.DataFrame({"id": ids, "group": np.arange(40) % 4})
    frame.to_csv("groups.csv", index=False)
    asked = ["attributes", "runs/a", "--columns", "groups.csv", "--out", "out"]
    assert main([*asked, "--categories", "group"]) == 0
    assert line(pd.read_csv("out/attributes.csv"), "group").statistic == "omega_squared"
    levels = pd.read_csv("out/attributes-levels.csv")
    first = levels[(levels["group"] == 0) & (levels["outcome"] == "score")].iloc[0]
    assert first["value"] == pytest.approx(score[::4].mean(), abs=1e-6)
    ends = stats.t.interval(0.95, 9, score[::4].mean(), stats.sem(score[::4]))
    assert (first["low"], first["high"]) == pytest.approx(ends, abs=1e-6)


@pytest.mark.slow
def test_another_models_predictions_are_a_column() -> None:
    predicted, score = people(30, 0)
    ids = [f"{place}.jpg" for place in range(30)]
    write_finished(Path("runs/a/fit"), predicted, score, ids)
    pd.DataFrame({"id": ids, "predicted": score}).to_csv("other.csv", index=False)
    assert main(["attributes", "runs/a", "--columns", "other.csv", "--out", "out"]) == 0
    table = pd.read_csv("out/attributes.csv")
    assert line(table, "given_predicted").value == pytest.approx(1)
    wanted = stats.spearmanr(predicted, score).statistic
    assert line(table, "given_predicted", "predicted").value == pytest.approx(wanted)


@pytest.mark.slow
def test_masks_of_the_test_come_by_themselves(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = recognise(synthetic).table(synthetic).rows
    Path("masks/hats").mkdir(parents=True)
    for place, image in enumerate(rows["image"]):
        name = Path("masks/hats") / Path(image).with_suffix(".png").name
        mask = Image.new("L", (64, 64))
        mask.paste(255, (0, 0, 64, place % 5))  # a fifth is black: nothing was found there
        mask.save(name)
    given = ["--data.root", str(synthetic), "--data.masks", "masks"]
    change = ["--ablation", "blur", "--ablation.region", "hats"]
    assert main(["test", "--model", "white_box_redness", *given, *change, *QUIET]) == 0
    (run,) = Path("runs").iterdir()
    assert main(["attributes", str(run), "--out", "out"]) == 0
    table = pd.read_csv("out/attributes.csv")
    has, area = line(table, "has_hats"), line(table, "area_hats")
    assert (has.missing, has.n) == (0, 60)
    assert 0 < area.missing == 60 - area.n
    assert not np.isnan(has.value)
    Path("masks").rename("elsewhere")
    capsys.readouterr()
    assert main(["attributes", str(run)]) == 0
    assert "no masks at masks, where the test had them" in capsys.readouterr().out


@pytest.mark.slow
def test_bad_input_is_a_line(failing: Callable[..., str]) -> None:
    predicted, score = people(12, 0)
    write_finished(Path("runs/a/fit"), predicted, score)
    Path("none.csv").write_text("id,indoor\nx.jpg,1\ny.jpg,0\n")
    Path("twice.csv").write_text("id,indoor\n001.jpg,1\n001.jpg,0\n")
    Path("unnamed.csv").write_text("what,indoor\n001.jpg,1\n")
    Path("bare.csv").write_text("id\n001.jpg\n")
    Path("good.csv").write_text("id,indoor\n001.jpg,1\n")
    asked = ("attributes", "runs/a", "--columns")
    told = failing(*asked, "none.csv")
    assert "none of its 2 images was tested: there 'x.jpg', tested '000.jpg'" in told
    assert "001.jpg is there twice" in failing(*asked, "twice.csv")
    assert "which column names the image" in failing(*asked, "unnamed.csv")
    assert "nothing beside the image" in failing(*asked, "bare.csv")
    assert "gone.csv: no such file" in failing(*asked, "gone.csv")
    assert "did you mean 'indoor'" in failing(*asked, "good.csv", "--categories", "indor")
    assert "--data.root DIR" in failing("attributes")
    assert "no such folder" in failing("attributes", "runs/b")
    assert "no such file or folder" in failing("attributes", "runs/a", "--masks", "nowhere")
