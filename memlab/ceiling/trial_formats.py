"""Layouts of trial tables that memlab reads: codes, names, no kinds, and a row per person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from memlab.ceiling.responses import COLUMNS
from memlab.ceiling.trial_columns import (
    CODES,
    FILLER,
    GAP,
    IMAGE,
    KIND,
    PERF,
    PERSON,
    REPEAT,
    RESPONSE,
    TARGET,
    VIGILANCE,
    code_of,
    column_of,
    kinds_of,
    presses_of,
)
from memlab.ceiling.trial_events import TrialOptions, events_of
from memlab.ceiling.trial_table import Events
from memlab.data.columns import named, normal
from memlab.errors import DataError

_TWICE = 0.1
"""Share of second showings from which a table without kinds is taken as a trial table."""


Reader = Callable[[pd.DataFrame, TrialOptions, str], Events | None]
"""Function from a table of text, by line, to its events; None if the layout is another."""


def coded(frame: pd.DataFrame, options: TrialOptions, told: str) -> Events | None:
    """Read codes `type` (0 to 4) and `perf` (11 to 14), one row per image, blanks optional."""
    header = list(frame.columns)
    kind, perf = column_of(header, ("type", "imtype")), column_of(header, ("perf",))
    person, image = found(frame, "participant", options, told), found(frame, "image", options, told)
    response = found(frame, "response", options, told) if options.columns.get("response") else perf
    if not (kind and perf and person and image) or response != perf:
        return None
    if options.keys:
        raise DataError(f"{told}: --key has nothing to do here: column {perf} holds no keys")
    codes, outcome = code_of(frame[kind]), code_of(frame[perf])
    _known(codes, CODES, kind, "0 blank, 1 target, 2 its repeat, 3 filler, 4 vigilance repeat",
           told)  # fmt: skip
    gap = codes == "0"
    meaning = "11 hit, 12 miss, 13 false alarm, 14 correct rejection"
    _known(outcome[~gap], PERF, perf, meaning, told)
    _known(outcome[gap], {**PERF, "0": False}, perf, f"0 no key, {meaning}", told)
    kinds = codes.map(CODES)
    _possible(frame[perf], outcome.isin(["11", "12"]), kinds, told)
    pressed = outcome.map(PERF).fillna(False).astype(bool)
    return events_of(
        frame, person, image, kinds, pressed, options, told, f"codes in columns {kind} and {perf}"
    )


def in_words(frame: pd.DataFrame, options: TrialOptions, told: str) -> Events | None:
    """Read a column of kinds in words (or no kinds), and a column of responses."""
    header = list(frame.columns)
    person, image = found(frame, "participant", options, told), found(frame, "image", options, told)
    response = found(frame, "response", options, told)
    if not (person and image and response) or column_of(header, COLUMNS["old"]):
        return None
    kind, kinds = kind_column(frame, {image, response})
    if kinds is None:
        pairs = frame.loc[frame[image].notna(), [person, image]]
        if pairs.duplicated().mean() < _TWICE or not len(pairs):
            return None
        layout = f"columns {image} and {response}, without kinds"
        kinds = pd.Series("", index=frame.index)
    elif not (kinds == REPEAT).any() and not frame[kinds != GAP].duplicated([person, image]).any():
        return None  # answers to repeats alone, with the role of each image
    else:
        layout = f"kinds in column {kind}, responses in column {response}"
        require_kinds(frame[kind], kinds, told)
    pressed = presses_of(frame[response], told, options.keys)
    if pressed.of_repeat is not None and (kinds == REPEAT).any():
        _possible(frame[response], pressed.of_repeat, kinds, told)
    return events_of(frame, person, image, kinds, pressed.pressed, options, told, layout)


def in_sequences(frame: pd.DataFrame, options: TrialOptions, told: str) -> Events | None:
    """Read a row per person, whose cells list images, types and outcomes with commas between."""
    ends = {normal(name).rpartition("answer_")[2]: name for name in frame.columns}
    images = column_of(list(ends), ("imseq", "imseqstring", "imageseq", "img"))
    types = column_of(list(ends), ("imtypeseq", "typeseqstring", "typeseq"))
    outcomes = column_of(list(ends), ("perfseq", "keypressseqstring", "keypresssequence"))
    if not (images and types and outcomes):
        return None
    for what in ("image", "response", "lag"):
        if options.columns.get(what):
            raise DataError(
                f"{told}: column {options.columns[what]!r} is not read: a row per person has its "
                f"images, kinds and keys in columns {ends[images]}, {ends[types]} and "
                f"{ends[outcomes]}; name no other"
            )
    frame = frame[frame[ends[images]].notna()]
    person = found(frame, "participant", options, told)
    names = frame[person] if person else pd.Series(range(1, len(frame) + 1), index=frame.index)
    cells = pd.DataFrame(
        {
            "participant": names.astype(str),
            "image": frame[ends[images]].str.split(","),
            "type": frame[ends[types]].fillna("").str.split(","),
            "perf": frame[ends[outcomes]].fillna("").str.split(","),
        }
    )
    lengths = cells[["image", "type", "perf"]].map(len)
    uneven = lengths.nunique(axis=1) > 1
    if uneven.any():
        line = frame.index[uneven][0]
        said = ", ".join(
            f"{lengths.loc[line, part]} in {ends[name]}"
            for part, name in (("image", images), ("type", types), ("perf", outcomes))
        )
        raise DataError(f"{told}: row {line}: sequences of different lengths: {said}")
    long = cells.explode(["image", "type", "perf"])
    layout = f"sequences in columns {ends[images]}, {ends[types]} and {ends[outcomes]}"
    options = TrialOptions({}, options.keys, options.window, options.shown)
    if outcomes == "perfseq":
        events = coded(long, options, told)
    else:
        long["kind"] = code_of(long["type"]).map(CODES).fillna("")
        require_kinds(long["type"], long["kind"], told)
        long["response"] = long["perf"].mask(long["perf"].str.strip() == "")
        events = in_words(long.drop(columns=["type", "perf"]), options, told)
    notes = () if person else ("people have the numbers of their rows",)
    return events and replace(events, layout=layout, notes=(*events.notes, *notes))


def found(frame: pd.DataFrame, what: str, options: TrialOptions, told: str) -> str:
    """Return the column of people, images or responses; "" if there is none."""
    names = {"participant": PERSON, "image": IMAGE, "response": RESPONSE}[what]
    given = options.columns.get(what)
    header = list(frame.columns)
    return named(header, given, told) if given else column_of(header, names)


def kind_column(frame: pd.DataFrame, used: set[str]) -> tuple[str, pd.Series | None]:
    """Return the first column that tells kinds of trials, and the kinds; None if there is none."""
    left = list(frame.columns)
    while name := column_of(left, KIND, without=tuple(used)):
        kinds = kinds_of(frame[name])
        if kinds is not None:
            return name, kinds
        left.remove(name)
    return "", None


def require_kinds(column: pd.Series, kinds: pd.Series, told: str) -> None:
    """Raise a DataError that names the first row without a known kind."""
    bad = (kinds == "").to_numpy()
    if bad.any():
        line, value = column.index[bad][0], column[bad].iloc[0]
        label = "is empty" if pd.isna(value) or not str(value).strip() else f"{value!r} is unknown"
        raise DataError(
            f"{told}: row {line}: {column.name} {label}: kinds are target, target repeat, filler, "
            "vigilance repeat, blank"
        )


def _possible(outcome: pd.Series, of_repeat: pd.Series, kinds: pd.Series, told: str) -> None:
    again = kinds.isin([REPEAT, VIGILANCE])
    wrong = (kinds.isin([TARGET, FILLER]) | again) & (again != of_repeat)
    if wrong.any():
        line, value, kind = outcome.index[wrong][0], outcome[wrong].iloc[0], kinds[wrong].iloc[0]
        raise DataError(
            f"{told}: row {line}: {outcome.name} {value} cannot be of a {kind}: hits and misses "
            "are of repeats, false alarms and correct rejections of first showings"
        )


def _known(
    codes: pd.Series, known: Mapping[str, object], name: str, meaning: str, told: str
) -> None:
    bad = ~codes.isin(list(known)).to_numpy()
    if bad.any():
        value = codes[bad].iloc[0]
        label = f"{value!r} is an unknown code" if value else "is empty"
        raise DataError(f"{told}: row {codes.index[bad][0]}: {name} {label}; codes are {meaning}")
