"""Trial tables as they come: every layout gives the same answers, and the rule is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.ceiling.people import read_people
from memlab.cli import main
from memlab.errors import DataError
from tests.builders.games import bids, coded, game, jspsych, sequences, write

HALVES = ("--halves", "10")


def run(*arguments: str) -> int:
    return main(["data", "ceiling", *arguments, *HALVES])


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return game()


def rates(trials: pd.DataFrame, blank: bool = True) -> pd.DataFrame:
    """Hit and false-alarm rates of each image, computed by hand."""
    said = trials["pressed"] | trials["in_blank"] if blank else trials["pressed"]
    trials = trials.assign(said=said)
    hits, alarms = (
        trials[trials["kind"] == kind].groupby("image")["said"]
        for kind in ("target repeat", "target")
    )
    return pd.DataFrame(
        {"hit_rate": hits.mean(), "n": hits.size(), "false_alarm_rate": alarms.mean()}
    )


def layouts(trials: pd.DataFrame) -> dict[str, Callable[[], object]]:
    kind = trials["kind"].replace({"target repeat": "target", "vigilance repeat": "vigilance"})
    said = trials["pressed"] | trials["in_blank"]
    order = trials[["person", "image"]].assign(response=said)
    return {
        "words": lambda: write(trials),
        "codes": lambda: write(coded(trials)),
        "sequences": lambda: write(sequences(trials)),
        "jspsych": lambda: write(jspsych(trials)),
        "jspsych bare": lambda: write(jspsych(trials, properties=False)),
        "roles": lambda: write(
            trials.assign(role=kind, said=said)[["person", "image", "role", "said"]]
        ),
        "order": lambda: write(order),
        "bids": lambda: bids(trials, Path("a")),
    }


@pytest.mark.slow
@pytest.mark.parametrize("layout", list(layouts(game())))
def test_every_layout_holds_the_same_answers(
    layout: str, trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts(trials)[layout]()
    path = "a" if layout == "bids" else "a.csv"
    assert run(path, "--out", "out") == 0
    scores = pd.read_csv("out/scores.csv").set_index("image")
    expected = rates(trials)
    pd.testing.assert_frame_equal(scores[list(expected)], expected)
    printed = capsys.readouterr().out
    assert "12 people, 480 trials: 144 targets, 144 target repeats, 144 fillers, 48 vig" in printed
    people = pd.read_csv("out/people.csv")
    assert people["vigilance_repeats"].tolist() == [4] * 12
    if layout in ("roles", "order"):
        assert "the table does not tell keys in the blank apart; every key counts" in printed
        assert "first showings and repeats follow from the order" in printed
        return
    rule = "counting rule: a key pressed in the blank after an image counts for that image"
    assert rule in printed
    assert rule in pd.read_csv("out/ceiling.csv")["rules"][0]


@pytest.mark.parametrize("layout", ["words", "sequences", "jspsych", "bids"])
def test_keys_in_the_blank_may_be_ignored(
    layout: str, trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts(trials)[layout]()
    assert run("a" if layout == "bids" else "a.csv", "--blank", "ignored", "--out", "out") == 0
    scores = pd.read_csv("out/scores.csv").set_index("image")
    expected = rates(trials, blank=False)
    pd.testing.assert_frame_equal(scores[list(expected)], expected)
    both, alone = rates(trials)["hit_rate"].mean(), expected["hit_rate"].mean()
    said = f"mean hit rate {both:.3f} with keys in the blank, {alone:.3f} without"
    assert said in capsys.readouterr().out


def test_a_table_that_cannot_tell_is_a_lower_bound(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(coded(trials))
    assert run("a.csv", "--blank", "ignored", "--out", "out") == 0
    printed = capsys.readouterr().out
    assert f"{trials['in_blank'].sum()} trials have a key in the blank" in printed
    assert "that hit rate is a lower bound" in printed
    scores = pd.read_csv("out/scores.csv").set_index("image")["hit_rate"]
    only = trials.assign(pressed=trials["pressed"] & ~trials["in_blank"].astype(bool))
    pd.testing.assert_series_equal(scores, rates(only, blank=False)["hit_rate"])


def test_codes_from_before_the_rule_tell_both_keys(trials: pd.DataFrame) -> None:
    """If perf tells the image alone, a key in the blank adds to it."""
    table = coded(trials.assign(in_blank=0)).assign(pressed_in_blank=trials["in_blank"])
    write(table)
    assert run("a.csv", "--blank", "ignored", "--out", "ignored") == 0
    assert run("a.csv", "--out", "counts") == 0
    for name, blank in (("ignored", False), ("counts", True)):
        scores = pd.read_csv(f"{name}/scores.csv").set_index("image")["hit_rate"]
        pd.testing.assert_series_equal(scores, rates(trials, blank)["hit_rate"])


def test_without_kinds_a_short_lag_is_vigilance(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts(trials)["order"]()
    assert run("a.csv", "--vigilance-lag", "1") == 0
    assert "192 targets, 192 target repeats, 96 fillers;" in capsys.readouterr().out
    assert run("a.csv", "--blank", "ignored") == 2
    assert "--blank ignored needs a table that tells keys in the blank" in capsys.readouterr().err


def test_a_condition_of_the_study_is_no_kind(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    layouts(trials)["order"]()
    table = pd.read_csv("a.csv")
    write(table.assign(condition=table["person"].factorize()[0] % 2 + 1))
    assert run("a.csv") == 0
    assert "144 targets, 144 target repeats, 144 fillers, 48 vig" in capsys.readouterr().out


def test_a_column_of_other_outcomes_may_be_named(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(coded(trials).assign(image_alone=trials["pressed"]))
    assert run("a.csv", "--response", "image_alone", "--blank", "ignored", "--out", "out") == 0
    assert "kinds in column type, responses in column image_alone" in capsys.readouterr().out
    scores = pd.read_csv("out/scores.csv").set_index("image")["hit_rate"]
    pd.testing.assert_series_equal(scores, rates(trials, blank=False)["hit_rate"])


def test_reasons_in_a_column_leave_rows_out(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = ["too fast", "left the page"] + [""] * (len(trials) - 2)
    write(trials.assign(excluded=reasons))
    assert run("a.csv") == 0
    assert "note: 2 rows left out: excluded" in capsys.readouterr().out


def test_names_of_trials_leave_the_files_order(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(trials.assign(trial="t" + trials["trial"].astype(str)))
    assert run("a.csv") == 0
    printed = capsys.readouterr().out
    assert "column trial is no number in row 2: rows are taken in the file's order" in printed


def test_nobody_pressed_in_the_blank(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(trials.assign(in_blank=0))
    assert run("a.csv", "--blank", "ignored") == 0
    assert "counting rule: a key counts only while its image is shown" in capsys.readouterr().out


def test_lags_are_counted_from_positions_or_read(trials: pd.DataFrame) -> None:
    write(trials.assign(trial=trials["trial"] * 10))  # numbers may skip; positions do not
    assert run("a.csv", "--lag", "--at", "30", "--out", "out") == 0
    lag = pd.read_csv("out/lag.csv")
    assert lag["shortest_lag"][0] == 2
    assert lag["vigilance_repeats"][0] == 48
    positions = trials.pivot_table(index=["person", "image"], columns="kind", values="trial")
    lags = (positions["target repeat"] - positions["target"]).dropna()
    assert lag["longest_lag"][0] == lags.max()
    mean = lags.groupby("image").mean()
    np.testing.assert_allclose(pd.read_csv("out/scores.csv")["mean_lag"], mean)


@pytest.mark.parametrize("columns", [{"rt": 700}, {"rt": 700, "duration": 1500}])
def test_response_times_tell_the_blank_and_the_window(
    columns: dict[str, int], trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    said = trials["pressed"] | trials["in_blank"]
    table = trials.drop(columns=["pressed", "in_blank"]).assign(said=said, **columns)
    write(table)
    assert run("a.csv", "--shown", "500") == 0
    assert "with keys in the blank, 0 without" in capsys.readouterr().out
    table.loc[table.index[said == 1][:3], "rt"] = [-5, 2600, 9000]
    write(table)
    assert run("a.csv", "--window", "2500") == 0
    printed = capsys.readouterr().out
    first = table.index[said == 1][0]
    assert "3 keys were pressed outside every window: not counted for any image " in printed
    assert f"(first: row {first + 2}, person p00)" in printed


def test_images_without_a_target_repeat_and_practice_are_said(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    more = trials[trials["kind"] == "filler"].groupby("person").head(2)
    names = ["warm.jpg", "up.jpg"] * 12
    practice = more.assign(image=names, kind="practice", trial=[-2, -1] * 12)
    filler = more.assign(image=[f"only_{name}" for name in names], trial=[900, 901] * 12)
    write(pd.concat([trials, practice, filler]))
    assert run("a.csv") == 0
    printed = capsys.readouterr().out
    assert (
        "2 images were never repeated as a target, so they have no score: only_up.jpg, " in printed
    )
    assert "note: 24 rows left out: practice" in printed


def test_scores_have_paths_of_the_images(
    trials: pd.DataFrame,
    make_image: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from memlab.data.sources.csv import CsvSource

    for name in sorted(set(trials["image"]))[1:]:
        make_image(f"photos/{Path(name).name}")
    write(trials)
    assert run("a.csv", "--out", "out", "--images", "photos") == 0
    assert "photos: no file of 1 images: img/food_00.jpg" in capsys.readouterr().out
    for column in ("hit_rate", "hit_minus_false_alarm"):
        table, missing = CsvSource(score=column).table(Path("out/scores.csv")).without_missing()
        assert len(table.rows) == 23
        assert len(missing) == 1
        assert not table.problems()
    assert run("a.csv", "--images", "photos") == 2
    assert "give --out DIR, too" in capsys.readouterr().err


def test_a_folder_takes_trial_tables_of_different_people(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("study").mkdir()
    for person, rows in trials.groupby("person"):
        write(rows, f"study/{person}.csv")
    write(trials[trials["person"] == "p03"], "study/p03-again.csv")
    assert run("study") == 2
    assert "person p03 is in study/p03-again.csv, too: keep one file" in capsys.readouterr().err
    write(pd.DataFrame({"age": [31]}), "study/p03-again.csv")
    assert run("study") == 2
    assert "p03-again.csv: is no trial table, while" in capsys.readouterr().err
    Path("study/p03-again.csv").unlink()
    assert run("study") == 0
    assert "study: 12 people, 24 images" in capsys.readouterr().out


def test_answers_to_repeats_with_a_role_stay_answers(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    repeats = trials[trials["kind"].isin(["target repeat", "vigilance repeat"])]
    roles = repeats["kind"].str.removesuffix(" repeat")
    table = repeats[["person", "image"]].assign(role=roles, response=repeats["pressed"])
    write(table)
    assert run("a.csv") == 0
    printed = capsys.readouterr().out
    assert "trial table" not in printed
    assert "note: 48 rows left out: vigilance" in printed


def test_a_comparison_says_where_the_key_is_named(trials: pd.DataFrame) -> None:
    table = jspsych(trials)
    unpressed = (table["response"] == "null") & (table["trial_type"] != "preload")
    write(table.assign(response=table["response"].mask(unpressed, "f"), rt=700))
    with pytest.raises(
        DataError, match=r"'seen before'\? memlab data ceiling a\.csv --key KEY --out"
    ):
        read_people(Path("a.csv"), {})


def test_a_comparison_takes_trials_as_people(
    trials: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(jspsych(trials))
    people = read_people(Path("a.csv"), {"score": "false_alarm_rate"})
    expected = rates(trials)["false_alarm_rate"]
    pd.testing.assert_series_equal(
        people.rows.set_index("image")["score"], expected, check_names=False
    )
    assert people.ceiling(list(people.rows["id"])).n == 24
    assert "memlab: a.csv: counting rule: a key pressed in the blank" in capsys.readouterr().err
