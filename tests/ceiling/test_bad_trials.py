"""Bad trial tables: one line that names the file, the row and the remedy."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from memlab.cli import main
from tests.builders.games import coded, game, sequences


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return game()


def change(table: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    table = table.astype(object).reset_index(drop=True)
    table.loc[5, column] = value
    return table


@pytest.mark.parametrize(
    ("damage", "arguments", "says"),
    [
        (lambda t: change(coded(t), "type", 7), (), "row 7: type '7' is an unknown code; codes"),
        (lambda t: change(coded(t), "type", ""), (), "row 7: type is empty; codes are 0 blank"),
        (lambda t: change(coded(t), "perf", 15), (), "row 7: perf '15' is an unknown code; codes"),
        (lambda t: change(coded(t), "perf", 12), (), "row 7: perf 12 cannot be of a target: hits"),
        (
            lambda t: t.drop(columns=["pressed", "in_blank"]).assign(outcome="hit"),
            (),
            "row 2: outcome hit cannot be of a target: hits and misses are of repeats",
        ),
        (lambda t: change(t, "kind", "targett"), (), "row 7: kind 'targett' is unknown: kinds are"),
        (lambda t: change(t, "kind", ""), (), "row 7: kind is empty: kinds are target, "),
        (lambda t: change(t, "pressed", "maybe"), (), "row 7: pressed 'maybe' is not 1 (seen"),
        (lambda t: change(t, "pressed", ""), (), "row 7: no pressed; a miss is 0"),
        (lambda t: change(t, "person", ""), (), "row 7: no person: fill it in, or remove the row"),
        (lambda t: change(t, "image", ""), (), "row 7: no image: fill it in, or remove the row"),
        (lambda t: pd.concat([t, t[5:6]]), (), "row 482: trial 5 of person p00 (img/food_"),
        (
            lambda t: pd.concat([t, t[t["kind"] == "target repeat"][:1].assign(trial=999)]),
            (),
            "as target repeat before, in row 30: keep one trial of each kind",
        ),
        (lambda t: t[t["kind"].isin(["filler", "vigilance repeat"])], (), "no target is repeated"),
        (lambda t: t, ("--window", "900"), "need a column of response times, such as rt"),
        (lambda t: t, ("--window", "0"), "'0': milliseconds, above 0"),
        (
            lambda t: t.assign(rt=0.8),
            ("--window", "900"),
            "column rt looks like seconds (median 0.8), and --window and --shown are milliseconds",
        ),
        (
            lambda t: t,
            ("--vigilance-lag", "3"),
            "--vigilance-lag has nothing to do here: the table",
        ),
        (lambda t: coded(t), ("--key", "x"), "--key has nothing to do here: column perf holds no"),
        (
            lambda t: sequences(t),
            ("--response", "WorkerId"),
            "column 'WorkerId' is not read: a row per person has its images, kinds and keys in col",
        ),
        (lambda t: sequences(t), ("--participant", "who"), "no column 'who'"),
        (lambda t: t, ("--key", "x"), "no row has x in column pressed: --key KEY takes what is"),
        (lambda t: t, ("--only", "person=zz"), "no row has 'zz' in column 'person'"),
        (lambda t: change(sequences(t), "Answer.perfseq", "11,12"), (), "row 7: sequences of diff"),
        (
            lambda t: sequences(t).assign(
                **{"Answer.perfseq": lambda s: s["Answer.perfseq"].str.replace("14", "12")}
            ),
            (),
            "row 2: perf 12 cannot be of a target: hits and misses are of repeats",
        ),
        (
            lambda t: t[t["kind"] == "target repeat"][["person", "image", "pressed"]].rename(
                columns={"pressed": "response"}
            ),
            ("--blank", "ignored"),
            "--blank has nothing to do here: a.csv is a table of answers, not of trials",
        ),
    ],
)
def test_bad_trials_are_one_line(
    damage: Callable[[pd.DataFrame], pd.DataFrame],
    arguments: tuple[str, ...],
    says: str,
    trials: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(trials).to_csv("a.csv", index=False)
    assert main(["data", "ceiling", "a.csv", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
