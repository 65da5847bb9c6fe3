"""memlab compare with people's scores: tables, agreement against SciPy, the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memlab.cli import main
from tests.builders.finished_runs import write_finished
from tests.builders.numbered_images import image

pytestmark = pytest.mark.slow
N = 40


@pytest.fixture
def tables(tmp_path: Path) -> pd.DataFrame:
    """Counts of 40 people, a model that follows them, and one that follows the other half."""
    rng = np.random.default_rng(4)
    truth = np.linspace(0.4, 0.95, N)[rng.permutation(N)]
    hits = rng.binomial(40, truth)
    rows = pd.DataFrame(
        {
            "image": [f"images/{place:02d}.png" for place in range(N)],
            "hits": hits,
            "n": 40,
            "false_alarms": rng.binomial(40, 0.3, N),
            "good": truth + rng.normal(0, 0.1, N),
            "bad": rng.normal(0.6, 0.1, N),
        }
    )
    rows["hit_rate"] = rows["hits"] / 40
    people = ["image", "hits", "n", "false_alarms", "hit_rate"]
    rows[people].to_csv("people.csv", index=False)
    for name in ("good", "bad"):  # as memlab score --out writes it
        table = rows[["image"]].assign(predicted=rows[name], low=None, high=None, error="")
        table.assign(image=f"{tmp_path}/" + table["image"]).to_csv(f"{name}.csv", index=False)
    return rows


def compared(*arguments: str) -> dict[str, Any]:
    assert main(["compare", *arguments, "--people", "people.csv", "--out", "out"]) == 0
    content: dict[str, Any] = json.loads(Path("out/compare.json").read_text())
    people: dict[str, Any] = content["people"]
    return people


def test_agreement_is_spearmans_with_intervals_and_the_ceiling(
    tables: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared("good.csv", "bad.csv")
    assert found["n"] == N
    assert found["left_out"] == []
    people, good = tables["hit_rate"], tables["good"]
    first, second = found["models"]
    assert (first["model"], second["model"]) == ("good", "bad")
    rho = stats.spearmanr(people, good).statistic
    assert first["spearman"]["value"] == pytest.approx(rho)
    assert first["spearman"]["low"] < rho < first["spearman"]["high"]
    (pair,) = found["pairs"]
    agreement = stats.spearmanr(good, tables["bad"]).statistic
    assert pair["agreement"]["value"] == pytest.approx(agreement)
    wanted = stats.spearmanr(people, tables["bad"]).statistic - rho
    assert pair["difference"]["difference"]["value"] == pytest.approx(wanted)
    assert found["people"]["kind"] == "hit_rate"
    assert rho < found["people"]["ceiling"]["value"] < 1
    error = np.sqrt(people * (1 - people) / 40).mean()
    assert found["people"]["standard_error"] == pytest.approx(error)
    shown = capsys.readouterr().out
    assert f"{N} images in common; none is left out" in shown
    assert "Of 2 models, good ranks 40 images most like people" in shown
    table = pd.read_csv("out/compare.csv")
    assert set(table["kind"]) == {"people", "ceiling", "models", "people difference"}


def test_the_ceiling_is_that_of_data_ceiling(tables: pd.DataFrame) -> None:
    found = compared("good.csv")
    assert main(["data", "ceiling", "people.csv", "--out", "ceiling"]) == 0
    entries = pd.read_csv("ceiling/ceiling.csv").query("correlation == 'spearman'")
    ceilings = dict(zip(entries["scores"], entries["ceiling"], strict=True))
    assert found["people"]["ceiling"]["value"] == pytest.approx(ceilings["hit rate"])
    again = ("compare", "good.csv", "--people", "ceiling/scores.csv", "--out", "other")
    assert main(list(again)) == 0
    other = json.loads(Path("other/compare.json").read_text())["people"]
    assert other["people"]["ceiling"] == found["people"]["ceiling"]
    assert other["models"][0]["spearman"] == found["models"][0]["spearman"]


@pytest.mark.parametrize("label", ["id", "people_below", "$x_{$"])
def test_a_model_may_have_any_name(label: str, tables: pd.DataFrame) -> None:
    Path("good.csv").rename(f"{label}.csv")
    found = compared(f"{label}.csv")
    (model,) = found["models"]
    images = pd.read_csv("out/images.csv")
    assert images[model["model"]].to_numpy() == pytest.approx(tables["good"].to_numpy())
    people = (stats.rankdata(tables["hit_rate"]) - 0.5) / N
    assert images["people_below"].to_numpy() == pytest.approx(people)


def test_a_folder_of_images_without_a_page_is_refused(failing: Callable[..., str]) -> None:
    said = failing("compare", "good.csv", "--people", "people.csv", "--images", "images")
    assert "--images is for the page that --out writes: give --out DIR, too" in said


def test_images_from_elsewhere_on_the_page_are_said(
    tables: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    elsewhere = tmp_path_factory.mktemp("private") / "me.png"
    image(elsewhere, 3)
    table = tables.assign(predicted=tables["good"], score=tables["hit_rate"])
    table.loc[0, "image"] = str(elsewhere)
    table[["image", "predicted", "score"]].to_csv("both.csv", index=False)
    table[["image", "predicted"]].to_csv("good.csv", index=False)
    assert main(["compare", "both.csv", "good.csv", "--out", "out"]) == 0
    said = capsys.readouterr().err
    assert f"1 of {N} images lie outside the folders of the tables, such as {elsewhere}" in said


def test_strips_show_where_people_and_models_differ(tables: pd.DataFrame) -> None:
    found = compared("good.csv", "bad.csv")
    people = stats.rankdata(tables["hit_rate"])
    bad = stats.rankdata(tables["bad"])
    gap = pd.Series((bad - people) / N, index=tables["image"])
    strips = {(strip["kind"], strip["model"]): strip["images"] for strip in found["strips"]}
    above = strips["people_above", "bad"]
    assert above[0]["id"] == gap.idxmin()
    assert above[0]["gap"] == pytest.approx(gap.min())
    assert strips["model_above", "bad"][0]["id"] == gap.idxmax()
    assert len(above) <= 8
    for kind, wanted in (("both_high", True), ("both_low", False)):
        for each in strips[kind, "good"]:
            assert (each["people"]["below"] > 0.5) == wanted
            assert (each["models"]["good"]["below"] > 0.5) == wanted
    for each in strips["people_above_all", None]:
        assert each["people"]["below"] > 0.5
        assert max(each["models"][name]["below"] for name in ("good", "bad")) < 0.5


def test_the_page_shows_the_images_and_loads_nothing(tables: pd.DataFrame) -> None:
    for place, name in enumerate(tables["image"]):
        image(Path(name), place)
    Path("images/39.png").unlink()
    found = compared("good.csv", "bad.csv")
    page = Path("out/compare.html").read_text()
    assert "Of 2 models, good ranks 40 images most like people" in page
    shown = {each["id"] for strip in found["strips"] for each in strip["images"]}
    thumbnails = re.findall(r'<img src="data:image/jpeg;base64,[^"]+" alt="([^"]+)"', page)
    assert {text.partition(":")[0] for text in thumbnails} == shown - {"images/39.png"}
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "prefers-color-scheme: dark" in page
    assert ("were not found" in page) == ("images/39.png" in shown)
    points = pd.read_csv("out/images.csv")
    assert list(points["good"]) == pytest.approx(list(tables["good"]))
    assert points["bad_gap"].min() == pytest.approx(
        (stats.rankdata(tables["bad"]) - stats.rankdata(tables["hit_rate"])).min() / N
    )


def test_names_are_escaped_and_a_folder_of_images_is_searched(tables: pd.DataFrame) -> None:
    for place, name in enumerate(tables["image"]):
        image(Path("elsewhere/deep") / Path(name).name, place)
    for file in ("good.csv", "people.csv"):  # ids alone
        table = pd.read_csv(file)
        table["id"] = [f"{Path(name).stem}" for name in table["image"]]
        table.drop(columns="image").rename(columns={"id": "image"}).to_csv(file, index=False)
    Path("good.csv").rename("<b>good.csv")
    compared("<b>good.csv", "--images", "elsewhere")
    page = Path("out/compare.html").read_text()
    assert "<b>good" not in page
    assert "&lt;b&gt;good" in page
    assert "data:image/jpeg" in page
    assert "were not found" not in page


def test_tests_and_folds_and_columns_of_one_table_take_part(
    tables: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    score = tables["hit_rate"].to_numpy()
    ids = list(tables["image"])
    write_finished(Path("runs/a/fit"), tables["good"].to_numpy(), np.full(N, np.nan), ids)
    folds = tables[["image"]].assign(score=score, predicted=tables["bad"], fold=0)
    Path("folds").mkdir()
    folds.iloc[:-5].to_csv("folds/predictions.csv", index=False)
    tables.drop(columns=["hits", "n"]).to_csv("all.csv", index=False)
    found = compared("runs/a", "folds", "all.csv:good")
    assert [model["model"] for model in found["models"]] == ["a/fit", "folds", "good"]
    assert found["n"] == N - 5
    assert found["left_out"][0]["count"] == 5
    assert found["left_out"][0]["example"] == ids[-5]
    assert found["pairs"][1]["agreement"]["value"] == pytest.approx(1)
    capsys.readouterr()
    assert main(["compare", "folds", "all.csv:good"]) == 0  # people's scores are those of the folds
    assert "35 images in common" in capsys.readouterr().out
    assert main(["compare", "folds", "--people", "all.csv", "--people.score", "hit_rate"]) == 0


def test_images_of_folds_are_those_of_their_data_set(tables: pd.DataFrame) -> None:
    score = tables["hit_rate"].to_numpy()
    ids = [Path(name).name for name in tables["image"]]
    for place, name in enumerate(ids):
        image(Path("data/images") / name, place)
    good = tables["good"].to_numpy()
    write_finished(Path("folds/fold-1/fit"), good, score, ids, root=str(Path("data").resolve()))
    table = pd.DataFrame({"id": ids, "score": score, "predicted": good, "fold": 1})
    table.to_csv("folds/predictions.csv", index=False)
    assert main(["compare", "folds", "bad.csv", "--out", "out"]) == 0
    page = Path("out/compare.html").read_text()
    assert "data:image/jpeg" in page
    assert "were not found" not in page


def test_runs_alone_get_the_page_beside_their_differences(tables: pd.DataFrame) -> None:
    ids = list(tables["image"])
    score = tables["hit_rate"].to_numpy()
    for name in ("good", "bad"):
        write_finished(Path(f"runs/{name}/fit"), tables[name].to_numpy(), score, ids)
    assert main(["compare", "runs/good", "runs/bad", "--out", "out"]) == 0
    content = json.loads(Path("out/compare.json").read_text())
    rho = content["differences"][0]["spearman"]["difference"]
    assert content["people"]["pairs"][0]["difference"]["difference"] == rho
    assert content["people"]["people"]["ceiling"]["value"] is None
    assert "without counts" in content["people"]["people"]["ceiling"]["reason"]
    assert "good/fit" in Path("out/compare.html").read_text()


def test_answers_of_people_give_scores_and_a_ceiling_of_people(tables: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"participant": person, "image": row.image, "old": old, "response": int(said)}
        for person in range(30)
        for row in tables.itertuples()
        for old, said in ((0, rng.random() < 0.3), (1, rng.random() < float(str(row.hit_rate))))
    ]
    answers = pd.DataFrame(rows)
    answers.to_csv("people.csv", index=False)
    found = compared("good.csv", "--people.score", "false_alarm_rate")
    rates = answers[answers["old"] == 0].groupby("image")["response"].mean()
    wanted = stats.spearmanr(rates.loc[tables["image"]], tables["good"]).statistic
    assert found["people"]["kind"] == "false_alarm_rate"
    assert found["models"][0]["spearman"]["value"] == pytest.approx(wanted)
    assert not any(strip["kind"] == "people_above_all" for strip in found["strips"])
    assert "People remember" not in Path("out/compare.html").read_text()


def test_what_cannot_be_compared_is_one_line(
    tables: pd.DataFrame, failing: Callable[..., str]
) -> None:
    people = pd.read_csv("people.csv")
    others = {
        "far": people.assign(image="other/" + people["image"].str[-6:].str.replace("png", "x")),
        "few": people.head(2),
        "twice": pd.concat([people, people.head(1)]),
        "bare": people[["image"]],
        "words": people.assign(hit_rate="often"),
        "same": people.assign(hit_rate=0.5),
    }
    for name, table in others.items():
        table.to_csv(f"{name}.csv", index=False)
    others["far"].assign(image=[f"x{place}.gif" for place in range(N)]).to_csv("far.csv")

    def fails(given: str, *more: str) -> str:
        return failing("compare", "good.csv", "--people", given, *more)

    assert "no image in common: 'x0.gif' there" in fails("far.csv")
    assert "2 images in common; a correlation needs 3" in fails("few.csv")
    assert "images/00.png is listed twice" in fails("twice.csv")
    assert "--people.score NAME" in fails("bare.csv")
    assert "hit_rate 'often' is not a number" in fails("words.csv")
    assert "hit_rate is 0.5 for all 40" in fails("same.csv", "--people.score", "hit_rate")
    assert "no column 'hitrat'; did you mean" in fails("people.csv", "--people.score", "hitrat")
    assert "no such file" in fails("nowhere.csv")
    assert "set --people.file (found: bad.csv, bare.csv" in fails(".")
    assert "nowhere.csv: no such file" in failing("compare", "nowhere.csv", "--people", "x.csv")
    assert "no such folder" in fails("people.csv", "--images", "nowhere", "--out", "out")
    bare = people[["image"]].assign(other=1)
    bare.to_csv("bare.csv", index=False)
    assert "no predictions in it" in failing("compare", "bare.csv", "--people", "people.csv")
    bare.to_csv("flat.csv", index=False)
    assert "the prediction is 1 for all 40" in failing(
        "compare", "flat.csv:other", "--people", "people.csv"
    )
    assert "good.csv is given twice" in failing("compare", "good.csv", "good.csv")
    assert "give --people TABLE" in failing("compare", "good.csv", "bad.csv")
    assert "give --people" in failing("compare", "good.csv", "bad.csv", "--people.score", "x")
    assert "or people's scores: --people TABLE" in failing("compare", "good.csv")
