"""Layouts of trial tables that memlab reads: codes, names, no kinds, and a row per person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.ceiling.responses import COLUMNS
from memlab.ceiling.trial_columns import (
    BLANK,
    CODES,
    DURATION,
    GAP,
    IMAGE,
    KIND,
    ORDER,
    PERF,
    PERSON,
    REPEAT,
    RESPONSE,
    RT,
    VIGILANCE,
    code_of,
    column_of,
    kinds_of,
    presses_of,
)
from memlab.ceiling.trial_table import Events
from memlab.data.columns import named, normal
from memlab.data.table import numbers
from memlab.data.table_rows import listed
from memlab.errors import DataError

_TWICE = 0.1
"""Share of second showings from which a table without kinds is taken as a trial table."""


@dataclass(frozen=True)
class TrialOptions:
    """What a user says about a trial table.

    Args:
        columns: names of the columns `participant`, `image`, `response`, `lag`, where unusual.
        keys: keys that mean "seen before"; by default any key.
        window: milliseconds after which a key is outside every window.
        shown: milliseconds for which an image is shown; later keys are keys in the blank.
    """

    columns: dict[str, str | None]
    keys: tuple[str, ...] = ()
    window: float | None = None
    shown: float | None = None


Reader = Callable[[pd.DataFrame, TrialOptions, str], Events | None]
"""Function from a table of text, by line, to its events; None if the layout is another."""


def coded(frame: pd.DataFrame, options: TrialOptions, told: str) -> Events | None:
    """Read codes `type` (0 to 4) and `perf` (11 to 14), one row per image, blanks optional."""
    header = list(frame.columns)
    kind, perf = column_of(header, ("type", "imtype")), column_of(header, ("perf",))
    person, image = found(frame, "participant", options, told), found(frame, "image", options, told)
    if not (kind and perf and person and image):
        return None
    codes, outcome = code_of(frame[kind]), code_of(frame[perf])
    _known(codes, CODES, kind, "0 blank, 1 target, 2 its repeat, 3 filler, 4 vigilance repeat",
           told)  # fmt: skip
    gap = codes == "0"
    meaning = "11 hit, 12 miss, 13 false alarm, 14 correct rejection"
    _known(outcome[~gap], PERF, perf, meaning, told)
    _known(outcome[gap], {**PERF, "0": False}, perf, f"0 no key, {meaning}", told)
    kinds = codes.map(CODES)
    again = kinds.isin([REPEAT, VIGILANCE])
    wrong = ~gap & (again != outcome.isin(["11", "12"]))
    if wrong.any():
        line = frame.index[wrong][0]
        raise DataError(
            f"{told}: row {line}: {perf} {outcome[line]} cannot be of a {kinds[line]} ({kind} "
            f"{codes[line]}): hits and misses are of repeats, the others of first showings"
        )
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
    elif column_of([kind], ("role",)) and not frame.duplicated([person, image]).any():
        return None  # answers to repeats alone, with the role of each image
    else:
        layout = f"kinds in column {kind}, responses in column {response}"
        require_kinds(frame[kind], kinds, told)
    pressed = presses_of(frame[response], told, options.keys)
    return events_of(frame, person, image, kinds, pressed.pressed, options, told, layout)


def in_sequences(frame: pd.DataFrame, options: TrialOptions, told: str) -> Events | None:
    """Read a row per person, whose cells list images, types and outcomes with commas between."""
    ends = {normal(name).rpartition("answer_")[2]: name for name in frame.columns}
    images = column_of(list(ends), ("imseq", "imseqstring", "imageseq", "img"))
    types = column_of(list(ends), ("imtypeseq", "typeseqstring", "typeseq"))
    outcomes = column_of(list(ends), ("perfseq", "keypressseqstring", "keypresssequence"))
    if not (images and types and outcomes):
        return None
    frame = frame[frame[ends[images]].notna()]
    person = column_of(list(frame.columns), PERSON)
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
    return events and Events(
        events.rows, layout, events.joined, events.stray,
        (*events.notes, *(() if person else ("people have the numbers of their rows",))),
    )  # fmt: skip


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


def events_of(
    frame: pd.DataFrame,
    person: str,
    image: str,
    kinds: pd.Series,
    pressed: pd.Series,
    options: TrialOptions,
    told: str,
    layout: str,
) -> Events:
    """Return events from a table with a row per image or blank.

    Args:
        frame: the table.
        person: column of people.
        image: column of images; not read where the kind is a blank.
        kinds: (rows,) kind of each row, or "".
        pressed: (rows,) whether a key was pressed.
        options: what the user says.
        told: name of the file.
        layout: the layout in words.

    Raises:
        DataError: if a row lacks a person or an image.
    """
    header = list(frame.columns)
    gap = (kinds == GAP).to_numpy()
    for name, needed in ((person, ~gap | gap), (image, ~gap)):
        empty = frame[name].isna().to_numpy() & needed
        if empty.any():
            raise DataError(f"{told}: row {frame.index[empty][0]}: no {name}")
    lag = options.columns.get("lag") or column_of(header, ("lag",))
    lags = numbers(frame[named(header, lag, told)], told) if lag else np.nan
    blank, notes = column_of(header, BLANK), []
    in_blank = presses_of(frame[blank], told).pressed if blank else pd.Series(False, frame.index)
    time = column_of(header, RT)
    keys = pressed.to_numpy(bool)
    stray = 0
    if time:
        rt = numbers(frame[time].where(pressed), told)
        length = column_of(header, DURATION)
        limit = numbers(frame[length], told) if length else np.inf
        outside = keys & ((rt < 0) | (rt > np.minimum(limit, options.window or np.inf))).to_numpy()
        stray, keys = int(outside.sum()), keys & ~outside
        if options.shown is not None:
            in_blank |= keys & (rt > options.shown) & ~gap
            keys = keys & ~in_blank.to_numpy()
    elif options.window is not None or options.shown is not None:
        raise DataError(
            f"{told}: --window and --shown need a column of response times, such as rt (columns: "
            f"{listed(header)})"
        )
    order, more = _order(frame, person, gap, told)
    notes += more
    rows = pd.DataFrame(
        {
            "row": frame.index,
            "person": frame[person].astype(str).to_numpy(),
            "image": frame[image].fillna("").mask(gap, "").to_numpy(),
            "kind": kinds.to_numpy(),
            "order": order,
            "pressed": keys,
            "in_blank": in_blank.to_numpy(bool),
            "lag": np.asarray(lags, float),
            "left_out": _marked(frame, told),
        }
    )
    return Events(rows, layout, bool(blank) and options.shown is None, stray, tuple(notes))


def _order(
    frame: pd.DataFrame, person: str, gap: np.ndarray, told: str
) -> tuple[np.ndarray, list[str]]:
    name = column_of(list(frame.columns), ORDER)
    file_order = np.arange(len(frame), dtype=float)
    if not name:
        return file_order, []
    order = numbers(frame[name], told)
    if order.isna().any():
        return file_order, [f"column {name} has empty cells: rows are taken in the file's order"]
    keys = pd.DataFrame({"person": frame[person], "order": order, "gap": gap})
    if keys.duplicated().mean() > _TWICE:  # a few repeated numbers are repeated trials
        return file_order, [f"column {name} starts again: rows are taken in the file's order"]
    return order.to_numpy(), []


def _marked(frame: pd.DataFrame, told: str) -> np.ndarray:
    reasons = np.full(len(frame), "", dtype=object)
    for mark in ("flagged", "excluded"):
        name = column_of(list(frame.columns), (mark,))
        if name:
            marked = presses_of(frame[name].fillna("0"), told).pressed.to_numpy()
            reasons[marked] = mark
    return reasons


def _known(codes: pd.Series, known: dict[str, object], name: str, meaning: str, told: str) -> None:
    bad = ~codes.isin(list(known)).to_numpy()
    if bad.any():
        value = codes[bad].iloc[0]
        label = f"{value!r} is an unknown code" if value else "is empty"
        raise DataError(f"{told}: row {codes.index[bad][0]}: {name} {label}; codes are {meaning}")
