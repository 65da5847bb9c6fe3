"""Data of jsPsych: which rows are images, blanks and neither, and which key counts."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from memlab.cli import main
from tests.builders.games import FIXATION, game, jspsych, write


def run(*arguments: str) -> int:
    return main(["data", "ceiling", "a.csv", "--halves", "10", *arguments])


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return jspsych(game()).reset_index(drop=True)


def answers(folder: str) -> pd.DataFrame:
    return pd.read_csv(f"{folder}/scores.csv")[["hits", "n", "false_alarms", "first_showings"]]


def with_tags(data: pd.DataFrame) -> pd.DataFrame:
    tag = '<div class=\'x\'><img width="300" src="' + data["stimulus"] + '?v=2"></div>'
    return data.assign(stimulus=data["stimulus"].mask(data["stimulus"].str.endswith("jpg"), tag))


def of_version_6(data: pd.DataFrame) -> pd.DataFrame:
    codes = data["response"].replace({"j": "74", " ": "32"})
    return data.drop(columns="response").assign(key_press=codes, responses="")


def with_fixation_images(data: pd.DataFrame) -> pd.DataFrame:
    stimulus = data["stimulus"].replace(FIXATION, "img/fixation.png")
    return data.assign(stimulus=stimulus, task=data["task"].replace("fixation", ""))


def with_empty_blanks(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(stimulus=data["stimulus"].replace(FIXATION, ""))


def with_space_bar(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(response=data["response"].replace("j", " "))


@pytest.mark.parametrize(
    "form", [with_tags, of_version_6, with_fixation_images, with_empty_blanks, with_space_bar]
)
def test_forms_of_the_same_data(
    form: Callable[[pd.DataFrame], pd.DataFrame],
    data: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(data)
    assert run("--out", "plain") == 0
    write(form(data))
    assert run("--out", "other") == 0
    pd.testing.assert_frame_equal(answers("other"), answers("plain"))
    assert "jsPsych data, kinds in column task" in capsys.readouterr().out


def test_bare_data_take_the_lag_of_vigilance(
    data: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(data.drop(columns=["task", "subject_id"]))
    assert run("--vigilance-lag", "1") == 0
    assert "192 targets, 192 target repeats, 96 fillers;" in capsys.readouterr().out


def test_rows_of_neither_are_counted(
    data: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    write(data)
    assert run() == 0
    assert "24 rows show no image and no blank, and are not read: " in capsys.readouterr().out


def test_a_key_before_the_first_image_is_outside_every_window(
    data: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    early = data[data["subject_id"] == "p04"].iloc[[3]]
    early = early.assign(stimulus=FIXATION, task="fixation", trial_index=1.5, rt=90, response="j")
    table = pd.concat([data, early]).sort_values(["subject_id", "trial_index"], kind="stable")
    write(table)
    row = int((table.reset_index()["trial_index"] == 1.5).argmax()) + 2
    assert run() == 0
    assert (
        "1 key was pressed outside every window: not counted for any image (first: row "
        f"{row}, person p04)" in capsys.readouterr().out
    )


def test_two_keys_need_a_word(data: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    write(data)
    assert run("--out", "plain") == 0
    unpressed = (data["response"] == "null") & (data["trial_type"] == "image-keyboard-response")
    both = data.assign(
        response=data["response"].mask(unpressed, "f"), rt=data["rt"].mask(unpressed, 700)
    )
    write(both)
    assert run() == 2
    error = capsys.readouterr().err
    assert "column response has keys 'f' " in error
    assert ": which says 'seen before'? give --key " in error
    assert run("--key", "J", "--out", "other") == 0
    assert f"{unpressed.sum()} presses of other keys are not counted" in capsys.readouterr().out
    pd.testing.assert_frame_equal(answers("other"), answers("plain"))


@pytest.mark.parametrize("key", [" ", "space", "Space"])
def test_the_space_bar_has_a_name(key: str, data: pd.DataFrame) -> None:
    write(with_space_bar(data))
    assert run("--out", "plain") == 0
    assert run("--key", key, "--out", "named") == 0
    pd.testing.assert_frame_equal(answers("named"), answers("plain"))


def test_buttons_need_a_word(data: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    image = data["trial_type"] == "image-keyboard-response"
    table = data.assign(
        trial_type=data["trial_type"].replace("image-keyboard-response", "image-button-response"),
        response=data["response"].replace({"j": "1"}).mask(image & (data["rt"] == "null"), "0"),
        rt=data["rt"].mask(image & (data["rt"] == "null"), 640),
    )
    write(table)
    assert run() == 2
    assert "column response has buttons '0' " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.assign(task=d["task"].replace("filler", "fillr")), "task 'fillr' is unknown"),
        (lambda d: d.assign(stimulus=d["stimulus"].str.removesuffix(".jpg")), "names no image"),
    ],
)
def test_bad_data_are_one_line(
    change: Callable[[pd.DataFrame], pd.DataFrame],
    says: str,
    data: pd.DataFrame,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(change(data))
    assert run() == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
