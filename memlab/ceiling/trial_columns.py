"""Columns of trial tables: their usual names, kinds of trials, and what a response cell means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from memlab.data.columns import IMAGES, PEOPLE, normal
from memlab.errors import DataError

PERSON = (*PEOPLE, "prolific_pid", "prolific_id", "participantid", "subjectid", "subj", "sub",
          "ppt", "pid", "turk_id", "sona_id", "run_id")  # fmt: skip
IMAGE = (*IMAGES, "stim_file", "stimfile", "image_url", "im", "item")
ORDER = ("trial", "trial_index", "trial_number", "trial_num", "trialnum", "position", "seq",
         "order", "index", "trials_thisn", "onset")  # fmt: skip
KIND = ("kind", "role", "trial_kind", "image_kind", "item_type", "image_type", "imtype",
        "stimulus_type", "type", "task", "condition", "status", "trial_type")  # fmt: skip
RESPONSE = ("response", "said_old", "pressed", "perf", "outcome", "key_press", "keypress", "key",
            "resp", "said", "responded", "key_resp_keys", "hit")  # fmt: skip
BLANK = ("pressed_in_blank", "in_blank", "blank_press", "key_in_blank", "pressed_in_isi",
         "pressed_in_iti", "pressed_in_fixation")  # fmt: skip
RT = ("rt", "reaction_time", "response_time", "latency", "key_resp_rt")
DURATION = ("duration", "trial_duration")

TARGET, REPEAT, FILLER, VIGILANCE = "target", "target repeat", "filler", "vigilance repeat"
GAP = "blank"
"""Kind of a row that is the blank after an image, not an image."""
BOTH = "vigilance"
"""Kind of both showings of a vigilance image, told apart by their order."""
PRACTICE = "practice"
"""Kind of trials that are left out."""

CODES = {"0": GAP, "1": TARGET, "2": REPEAT, "3": FILLER, "4": VIGILANCE}
"""Codes of a column of types or kinds; elsewhere, 1 and 2 may be the conditions of a study."""
PERF = {"11": True, "12": False, "13": True, "14": False}
"""Codes of the column perf: hit, miss, false alarm, correct rejection; whether a key was pressed.

A blank has 0 if no key was pressed.
"""

_KINDS = {
    TARGET: "target, target_first, first_target, target_1, new_target, target_new, study, t1, "
    "target_presentation, first_presentation",
    REPEAT: "target_repeat, repeat, repeated, repeat_target, repeated_target, target_repeated, "
    "target_2, old_target, target_old, test, t2, target_repetition, repetition",
    FILLER: "filler, fillers, foil, distractor, lure, new_filler, filler_new, filler_first, "
    "vigilance_first, first_vigilance, vigilance_1, vigilance_target",
    VIGILANCE: "vigilance_repeat, vigilance_repeated, repeat_vigilance, repeated_vigilance, "
    "vigilance_2, filler_repeat, repeated_filler, repeat_filler, vigilance_repetition, catch, "
    "catch_repeat, vigilance_test",
    BOTH: "vigilance, vig",
    PRACTICE: "practice, practise, training, warmup, warm_up, demo, example",
    GAP: "blank, fixation, fix, isi, iti, interval, gap, cross, mask",
}
KINDS = {name: kind for kind, names in _KINDS.items() for name in names.split(", ")}
"""Names of kinds of trials, normalised, to memlab's names."""

_YES = {"1", "1.0", "true", "yes", "old", "y", "pressed"}
_NO = {"0", "0.0", "false", "no", "new", "n", "not pressed"}
_OUTCOMES = {
    "hit": True, "miss": False, "false_alarm": True, "falsealarm": True, "fa": True,
    "correct_rejection": False, "correctrejection": False, "cr": False,
}  # fmt: skip
_NO_KEY = {"", "none", "null", "nan", "na", "-1", "no_response", "noresponse"}


class UnknownKeyError(DataError):
    """Error of several keys in a table that does not tell which of them says 'seen before'.

    Args:
        question: the file, the keys and the question.
        key: a key of the table, as an example of the remedy.
    """

    def __init__(self, question: str, key: str) -> None:
        super().__init__(f"{question} give --key {key}")
        self.question = question


def column_of(header: Sequence[str], names: Sequence[str], without: Sequence[str] = ()) -> str:
    """Return the first column that has one of some names, as the table spells it, or ""."""
    found = {normal(name): name for name in reversed(header) if name not in without}
    return next((found[name] for name in names if name in found), "")


