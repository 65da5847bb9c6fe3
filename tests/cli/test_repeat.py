"""memlab repeat: members, going on, and mean ± SD over them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.results import read
from memlab.cli import main
from memlab.cli.repeat import numbers
from memlab.errors import MemlabError
from memlab.repeat_folder import Repeat
from tests.builders.commands import TINY
from tests.builders.finished_runs import people, write_finished
from tests.builders.members import Here

RHO = ("spearman", None)


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def across_of(folder: Path) -> dict[tuple[str, str | None], dict[str, Any]]:
    across = summary_of(folder)["across"]
    return {(entry["metric"], entry["condition"]): entry for entry in across}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", Here)
    monkeypatch.setattr("subprocess.run", Here)


@pytest.mark.slow
def test_members_train_where_they_are_not_finished(
    synthetic: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = Path("runs/both")
    options = [*TINY, f"--data.root={synthetic}", "--data.image_size=64", "--attribution=none"]
    Repeat("seed", [0, 1], options).write(folder)
    predicted, score = people(30, 0)
    write_finished(folder / "seed-0/fit", predicted, score)
    before = (folder / "seed-0/fit/results.json").read_bytes()
    assert main(["repeat", "--run", str(folder)]) == 0
    assert (folder / "seed-0/fit/results.json").read_bytes() == before
    trained = read(folder / "seed-1/fit")
    assert trained.seed == 1
    assert trained.data.split_seed == 0
    rho = trained.metrics["spearman"].value
    own = read(folder / "seed-0/fit").metrics["spearman"].value
    across = {
        (entry["metric"], entry["condition"]): entry for entry in summary_of(folder)["across"]
    }
    assert across[RHO]["sd"] == pytest.approx(np.std([own, rho], ddof=1))
    out, err = capfd.readouterr()
    assert "runs/both/seed-0 is finished" in err
    assert "test over 2 seeds" in out
    assert (folder / "summary.png").is_file()


@pytest.mark.usefixtures("here")
def test_missing_splits_end_before_anything_is_trained(
    lamem: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["--data.root", str(lamem), *TINY, "--data.image_size=32"]
    assert main(["repeat", "--splits", "1-3", *options]) == 2
    assert "train_3.txt: No such file" in capfd.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.usefixtures("here")
def test_a_failing_member_ends_the_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["repeat", "--seeds", "2", "--data.root=nowhere", *TINY, "--run=runs/x"]) == 2
    assert "nowhere: no such file or folder" in capfd.readouterr().err
    assert not Path("runs/x").exists()


def test_a_summary_is_that_of_pandas() -> None:
    folder = Path("runs/four")
    Repeat("split", [1, 2, 3, 5], []).write(folder)
    ids = [f"{place:03d}.jpg" for place in range(60)]
    rho = []
    for member, start in ((1, 0), (2, 20), (3, 20)):
        predicted, score = people(40, member)
        drops = {"blur@2": np.full(40, member / 100)}
        write_finished(
            folder / f"split-{member}/fit", predicted, score, ids[start : start + 40], drops
        )
        rho.append(pd.Series(predicted).corr(pd.Series(score), method="spearman"))
    assert main(["repeat", "--run", str(folder), "--splits", "1-3"]) == 0
    found = summary_of(folder)
    across = across_of(folder)
    series = pd.Series(rho)
    wanted = {"mean": series.mean(), "sd": series.std(), "min": series.min(), "max": series.max()}
    assert {name: across[RHO][name] for name in wanted} == pytest.approx(wanted)
    assert across["effect", "blur@2"]["mean"] == pytest.approx(0.02)
    assert across["effect", "blur@2"]["sd"] == pytest.approx(0.01)
    # splits 1 and 2 share 20 of 40, 1 and 3 too, 2 and 3 all
    shared = {"distinct": 60, "shared": 2 / 3, "shared_min": 0.5, "shared_max": 1.0}
    images = found["test_images"]
    assert {name: images[name] for name in shared} == pytest.approx(shared)
    assert images["same_score"] == 0
    assert "66.7 % of their images in common" in found["notes"][0]
    assert "no standard error" in found["notes"][0]
    assert "never merged" in found["notes"][1]
    assert found["missing"] == ["split-5"]
    table = pd.read_csv(folder / "summary.csv")
    chosen = table[(table["metric"] == "spearman") & (table["member"] != "all")]
    assert chosen["value"].tolist() == pytest.approx(rho)
    assert chosen["low"].notna().all()
    assert set(table.loc[table["member"] == "all", "statistic"]) == {"mean", "sd", "min", "max"}


def test_nothing_is_averaged_over_a_missing_statistic() -> None:
    folder = Path("runs/constant")
    Repeat("seed", [0, 1], []).write(folder)
    predicted, score = people(20, 0)
    write_finished(folder / "seed-0/fit", predicted, score)
    write_finished(folder / "seed-1/fit", np.full(20, 0.5), score)
    assert main(["repeat", "--run", str(folder)]) == 0
    across = {
        (entry["metric"], entry["condition"]): entry for entry in summary_of(folder)["across"]
    }
    assert across[RHO]["mean"] is None
    assert across[RHO]["reason"] == "seed-1: predictions are constant"
    assert across["mse", None]["sd"] is not None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1-5", [1, 2, 3, 4, 5]), ("3", [3]), ("1,3", [1, 3]), ("4,1-2", [1, 2, 4])],
)
def test_numbers_are_read(text: str, wanted: list[int]) -> None:
    assert numbers(text, "--splits") == wanted


@pytest.mark.parametrize("text", ["", "a", "5-1", "1,1", "1-", "-1", "1.5", "0-99999"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(MemlabError, match="--splits"):
        numbers(text, "--splits")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --splits 1-5, --seeds 3 or --folds 10"),
        (["--run", "nowhere"], "nowhere holds no repeated runs"),
        (["--seeds", "1"], "one run is memlab fit"),
        (["--seeds", "2", "--splits", "1-2"], "one at a time"),
        (["--folds", "3", "--splits", "1-2"], "--splits or --folds: one at a time"),
        (["--folds", "3", "--seeds", "2"], "--seeds or --folds: one at a time"),
        (["--folds", "1"], "one fold leaves no images to train on"),
        (["--folds", "a"], "write 10 for ten folds, or 1-5of10"),
        (["--folds", "of10"], "write 10 for ten folds, or 1-5of10"),
        (["--folds", "4-6of5"], "the folds are 1 to 5"),
        (["--folds", "0of5"], "the folds are 1 to 5"),
        (["--folds", "3", "--data.split", "80/20"], "--data.split: memlab repeat sets it"),
        (["--folds", "5", "--run", "runs/folds"], "with 3 folds; choose another --out for 5"),
        (["--splits", "1-2", "--run", "runs/folds"], "repeats over folds"),
        (["--splits", "1-2", "--data.split", "3"], "--data.split: memlab repeat sets it"),
        (["--seeds", "2", "--seed_everything=3"], "--seed_everything: memlab repeat sets it"),
        (["--seeds", "2", "--ckpt_path", "last"], "--ckpt_path: memlab repeat sets it"),
        (["--seeds", "2", "--config", "quickstar"], "did you mean 'quickstart'?"),
        (["--splits", "1-2", "--run", "runs/done"], "repeats over seeds"),
        (["--run", "runs/done", "--maps=9"], "was started with other options: --maps=1"),
        (["--seeds", "2", "--run", "runs/single"], "is a single run"),
    ],
)
def test_contradictions_are_one_line(
    arguments: list[str], message: str, failing: Callable[..., str]
) -> None:
    Repeat("seed", [0, 1], ["--maps=1"]).write(Path("runs/done"))
    Repeat("fold", [1, 2, 3], [], folds=3).write(Path("runs/folds"))
    Path("runs/single/fit").mkdir(parents=True)
    assert message in failing("repeat", *arguments)
