"""Trials of a continuous recognition game in one form, whatever the layout of the file.

Readers return *events*: one row per image or blank, in file order. `trials_of_events` joins each
blank to the image before it, finds kinds that the table does not name, and computes lags.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from memlab.ceiling.trial_columns import BOTH, FILLER, PRACTICE, REPEAT, TARGET, VIGILANCE
from memlab.errors import DataError

SHORT_LAG = 10
"""Repeats at lags up to this are vigilance repeats, if the table does not name kinds."""


@dataclass(frozen=True)
class Events:
    """Rows of a trial table.

    Args:
        rows: `row` (line of the file), `person`, `image` (path; "" for a blank), `kind` (see
            `trial_columns`; "" if the table does not tell), `order` (a number, ascending within a
            person), `pressed` (a key during this row), `in_blank` (a key in the blank after it),
            `lag` (NaN if the table has none), `left_out` (reason why the row is no answer, or "").
        layout: what the table is, in words.
        blanks: whether `in_blank` is known.
        joined: whether `pressed` may include a key in the blank, where `in_blank` is true.
        stray: row and person of each key outside every window that the reader found.
        notes: notes of the reader.
    """

    rows: pd.DataFrame
    layout: str
    blanks: bool = False
    joined: bool = False
    stray: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trials:
    """Trials of a game: every image that a person was shown.

    Args:
        rows: `row`, `person`, `position` (0 for a person's first image), `image`, `kind` (`target`,
            `target repeat`, `filler`, `vigilance repeat`), `pressed` (a key while the image was
            shown), `in_blank` (a key in the blank after it), `lag` (images from the first showing
            to this repeat; NaN for others).
        origin: name of the file.
        layout: what the table is, in words.
        blanks: whether the table tells keys in blanks from keys during images.
        unsure: number of trials with a key in the blank, where the table does not tell whether a
            key was also pressed during the image. `pressed` is false there.
        stray: row and person of each key outside every window.
        left_out: number of rows that were left out, by reason.
        notes: notes for the reader.
    """

    rows: pd.DataFrame
    origin: str
    layout: str
    blanks: bool
    unsure: int = 0
    stray: tuple[tuple[int, str], ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def trials_of_events(events: Events, origin: str, short_lag: int | None = None) -> Trials:
    """Return the trials of a table's rows.

    Args:
        events: the rows.
        origin: name of the file, for errors.
        short_lag: repeats at lags up to this are vigilance repeats, if the table does not name
            kinds.

    Raises:
        DataError: if there are no images, a trial is listed twice (the message names its row), or
            `short_lag` is given and the table names kinds.
    """
    rows = events.rows.reset_index(drop=True)
    people = pd.factorize(rows["person"])[0]
    # Stable: rows of equal order keep the order of the file.
    rows = rows.assign(code=people).sort_values(["code", "order"], kind="stable")
    rows = rows.reset_index(drop=True)
    _listed_once(rows, origin)
    is_image = (rows["image"] != "").to_numpy()
    if not is_image.any():
        raise DataError(
            f"{origin}: no row shows an image: name its column, --data.source.image NAME"
        )
    if short_lag is not None and (rows["kind"][is_image] != "").any():
        raise DataError(
            f"{origin}: --vigilance-lag has nothing to do here: the table names kinds of trials"
        )
    # The image before each blank: the last image row of the same person.
    last = pd.Series(np.where(is_image, np.arange(len(rows)), np.nan))
    last = last.groupby(rows["code"]).ffill()
    in_gap = ~is_image & rows["pressed"].to_numpy(bool)
    before = rows[in_gap & last.isna()]
    stray = (*events.stray, *zip(before["row"], before["person"], strict=True))
    in_blank = rows["in_blank"].to_numpy(bool, copy=True)
    in_blank[last[in_gap].dropna().to_numpy(int)] = True

    pressed = rows["pressed"].to_numpy(bool)
    unsure = np.zeros(len(rows), bool)
    if events.joined and in_blank.any() and pressed[in_blank].all():
        unsure = in_blank
    rows = rows.assign(in_blank=in_blank, pressed=pressed & ~unsure)[is_image]
    rows = rows.reset_index(drop=True)
    rows["position"] = rows.groupby("code").cumcount()
    rows = rows.rename(columns={"lag": "given"})
    rows, notes = _with_kinds(rows, SHORT_LAG if short_lag is None else short_lag)
    practice = (rows["kind"] == PRACTICE) & (rows["left_out"] == "")
    rows["left_out"] = rows["left_out"].mask(practice, PRACTICE)
    again = rows["kind"].isin([REPEAT, VIGILANCE])
    rows["lag"] = rows["given"].where(rows["given"].notna(), rows["step"]).where(again)
    counts = rows["left_out"].value_counts()
    left_out = {str(reason): int(count) for reason, count in counts.items() if reason}
    rows = rows[rows["left_out"] == ""].reset_index(drop=True)
    _answered_once(rows, origin)
    columns = ["row", "person", "position", "image", "kind", "pressed", "in_blank", "lag"]
    return Trials(
        rows[columns], origin, events.layout, events.blanks or not is_image.all(),
        int(unsure.sum()), stray, left_out, (*events.notes, *notes),
    )  # fmt: skip


def _with_kinds(rows: pd.DataFrame, short_lag: int) -> tuple[pd.DataFrame, list[str]]:
    """Return rows with kinds, and `step`: images since the image's first showing to the person."""
    showing = rows.groupby(["code", "image"]).cumcount()
    first = rows.groupby(["code", "image"])["position"].transform("min")
    rows = rows.assign(step=(rows["position"] - first).where(showing > 0).astype(float))
    named = rows["kind"] != ""
    if named.all() and (rows["kind"].isin([REPEAT, VIGILANCE])).any():
        kind = rows["kind"].mask((rows["kind"] == BOTH) & (showing == 0), FILLER)
        return rows.assign(kind=kind.replace({BOTH: VIGILANCE})), _first_showings(rows)
    kind = rows["kind"].copy()
    vigilance = (showing > 0) & (rows["kind"].isin([BOTH, FILLER]))
    by_lag = not named.any()
    if by_lag:
        vigilance = (showing > 0) & (rows["step"] <= short_lag)
    second = pd.Series(np.where(vigilance, VIGILANCE, REPEAT), index=rows.index)
    repeated = rows.assign(second=second)[showing == 1].set_index(["code", "image"])["second"]
    pairs = pd.MultiIndex.from_frame(rows[["code", "image"]])
    target = (repeated.reindex(pairs) == REPEAT).to_numpy()
    # A target that was never repeated is still a target, if the table names it.
    target = target | (kind == TARGET).to_numpy()
    first_kind = pd.Series(np.where(target, TARGET, FILLER), rows.index)
    kind = second.where(showing > 0, first_kind).mask(rows["kind"] == PRACTICE, PRACTICE)
    later = (showing > 1) & (rows["left_out"] == "")
    rows = rows.assign(
        kind=kind, left_out=rows["left_out"].mask(later, "third and later showings of an image")
    )
    notes = ["first showings and repeats follow from the order of each person's rows"]
    if by_lag:
        notes.append(
            f"the table does not name kinds: repeats at lags up to {short_lag} are vigilance "
            "repeats (--vigilance-lag N), images that are not repeated are fillers"
        )
    return rows, notes