def code_of(column: pd.Series) -> pd.Series:
    """Return a column of codes as text without a decimal point: 3.0 is 3."""
    text = column.fillna("").str.strip()
    return text.map({value: value.removesuffix(".0") for value in text.unique()})


def kinds_of(column: pd.Series) -> pd.Series | None:
    """Return the kinds that a column names, "" for an unknown name; None if it is of other things.

    A column tells kinds if most of its filled cells do, and it has two kinds of images.
    """
    text = column.fillna("")
    codes = CODES if normal(str(column.name)).endswith(("type", "kind")) else {}
    known = {value: KINDS.get(normal(value), codes.get(value, "")) for value in text.unique()}
    kinds = text.map(known)
    filled = text.str.strip() != ""
    if (kinds != "").sum() * 2 <= filled.sum() or len(set(kinds) - {"", GAP, PRACTICE}) < 2:
        return None
    return kinds


@dataclass(frozen=True)
class Pressed:
    """Key presses of a column.

    Args:
        pressed: (rows,) whether the key for "seen before" was pressed.
        other: (rows,) whether another key was pressed.
        of_repeat: (rows,) whether the outcome is that of a repeat (hit or miss); None if the column
            holds no outcomes.
    """

    pressed: pd.Series
    other: pd.Series
    of_repeat: pd.Series | None = None


def presses_of(
    column: pd.Series, told: str, keys: Sequence[str] = (), buttons: bool = False
) -> Pressed:
    """Return in which rows of a column of responses a key was pressed.

    The column holds 1 and 0 (or true and false, yes and no, old and new), codes 11 to 14, outcomes
    (hit, miss, false alarm, correct rejection), or names of keys, empty or null without one.

    Args:
        column: the column; its index is the line of the file.
        told: name of the file, for errors.
        keys: keys that mean "seen before"; needed if several keys were used.
        buttons: whether numbers are buttons, which memlab cannot know the meaning of.

    Raises:
        DataError: if a cell is none of these, or the key that means "seen before" is not clear.
    """
    text = column.fillna("").str.strip().str.lower()
    text = text.map({value: value.removesuffix(".0") for value in text.unique()})
    values = set(text.unique())
    nothing = pd.Series(False, index=column.index)
    if keys:
        wanted = {key.strip().lower() or "space" for key in keys}
        pressed = text.isin(wanted)
        if not pressed.any():
            raise DataError(
                f"{told}: no row has {' or '.join(sorted(wanted))} in column {column.name}: "
                f"--key KEY takes what is there ({_counted(text)})"
            )
        return Pressed(pressed, ~pressed & ~text.isin(_NO_KEY))
    named = {value: normal(value) for value in values}
    if values - {"", "0"} and values <= {*PERF, "0", ""}:
        pressed = text.isin([code for code, key in PERF.items() if key])
        return Pressed(pressed, nothing, text.isin(["11", "12"]))
    if set(named.values()) <= {*_OUTCOMES, ""} and values - {""}:
        outcome = text.map(named)
        pressed = outcome.map(_OUTCOMES).fillna(False).astype(bool)
        return Pressed(pressed, nothing, outcome.isin(["hit", "miss"]))
    if not buttons and values <= _YES | _NO | _NO_KEY:
        empty = text.isin(_NO_KEY)
        if empty.any() and values & _NO:
            raise DataError(f"{told}: row {text.index[empty][0]}: no {column.name}; a miss is 0")
        return Pressed(text.isin(_YES), nothing)
    binary = text.isin(_YES | _NO)
    if not buttons and binary.mean() > 0.5 and len(set(text[binary])) > 1:
        line, value = text.index[~binary][0], column[~binary].iloc[0]
        raise DataError(
            f"{told}: row {line}: {column.name} {value!r} is not 1 (seen before) or 0 (not)"
        )
    used = sorted(values - _NO_KEY)
    if len(used) > 1 or buttons:
        what = "buttons" if buttons else "keys"
        raise UnknownKeyError(
            f"{told}: column {column.name} has {what} {_counted(text)}: which says 'seen before'?",
            used[0] if used else "KEY",
        )
    return Pressed(~text.isin(_NO_KEY), nothing)


def is_filled(column: pd.Series) -> pd.Series:
    """Return in which rows a column says yes, or gives a reason: neither empty nor 0, no, false."""
    return ~column.fillna("").str.strip().str.lower().isin(_NO | _NO_KEY)


def _counted(text: pd.Series) -> str:
    counts = text[~text.isin(_NO_KEY)].value_counts()
    shown = ", ".join(f"{value!r} {count}" for value, count in counts.head(5).items())
    return shown + (", ..." if len(counts) > 5 else "")
