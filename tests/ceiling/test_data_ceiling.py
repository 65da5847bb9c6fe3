"""The ceiling from tables of answers, counts and scores, by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memlab.cli import main
from tests.builders.answers import people


def trials(answers: np.ndarray, first: np.ndarray | None = None, **columns: str) -> pd.DataFrame:
    """One row per answer, as a memory game would export it."""
    rows = []
    for old, matrix in ((1, answers), (0, first)):
        if matrix is not None:
            person, image = np.nonzero(np.isfinite(matrix))
            rows.append(
                pd.DataFrame(
                    {
                        "participant": [f"p{place:02d}" for place in person],
                        "image": [f"{place:05d}.jpg" for place in image],
                        "role": "target",
                        "old": old,
                        "said_old": matrix[person, image].astype(int),
                    }
                )
            )
    return pd.concat(rows).rename(columns=columns)


@pytest.fixture
def game() -> pd.DataFrame:
    _, answers = people(30, 40, 0.8, seed=4)
    answers[0, :2] = np.nan
    _, alarms = people(30, 40, 0.8, seed=5)
    first = np.where(np.isfinite(answers), np.nan_to_num(1 - alarms), np.nan)
    return trials(answers, first)


def run(*arguments: str) -> int:
    return main(["data", "ceiling", *arguments])


@pytest.mark.slow
def test_trials_of_a_memory_game(game: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    vigilance = game.iloc[[0, 0]].assign(role="vigilance")
    table = pd.concat([game, vigilance]).assign(excluded="false", version="clean")
    table.iloc[3, table.columns.get_loc("excluded")] = "true"
    table.to_csv("trials.csv", index=False)
    assert run("trials.csv", "--out", "out") == 0
    printed = capsys.readouterr().out
    assert "30 people, 40 images" in printed
    assert "1000 random halves of the people" in printed
    assert "note: 2 rows left out: vigilance" in printed
    assert "note: 1 rows left out: excluded" in printed

    entries = pd.read_csv("out/ceiling.csv").set_index(["scores", "correlation"])
    kinds = ["hit rate", "false alarm rate", "hit − false alarm"]
    assert list(dict.fromkeys(entries.index.get_level_values(0))) == kinds
    known = entries.loc[("hit rate", "spearman")]
    assert known["full"] == pytest.approx(2 * known["half"] / (1 + known["half"]))
    assert known["ceiling"] == pytest.approx(known["full"] ** 0.5)
    assert known["half_ceiling"] == pytest.approx(known["half"] ** 0.5)
    assert f"can expect ρ = {known['ceiling']:.3f}" in printed

    scores = pd.read_csv("out/scores.csv").set_index("image")
    used = table[(table["role"] == "target") & (table["excluded"] == "false")]
    means = used.groupby(["image", "old"])["said_old"].mean().unstack()
    np.testing.assert_allclose(scores["hit_rate"], means[1])
    np.testing.assert_allclose(scores["hit_minus_false_alarm"], means[1] - means[0])
    row = scores.iloc[7]
    z = [
        stats.norm.ppf((row[part] + 0.5) / (row[whole] + 1))
        for part, whole in (("hits", "n"), ("false_alarms", "first_showings"))
    ]
    assert row["d_prime"] == pytest.approx(z[0] - z[1])
    assert row["criterion"] == pytest.approx(-(z[0] + z[1]) / 2)

    growth = pd.read_csv("out/growth.csv")
    measured = growth[growth["kind"] == "measured"]
    assert measured["responses"].max() == pytest.approx(len(used[used["old"] == 1]) / 40 / 2)
    assert Path("out/ceiling.png").stat().st_size > 10_000


def test_a_matrix_and_other_names_hold_the_same_answers(
    game: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    repeats = game[game["old"] == 1]
    wide = repeats.pivot_table(index="participant", columns="image", values="said_old")
    wide.reset_index().to_csv("wide.csv", index=False)
    renamed = repeats.rename(
        columns={"participant": "who", "image": "what", "said_old": "key"}
    ).drop(columns="old")
    renamed.to_csv("renamed.csv", index=False)
    repeats.drop(columns="old").to_csv("long.csv", index=False)
    printed = []
    names = ("--participant", "who", "--image", "what", "--response", "key")
    for arguments in (("wide.csv",), ("renamed.csv", *names), ("long.csv",)):
        assert run(*arguments, "--halves", "20") == 0
        printed.append(capsys.readouterr().out.split(":", 1)[1])
    assert printed[0] == printed[1] == printed[2]


@pytest.mark.slow
def test_counts_and_scores_of_any_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, answers = people(40, 300, 1.0, seed=6)
    hits = answers.sum(axis=0).astype(int)
    table = pd.DataFrame({"image": [f"{i}.jpg" for i in range(300)], "hits": hits})
    table.assign(misses=40 - hits, false_alarms=4).to_csv("misses.csv", index=False)
    table.assign(n=40, score=hits / 40).to_csv("counts.csv", index=False)
    table.assign(score=hits / 40).drop(columns="hits").to_csv("scores.csv", index=False)
    known = []
    for arguments in (("counts.csv",), ("misses.csv",), ("scores.csv", "--observers", "40")):
        assert run(*arguments, "--out", Path(arguments[0]).stem) == 0
        entries = pd.read_csv(f"{Path(arguments[0]).stem}/ceiling.csv").set_index("correlation")
        known.append(entries.drop("spearman", errors="ignore")["full"].iloc[0])
    printed = capsys.readouterr().out
    assert "binomial halves, dealt from counts alone" in printed
    assert "a model, no data on agreement" in printed
    assert known[0] == known[1]
    assert known[2] == pytest.approx(known[0], abs=0.02)
    assert "d_prime" in pd.read_csv("misses/scores.csv")
    kinds = pd.read_csv("misses/ceiling.csv").set_index(["scores", "correlation"])["half"]
    # false alarms that differ no more than by chance only add noise
    assert kinds["hit − false alarm", "pearson"] < kinds["hit rate", "pearson"] - 0.03
    assert Path("scores/ceiling.png").exists()


@pytest.mark.slow
def test_counts_and_people_agree_about_false_alarms(game: pd.DataFrame) -> None:
    game.to_csv("trials.csv", index=False)
    sums = game.groupby(["image", "old"])["said_old"].agg(["sum", "count"]).unstack()
    columns = {"hits": ("sum", 1), "n": ("count", 1), "false_alarms": ("sum", 0)}
    table = pd.DataFrame({name: sums[place] for name, place in columns.items()})
    table["correct_rejections"] = sums["count", 0] - table["false_alarms"]
    table["score"] = table["hits"] / table["n"] - table["false_alarms"] / sums["count", 0]
    table.reset_index().to_csv("counts.csv", index=False)
    for name in ("trials", "counts"):
        assert run(f"{name}.csv", "--out", name) == 0
    one, other = (pd.read_csv(f"{name}/ceiling.csv") for name in ("trials", "counts"))
    np.testing.assert_allclose(one["half"], other["half"], atol=0.06)
    one, other = (pd.read_csv(f"{name}/scores.csv") for name in ("trials", "counts"))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.slow
def test_images_without_false_alarms_still_have_a_hit_rate() -> None:
    _, answers = people(40, 50, 1.0, seed=8)
    hits = answers.sum(axis=0).astype(int)
    table = pd.DataFrame({"image": range(50), "hits": hits, "n": 40})
    table["false_alarms"] = [None] * 5 + list(range(10)) * 4 + [None] * 5
    table.to_csv("a.csv", index=False)
    assert run("a.csv", "--halves", "50", "--out", "out") == 0
    left_out = pd.read_csv("out/ceiling.csv").groupby("scores", sort=False)["left_out"].first()
    assert left_out.tolist() == [0, 10, 10]
    assert pd.read_csv("out/scores.csv")["d_prime"].notna().sum() == 40


def test_a_folder_of_a_memory_game(game: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    Path("study").mkdir()
    game.to_csv("study/trials.csv", index=False)
    pd.DataFrame({"participant": ["p00"]}).to_csv("study/participants.csv", index=False)
    assert run("study", "--halves", "10", "--only", "role=target") == 0
    assert "study/trials.csv: 30 people" in capsys.readouterr().out


def test_a_matrix_holds_nothing_but_answers(capsys: pytest.CaptureFixture[str]) -> None:
    table = {"subject": ["a", "b"], "age": [23, 31], "1.jpg": [1, 0], "2.jpg": [1, 1]}
    pd.DataFrame(table).to_csv("a.csv", index=False)
    assert run("a.csv") == 2
    assert "row 2: age '23' is not 1 or 0: without a column response" in capsys.readouterr().err


def test_a_table_of_images_may_name_a_user(capsys: pytest.CaptureFixture[str]) -> None:
    table = {"image": list("abcd"), "user": list("efgh"), "hits": [9, 2, 7, 4], "n": 10}
    pd.DataFrame(table).to_csv("a.csv", index=False)
    assert run("a.csv", "--halves", "30") == 0
    assert "from counts alone" in capsys.readouterr().out


def broken(game: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    game = game.astype(object)
    game.iloc[2, game.columns.get_loc(column)] = value
    return game


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        (lambda t: t[t["image"] < "00002"], (), "2 images with scores: a correlation needs"),
        (lambda t: t[t["participant"] == "p00"], (), "1 person: halves of people need two"),
        (lambda t: t.assign(said_old=1), (), "all scores are equal (1)"),
        (lambda t: broken(t, "said_old", ""), (), "row 4: no said_old; a miss is 0"),
        (lambda t: broken(t, "said_old", 2), (), "row 4: said_old '2' is not 1 (seen before) or 0"),
        (lambda t: broken(t, "old", "x"), (), "row 4: old 'x' is not 1 (a repeat) or 0 (first)"),
        (lambda t: broken(t, "participant", None), (), "row 4: no participant"),
        (lambda t: pd.concat([t, t[:1]]), (), "answered to 00002.jpg before, in row 2: keep one"),
        (lambda t: t, ("--response", "sad_old"), "no column 'sad_old'; did you mean 'said_old'?"),
        (lambda t: t.rename(columns={"said_old": "key"}), (), "which column holds the response?"),
        (lambda t: t, ("--only", "version=clean"), "no column 'version'"),
        (lambda t: t, ("--only", "old=2"), "no row has '2' in column 'old'"),
        (lambda t: t.assign(version=t["old"]), (), "2 versions of the images (1, 0)"),
        (lambda t: t, ("--observers", "40"), "--observers has nothing to do here"),
        (lambda t: t, ("--at", "50"), "--at is the lag that --lag corrects to"),
        (lambda t: t.assign(lag=9), ("--lag", "--at", "inf"), "above zero and finite"),
        (lambda t: t, ("--min-responses", "30"), "constant or of fewer than three images"),
        (lambda t: t, ("--lag",), "no lags; name their column: --lag NAME"),
        (lambda t: t.assign(lag=0), ("--lag",), "p00, 00002.jpg: lag 0; every repeat needs one"),
        (lambda t: t.assign(lag=9), ("--lag",), "no image comes back at two different lags"),
        (lambda t: broken(t.assign(lag=9), "lag", "soon"), ("--lag",), "row 4: lag 'soon' is not"),
        (lambda t: broken(t.assign(row="top"), "said_old", "?"), (), "row 4: said_old '?' is not"),
        (lambda t: t.assign(old=0).drop_duplicates(["participant", "image"]), (), "to a repeat"),
        (lambda t: t[:0], (), "no answer to a repeat: no answers"),
    ],
)
def test_bad_answers_are_one_line(
    game: pd.DataFrame,
    change: Any,
    arguments: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change(game).to_csv("a.csv", index=False)
    assert run("a.csv", *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("columns", "arguments", "says"),
    [
        ({"hits": [3, 9, 4], "n": 8}, (), "b.jpg: 9 hits of 8 responses cannot be"),
        ({"hits": [0.3, 0.5, 0.4], "n": 8}, (), "a.jpg: hits 0.3 is not a whole number"),
        ({"hits": [3, 5], "n": 8}, (), "2 images with scores"),
        ({"hits": [5, 5, 5], "n": 8}, (), "all scores are equal (0.625)"),
        ({"hits": [None, None, None], "n": 8}, (), "no image has hits and n"),
        ({"hits": [1, 0, 1], "n": 1}, (), "0 images with two answers or more: halves need three"),
        ({"hits": [3, 5, 4], "n": 8, "false_alarms": [1, 9, 0]}, (), "9 false alarms of 8"),
        ({"hits": [3, 5, 4], "n": "many"}, (), "n 'many' is not a number"),
        ({"hits": [3, 5, 4], "n": 8}, ("--lag",), "--lag has nothing to do here"),
        ({"hits": [3, 5, 4], "n": 8}, ("--min-responses", "1"), "--min-responses has nothing"),
        ({"hits": [4, 5, 4], "n": 8}, (), "no ceiling: no agreement of the halves was found"),
        ({"score": [0.3, 0.5, 0.4]}, (), "it takes answers of people (columns participant"),
        ({"score": [0.3, 5, 0.4]}, ("--observers", "9"), "score 5: the model is for hit rates"),
        ({"score": [0.3, 0.4, 0.5]}, ("--observers", "9"), "the scores spread no more (SD 0.100)"),
        ({"score": [0.3, 0.4, 0.5]}, ("--observers", "0"), "'0': a whole number, at least 1"),
        ({"category": ["a", "b", "c"]}, ("--observers", "9"), "or a score for each"),
    ],
)
def test_bad_counts_are_one_line(
    columns: dict[str, Any],
    arguments: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    length = max(len(value) for value in columns.values() if isinstance(value, list))
    images = [f"{letter}.jpg" for letter in "abc"[:length]]
    pd.DataFrame({"image": images, **columns}).to_csv("a.csv", index=False)
    assert run("a.csv", *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_few_answers_are_left_out_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    _, answers = people(12, 60, 0.25, seed=7)
    trials(answers).to_csv("a.csv", index=False)
    assert run("a.csv", "--halves", "50", "--min-responses", "2", "--out", "out") == 0
    left_out = pd.read_csv("out/ceiling.csv")["left_out"][0]
    assert 20 < left_out < 57
    assert f"Left out for too few answers in a half: {left_out:.1f} images" in (
        capsys.readouterr().out
    )
