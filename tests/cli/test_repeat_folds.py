"""memlab repeat --folds: cross-validation over images, resumed, and its out-of-fold result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.cli import main
from memlab.cli.repeat import folds_of
from memlab.errors import MemlabError
from memlab.repeat_folder import Repeat, read_repeat
from tests.builders.commands import PLAIN, QUIET
from tests.builders.finished_runs import people, write_finished
from tests.builders.members import Here

COLORS = [
    *QUIET,
    *PLAIN,
    "--model.backbone=color_moments",
    "--model.head=linear",
    "--model.optimizer=Adam",
    "--model.optimizer.lr=0.1",
    "--data.image_size=32",
    "--data.num_workers=0",
    "--trainer.max_epochs=2",
    "--attribution=none",
]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", Here)
    monkeypatch.setattr("subprocess.run", Here)


def split_of(folder: Path) -> pd.Series:
    return pd.read_csv(folder / "fit/split.csv").set_index("id")["split"]


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_every_image_is_predicted_by_a_model_that_never_saw_it(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("runs/folds")
    options = [*COLORS, f"--data.root={synthetic}"]
    # two processes may share the folds; the second also finishes the first one's
    assert main(["repeat", "--folds", "2of3", *options, "--out", str(folder)]) == 0
    assert "no out-of-fold result: not finished: fold 1, 3" in capsys.readouterr().out
    before = (folder / "fold-2/fit/results.json").read_bytes()
    assert main(["repeat", "--folds", "3", "--out", str(folder)]) == 0
    assert (folder / "fold-2/fit/results.json").read_bytes() == before
    out, err = capsys.readouterr()
    assert "fold-2 is finished" in err
    assert "out of fold │ 60 │" in out

    splits = pd.DataFrame({fold: split_of(folder / f"fold-{fold}") for fold in (1, 2, 3)})
    assert ((splits == "test").sum(axis=1) == 1).all()
    assert (splits.notna()).all(axis=None)
    table = pd.read_csv(folder / "predictions.csv").set_index("id")
    assert list(table.columns) == ["score", "predicted", "fold"]
    tested_in = (splits == "test").idxmax(axis=1)
    assert (tested_in == table["fold"].reindex(splits.index)).all()
    rows = pd.concat([pd.read_csv(folder / f"fold-{fold}/fit/rows.csv") for fold in (1, 2, 3)])
    assert rows.set_index("id")["predicted"].sort_index().tolist() == pytest.approx(
        table["predicted"].tolist()
    )

    summary = json.loads((folder / "summary.json").read_text())
    found = summary["out_of_fold"]
    assert (found["folds"], found["n"], found["reason"]) == (3, 60, None)
    mse = np.mean((table["predicted"] - table["score"]) ** 2)
    assert found["metrics"]["mse"]["value"] == pytest.approx(mse)
    centred = table["predicted"] - table.groupby("fold")["predicted"].transform("mean")
    rho = centred.corr(table["score"], method="spearman") * np.sqrt(57 / 60)
    assert found["metrics"]["spearman"]["value"] == pytest.approx(rho)
    assert "wider by √2" in found["metrics"]["spearman"]["method"]
    lines = pd.read_csv(folder / "summary.csv")
    line = lines[(lines["member"] == "out of fold") & (lines["metric"] == "spearman")].iloc[0]
    assert line["value"] == pytest.approx(rho)
    assert line["low"] < rho < line["high"]


@pytest.mark.usefixtures("here")
def test_more_folds_than_images_end_before_anything_is_trained(
    synthetic: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = [*COLORS, f"--data.root={synthetic}", "--out", "runs/many"]
    assert main(["repeat", "--folds", "61", *options]) == 2
    assert "60 different images cannot be divided into 61 folds" in capfd.readouterr().err
    assert not Path("runs/many").exists()


def test_splits_and_seeds_have_no_pooled_result() -> None:
    folder = Path("runs/seeds")
    Repeat("seed", [0, 1], []).write(folder)
    for seed in (0, 1):
        write_finished(folder / f"seed-{seed}/fit", *people(20, seed))
    assert main(["repeat", "--out", str(folder)]) == 0
    assert json.loads((folder / "summary.json").read_text())["out_of_fold"] is None
    assert not (folder / "predictions.csv").exists()


def test_folders_of_an_earlier_memlab_are_read(tmp_path: Path) -> None:
    (tmp_path / "repeat.json").write_text(
        json.dumps({"over": "split", "members": [1, 2], "arguments": [], "schema": 1})
    )
    found = read_repeat(tmp_path)
    assert found == Repeat("split", [1, 2], [])
    assert found is not None
    assert found.option(2) == ["--data.split", "2"]


@pytest.mark.parametrize(
    "change", [{"folds": None}, {"folds": 1}, {"members": [4]}, {"over": "split"}]
)
def test_a_damaged_description_is_one_line(
    tmp_path: Path, change: dict[str, object], failing: Callable[..., str]
) -> None:
    there = {"over": "fold", "members": [1], "arguments": [], "schema": 1, "folds": 3} | change
    (tmp_path / "repeat.json").write_text(json.dumps(there))
    assert "repeat.json: damaged" in failing("repeat", "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("3", ([1, 2, 3], 3)), ("1-2of10", ([1, 2], 10)), ("7,9of10", ([7, 9], 10))],
)
def test_folds_are_read(text: str, wanted: tuple[list[int], int]) -> None:
    assert folds_of(text) == wanted


@pytest.mark.parametrize("text", ["0", "1", "3of1", "2/10", "2of", "99999", "3of10of10"])
def test_other_folds_are_refused(text: str) -> None:
    with pytest.raises(MemlabError, match="--folds"):
        folds_of(text)
