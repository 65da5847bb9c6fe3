"""People who pressed always or never are named, and left out on request."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memlab.cli import main
from tests.builders.games import game, write


def run(*arguments: str) -> int:
    return main(["data", "ceiling", "a.csv", "--halves", "10", *arguments])


@pytest.fixture(scope="module")
def odd() -> pd.DataFrame:
    """A game with a person who never pressed, one who always did, and one who dozed."""
    trials = game(people=14, images=96, seed=5)
    said = trials["pressed"] | trials["in_blank"]
    said = said.mask(trials["person"] == "p02", 0).mask(trials["person"] == "p05", 1)
    vigilance = trials["kind"] == "vigilance repeat"
    said = said.mask((trials["person"] == "p07") & vigilance, 0)
    said = said.mask((trials["person"] == "p09") & (trials["kind"] == "filler"), 1)
    return trials.drop(columns="in_blank").assign(pressed=said)


def test_they_are_named_and_kept_by_default(
    odd: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(odd)
    assert run("--out", "out") == 0
    printed = capsys.readouterr().out
    assert "person p02 pressed at no image: --exclude constant leaves such people out" in printed
    assert "person p05 pressed at every image: --exclude constant" in printed
    assert "a.csv: 14 people" in printed
    people = pd.read_csv("out/people.csv").set_index("person")
    assert people["excluded"].isna().all()
    assert people.loc["p02", "pressed"] == 0
    assert people.loc["p05", "pressed"] == people.loc["p05", "answers"] == 160


@pytest.mark.parametrize(
    ("rule", "left_out"),
    [
        ("constant", {"p02": "pressed at no image", "p05": "pressed at every image"}),
        (
            "inattentive",
            {
                "p02": "pressed at no image",
                "p05": "pressed at every image",
                "p07": "vigilance hit rate below .5",
                "p09": "false-alarm rate above .5",
            },
        ),
    ],
)
def test_a_rule_leaves_them_out_and_is_stated(
    rule: str, left_out: dict[str, str], odd: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(odd)
    assert run("--exclude", rule, "--out", "out") == 0
    printed = capsys.readouterr().out
    assert f"exclusion rule {rule}: people who pressed at no image or at every image" in printed
    for person, reason in left_out.items():
        assert f"left out: person {person} {reason}" in printed
    assert f"a.csv: {14 - len(left_out)} people" in printed
    people = pd.read_csv("out/people.csv").set_index("person")
    assert people["excluded"].dropna().to_dict() == left_out
    assert f"exclusion rule {rule}" in pd.read_csv("out/ceiling.csv")["rules"][0]
    repeats = odd[(odd["kind"] == "target repeat") & ~odd["person"].isin(list(left_out))]
    expected = repeats.groupby("image")["pressed"].mean()
    scores = pd.read_csv("out/scores.csv").set_index("image")["hit_rate"]
    np.testing.assert_allclose(scores, expected)


def test_the_rule_holds_for_a_table_of_answers(
    odd: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = odd[odd["kind"].isin(["target", "target repeat"])]
    old = (targets["kind"] == "target repeat").astype(int)
    write(targets[["person", "image"]].assign(old=old, response=targets["pressed"]))
    assert run() == 0
    printed = capsys.readouterr().out
    assert "person p02 pressed at no image" in printed
    assert "trial table" not in printed
    assert run("--exclude", "constant") == 0
    assert "a.csv: 12 people" in capsys.readouterr().out


def test_a_good_memory_is_no_constant_key(
    odd: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without first showings, a few hits in a row are no reason to name a person."""
    repeats = odd[odd["kind"] == "target repeat"].groupby("person").head(10)
    said = repeats["pressed"].mask(repeats["person"] == "p01", 1)
    write(repeats[["person", "image"]].assign(response=said))
    run()
    assert "pressed at every image" not in capsys.readouterr().out


def test_nobody_left_is_an_error(odd: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    first = odd["kind"].isin(["target", "filler"])
    write(odd.assign(pressed=odd["pressed"].mask(first, 1)))
    assert run("--exclude", "inattentive") == 2
    assert "a.csv: --exclude inattentive leaves nobody" in capsys.readouterr().err
