"""Events of a table with a row per image or blank: order, lags, response times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.ceiling.trial_columns import (
    BLANK,
    DURATION,
    GAP,
    ORDER,
    RT,
    column_of,
    is_filled,
    presses_of,
)
from memlab.ceiling.trial_table import Events
from memlab.data.columns import named
from memlab.data.table import numbers
from memlab.data.table_rows import listed
from memlab.errors import DataError

_SECONDS = 10
"""Median response time below which times are taken as seconds: nobody answers in 10 ms."""
_RESTARTS = 0.1
"""Share of repeated trial numbers from which they are taken to start again in each block."""


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
            line = frame.index[empty][0]
            raise DataError(f"{told}: row {line}: no {name}: fill it in, or remove the row")
    lag = options.columns.get("lag") or column_of(header, ("lag",))
    lags = numbers(frame[named(header, lag, told)], told) if lag else np.nan
    blank, notes = column_of(header, BLANK), []
    in_blank = presses_of(frame[blank], told).pressed if blank else pd.Series(False, frame.index)
    time = column_of(header, RT)
    keys = pressed.to_numpy(bool)
    outside = np.zeros(len(frame), bool)
    if time:
        rt = numbers(frame[time].where(pressed), told)
        _require_milliseconds(rt, time, options, told)
        length = column_of(header, DURATION)
        limit = numbers(frame[length], told) if length else np.inf
        outside = keys & ((rt < 0) | (rt > np.minimum(limit, options.window or np.inf))).to_numpy()
        keys = keys & ~outside
        if options.shown is not None:
            in_blank |= keys & (rt > options.shown) & ~gap
            keys = keys & ~in_blank.to_numpy()
    elif options.window is not None or options.shown is not None:
        raise DataError(
            f"{told}: --window and --shown need a column of response times, such as rt (columns: "
            f"{listed(header)})"
        )
    order, more = _order(frame, person, gap)
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
            "left_out": _marked(frame),
        }
    )
    late = rows[outside]
    stray = tuple(zip(late["row"], late["person"], strict=True))
    in_column = bool(blank) and options.shown is None
    return Events(
        rows, layout, bool(blank) or options.shown is not None, in_column, stray, tuple(notes)
    )


def _require_milliseconds(rt: pd.Series, name: str, options: TrialOptions, told: str) -> None:
    middle = float(rt.median())
    if (options.window is not None or options.shown is not None) and 0 < middle < _SECONDS:
        raise DataError(
            f"{told}: column {name} looks like seconds (median {middle:.3g}), and --window and "
            "--shown are milliseconds: multiply the column by 1000"
        )


def _order(frame: pd.DataFrame, person: str, gap: np.ndarray) -> tuple[np.ndarray, list[str]]:
    name = column_of(list(frame.columns), ORDER)
    file_order = np.arange(len(frame), dtype=float)
    if not name:
        return file_order, []
    order = pd.to_numeric(frame[name], errors="coerce")
    if not np.isfinite(order).all():
        line = frame.index[~np.isfinite(order)][0]
        why = f"column {name} is no number in row {line}"
        return file_order, [f"{why}: rows are taken in the file's order"]
    keys = pd.DataFrame({"person": frame[person], "order": order, "gap": gap})
    if keys.duplicated().mean() > _RESTARTS:  # a few repeated numbers are repeated trials
        return file_order, [f"column {name} starts again: rows are taken in the file's order"]
    return order.to_numpy(), []


def _marked(frame: pd.DataFrame) -> np.ndarray:
    """Return why each row is left out: `excluded` or `flagged` by the experimenter, or ""."""
    reasons = np.full(len(frame), "", dtype=object)
    for mark in ("flagged", "excluded"):
        name = column_of(list(frame.columns), (mark,))
        if name:
            marked = is_filled(frame[name]).to_numpy()
            reasons[marked] = mark
    return reasons