def _first_showings(rows: pd.DataFrame) -> list[str]:
    notes = []
    for kind in (REPEAT, VIGILANCE):
        lost = rows[(rows["kind"] == kind) & rows["step"].isna() & rows["given"].isna()]
        if len(lost):
            row = lost.iloc[0]
            notes.append(
                f"{len(lost)} {kind}s have no earlier showing, so no lag (first: row {row['row']}, "
                f"{row['person']}, {row['image']})"
            )
    return notes


def _listed_once(rows: pd.DataFrame, origin: str) -> None:
    again = rows.duplicated(["code", "order", "image"]) & rows["order"].notna()
    if again.any():
        row = rows[again].iloc[0]
        same = (rows["code"] == row["code"]) & (rows["order"] == row["order"])
        raise DataError(
            f"{origin}: row {row['row']}: trial {row['order']:g} of person {row['person']} "
            f"({row['image'] or 'a blank'}) is listed before, in row {rows[same].iloc[0]['row']}: "
            "keep one"
        )


def _answered_once(rows: pd.DataFrame, origin: str) -> None:
    scored = rows[rows["kind"].isin([TARGET, REPEAT])]
    again = scored.duplicated(["person", "image", "kind"])
    if again.any():
        row = scored[again].iloc[0]
        same = scored[(scored["person"] == row["person"]) & (scored["image"] == row["image"])]
        earlier = same.loc[same["kind"] == row["kind"], "row"].iloc[0]
        raise DataError(
            f"{origin}: row {row['row']}: person {row['person']} was shown {row['image']} as "
            f"{row['kind']} before, in row {earlier}: keep one trial of each kind per person and "
            "image, or choose rows with --only COLUMN=VALUE"
        )
