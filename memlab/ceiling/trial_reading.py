"""Reading of a trial table in any layout."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from memlab.ceiling.jspsych import from_jspsych
from memlab.ceiling.responses import rows_with
from memlab.ceiling.trial_events import TrialOptions
from memlab.ceiling.trial_formats import Reader, coded, in_sequences, in_words
from memlab.ceiling.trial_table import Trials, trials_of_events
from memlab.data.tables import TextTable
from memlab.errors import DataError

READERS: tuple[Reader, ...] = (in_sequences, from_jspsych, coded, in_words)
"""Readers in the order in which they are asked; each returns None for another layout."""


_NOTES = 8
"""Notes of several files that are shown."""


def read_trials(
    text: TextTable,
    options: TrialOptions,
    only: list[tuple[str, str]] | None = None,
    short_lag: int | None = None,
) -> Trials | None:
    """Read a trial table: every image that each person was shown, and when keys were pressed.

    Args:
        text: the table.
        options: what the user says about it.
        only: pairs of column and value; only rows with these values are kept.
        short_lag: see `trials_of_events`.

    Returns:
        The trials, or None if the table is no trial table.

    Raises:
        DataError: if a cell is invalid; the message names the file, the row and the value.
    """
    frame, told = text.values(), str(text.path)
    frame = rows_with(frame, only or [], list(frame.columns), told)
    for reader in READERS:
        events = reader(frame, options, told)
        if events is not None:
            return trials_of_events(events, told, short_lag)
    return None


def joined(parts: list[Trials], origin: str) -> Trials:
    """Return the trials of several files, one or more people each.

    Args:
        parts: trials of the files.
        origin: name of the folder.

    Raises:
        DataError: if a person occurs in two files.
    """
    owner: dict[str, str] = {}
    for part in parts:
        for person in part.rows["person"].unique():
            if owner.setdefault(person, part.origin) != part.origin:
                raise DataError(
                    f"{part.origin}: person {person} is in {owner[person]}, too: keep one file per "
                    "person, or remove the column of people, and the file name is the person"
                )
    left_out: Counter[str] = Counter()
    for part in parts:
        left_out.update(part.left_out)
    return Trials(
        pd.concat([part.rows for part in parts], ignore_index=True),
        origin,
        f"{parts[0].layout} ({len(parts)} files)",
        all(part.blanks for part in parts),
        sum(part.unsure for part in parts),
        tuple(key for part in parts for key in part.stray),
        dict(left_out),
        tuple(_by_file(Counter(note for part in parts for note in part.notes), len(parts))),
    )


def _by_file(notes: Counter[str], files: int) -> list[str]:
    said = [
        note if count == files else f"{note} (in {count} file{'s' * (count > 1)})"
        for note, count in notes.most_common(_NOTES)
    ]
    more = len(notes) - len(said)
    return [*said, *([f"{more} more such notes on single files"] if more > 0 else [])]
