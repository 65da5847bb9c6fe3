"""Trials to answers: which keys count for which image, and what was counted, in words."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from memlab.ceiling.people_rules import people_of
from memlab.ceiling.responses import Responses
from memlab.ceiling.trial_columns import FILLER, REPEAT, TARGET, VIGILANCE
from memlab.ceiling.trial_table import Trials
from memlab.errors import DataError
from memlab.numbers import number

Blank = Literal["counts", "ignored"]
RULES: dict[Blank, str] = {
    "counts": "a key pressed in the blank after an image counts for that image",
    "ignored": "a key counts only while its image is shown; keys in the blank are ignored",
}
"""Counting rules of `--blank`, by name."""


def responses_of_trials(trials: Trials, blank: Blank = "counts") -> Responses:
    """Return the answers to target repeats and their first showings, and to vigilance repeats.

    Args:
        trials: all trials.
        blank: counting rule, a name of `RULES`.

    Raises:
        DataError: if there is no target repeat, or the table does not tell keys in blanks apart
            and they are to be ignored.
    """
    rows = trials.rows
    if blank == "ignored" and not trials.blanks:
        raise DataError(
            f"{trials.origin}: --blank ignored needs a table that tells keys in the blank from "
            "keys during the image: rows of blanks, a column pressed_in_blank, or --shown MS with "
            "a column rt"
        )
    both = rows["pressed"] | rows["in_blank"]
    rows = rows.assign(said=(both if blank == "counts" else rows["pressed"]).astype(float))
    by_kind = {kind: rows[rows["kind"] == kind] for kind in (TARGET, REPEAT, FILLER, VIGILANCE)}
    repeats = by_kind[REPEAT]
    if repeats.empty:
        found = ", ".join(f"{len(part)} {kind}s" for kind, part in by_kind.items() if len(part))
        raise DataError(
            f"{trials.origin}: no target is repeated, so there are no hits (found: {found}); if "
            "targets come back soon, lower --vigilance-lag"
        )
    people, images = sorted(repeats["person"].unique()), sorted(repeats["image"].unique())
    first = by_kind[TARGET]
    known = first["image"].isin(images) & first["person"].isin(people)
    left_out = dict(trials.left_out)
    if not known.all():
        left_out["first showings without a repeat"] = int((~known).sum())
    vigilance = by_kind[VIGILANCE]
    vigilance = vigilance[vigilance["person"].isin(people)]

    def part(of: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "person": pd.Categorical(of["person"], people).codes.astype(np.int64),
                "image": pd.Categorical(of["image"], images).codes.astype(np.int64),
                "said": of["said"].to_numpy(),
                "lag": of["lag"].to_numpy(),
            }
        )

    again = rows["kind"].isin([REPEAT, VIGILANCE])
    return Responses(
        people,
        images,
        part(repeats),
        part(first[known]),
        trials.origin,
        left_out,
        part(vigilance).assign(image=vigilance["image"].to_numpy()) if len(vigilance) else None,
        people_of(rows["person"], rows["said"], again, rows["kind"] == VIGILANCE),
        (*_counts(trials, by_kind), *_rule(trials, repeats, blank), *_remarks(trials, images)),
    )


def _counts(trials: Trials, by_kind: dict[str, pd.DataFrame]) -> list[str]:
    counts = ", ".join(f"{len(part)} {kind}s" for kind, part in by_kind.items() if len(part))
    people = trials.rows["person"].nunique()
    lags = []
    for kind in (REPEAT, VIGILANCE):
        lag = by_kind[kind]["lag"].dropna()
        if len(lag):
            low, high = lag.min(), lag.max()
            lags.append(f"{kind}s at lag{f's {low:g} to' * int(low < high)} {high:g}")
    others = " and ".join(f"{kind}s" for kind in (FILLER, VIGILANCE) if len(by_kind[kind]))
    return [
        f"trial table: {trials.layout}",
        f"{people} people, {len(trials.rows)} trials: {counts}"
        + (f"; {others} are in no score" if others else ""),
        *(["; ".join(lags)] if lags else []),
    ]


def _rule(trials: Trials, repeats: pd.DataFrame, blank: Blank) -> list[str]:
    if not trials.blanks:
        return ["counting rule: the table does not tell keys in the blank apart; every key counts"]
    other = "ignored" if blank == "counts" else "counts"
    both = repeats.assign(both=repeats["pressed"] | repeats["in_blank"])
    rate = both.groupby("image")[["both", "pressed"]].mean().mean()
    rates = (
        f"mean hit rate {number(rate['both'], 3)} with keys in the blank, "
        f"{number(rate['pressed'], 3)} without"
    )
    lines = [f"counting rule: {RULES[blank]} (--blank {other} for the other); {rates}"]
    if trials.unsure:
        lines.append(
            f"{trials.unsure} trials have a key in the blank, and the table does not tell whether "
            "a key was also pressed during the image: without keys in the blank they count as not "
            "pressed, so that hit rate is a lower bound"
        )
    return lines


def _remarks(trials: Trials, images: list[str]) -> list[str]:
    lines = list(trials.notes)
    if trials.stray:
        row, person = trials.stray[0]
        keys = "key was" if len(trials.stray) == 1 else "keys were"
        lines.append(
            f"{len(trials.stray)} {keys} pressed outside every window: not counted for any image "
            f"(first: row {row}, person {person})"
        )
    never = sorted(set(trials.rows["image"]) - set(images))
    if never:
        shown = ", ".join(never[:3]) + (", ..." if len(never) > 3 else "")
        lines.append(
            f"{len(never)} images were never repeated as a target, so they have no score: {shown}"
        )
    return lines
