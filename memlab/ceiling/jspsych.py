"""Data of jsPsych games, as `jsPsych.data.get().csv()` writes them.

jsPsych writes a row per trial of its timeline: the image is one trial, the blank after it another.
`trial_type` is the plugin (`image-keyboard-response`), `stimulus` a path or HTML, `response` (until
version 6.2 `key_press`) the key or null, `rt` milliseconds or null. Other columns are properties
that the experimenter added; one of them may name the kind of each image.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace

import numpy as np
import pandas as pd

from memlab.ceiling.trial_columns import GAP, KINDS, column_of, presses_of
from memlab.ceiling.trial_events import TrialOptions, events_of
from memlab.ceiling.trial_formats import found, kind_column, require_kinds
from memlab.ceiling.trial_table import Events
from memlab.data.columns import named, normal
from memlab.errors import DataError
from memlab.image_files import endings

_IMG = re.compile(r"<img[^>]*?\bsrc\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_KEY = "response", "key_press"
_SPACE = "space"
_MARK = 2
"""Longest text of a blank: a fixation mark, such as +."""


def from_jspsych(frame: pd.DataFrame, options: TrialOptions, told: str) -> Events | None:
    """Read jsPsych's CSV file; see `trial_formats.Reader`."""
    header = list(frame.columns)
    plugin = column_of(header, ("trial_type",))
    index = column_of(header, ("trial_index", "trial_index_global", "time_elapsed"))
    stimulus = options.columns.get("image") or column_of(header, ("stimulus",))
    if not (plugin and index and stimulus):
        return None
    stimulus = named(header, stimulus, told)
    image = _images(frame[stimulus])
    if not (image != "").any():
        raise DataError(
            f"{told}: column {stimulus} names no image: give --data.source.image NAME, the column "
            "with paths"
        )
    person, notes = _people(frame, index, options, told)
    kind, kinds = kind_column(frame, {plugin, stimulus})
    gap = _blanks(frame[stimulus], image, None if kinds is None else kinds)
    trial = (image != "") | gap
    used = frame[trial]
    filled = [name for name in header if used[name].notna().any()]
    response = options.columns.get("response") or column_of(filled, _KEY)
    keys = _keys(used, response, told)
    buttons = used[plugin].str.contains("button", na=False).any()
    presses = presses_of(keys, told, options.keys, buttons=bool(buttons))
    if kinds is None:
        kinds, layout = pd.Series("", index=frame.index), "jsPsych data, without kinds"
    else:
        layout = f"jsPsych data, kinds in column {kind}"
        require_kinds(frame.loc[trial & ~gap, kind], kinds[trial & ~gap], told)
    others = frame.loc[~trial, plugin].fillna("no trial_type").value_counts()
    if len(others):
        shown = ", ".join(f"{name} {count}" for name, count in others.head(4).items())
        notes.append(f"{others.sum()} rows show no image and no blank, and are not read: {shown}")
    if presses.other.any():
        notes.append(f"{int(presses.other.sum())} presses of other keys are not counted")
    used = used.assign(**{"memlab person": person[trial], "memlab image": image[trial]})
    events = events_of(
        used, "memlab person", "memlab image", kinds[trial].mask(gap[trial], GAP), presses.pressed,
        options, told, layout,
    )  # fmt: skip
    return replace(events, notes=(*notes, *events.notes))


def _images(stimulus: pd.Series) -> pd.Series:
    """Return the path of the image in each cell: a path, or the src of an img tag; "" without."""
    suffixes = tuple(endings())

    def path(cell: str) -> str:
        tag = _IMG.search(cell)
        name = html.unescape(tag.group(1)) if tag else cell.strip("[]\"' ")
        name = name.partition("?")[0]
        return name if name.lower().endswith(suffixes) and "<" not in name else ""

    text = stimulus.fillna("")
    return text.map({cell: path(cell) for cell in text.unique()})


def _blanks(stimulus: pd.Series, image: pd.Series, kinds: pd.Series | None) -> pd.Series:
    """Return which rows are the blank after an image, or before the first.

    A blank is named as such by the experimenter, or shows a fixation image, a mark or nothing, and
    stands directly before or after an image.
    """
    text = stimulus.fillna("")
    bare = {cell: html.unescape(_TAG.sub("", cell)).strip() for cell in text.unique()}
    stem = image.map(
        {path: normal(path.rpartition("/")[2].rpartition(".")[0]) for path in set(image)}
    )
    fixation = stem.map(lambda name: KINDS.get(name) == GAP)
    empty = (image == "") & (text.map(bare).str.len() <= _MARK)
    shown = (image != "") & ~fixation
    beside = shown.shift(1, fill_value=False) | shown.shift(-1, fill_value=False)
    blank = fixation | (empty & beside)
    if kinds is not None:
        blank = (blank & (kinds == "")) | (kinds == GAP)
    image[blank] = ""
    return blank


def _keys(rows: pd.DataFrame, response: str, told: str) -> pd.Series:
    """Return the key of each row; an unnamed key with a response time is the space bar."""
    rt = column_of(list(rows.columns), ("rt",))
    if not (response or rt):
        raise DataError(f"{told}: which column holds the key? give --response NAME")
    keys = rows[response] if response else pd.Series(np.nan, rows.index, dtype=object, name=rt)
    if rt:
        timed = rows[rt].notna() & ~rows[rt].str.strip().isin(["", "-1"])
        keys = keys.where(keys.notna() | ~timed, _SPACE)
        keys = keys.where(timed, "")
    return keys


def _people(
    frame: pd.DataFrame, index: str, options: TrialOptions, told: str
) -> tuple[pd.Series, list[str]]:
    order = pd.to_numeric(frame[index], errors="coerce")
    games = (order.diff() < 0).cumsum() + 1
    name = found(frame, "participant", options, told)
    if name and frame[name].notna().any():
        # A property that is added late in the game is missing in its earlier rows.
        by_game = frame[name].groupby(games)
        return by_game.bfill().fillna(by_game.ffill()), []
    notes = [f"no column of people: {index} starts again {games.max() - 1} times, so there are "
             f"{games.max()} people, numbered from 1"]  # fmt: skip
    return games.astype(str), notes
