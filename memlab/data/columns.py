"""Common column names of memorability tables, and the search for a column by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from memlab.data.table_rows import listed
from memlab.errors import DataError, did_you_mean

IMAGES = (
    "image", "image_path", "img_path", "path", "file_path", "filepath", "filename", "file_name",
    "file", "image_file", "image_filename", "imagefile", "image_name", "imagename", "img_name",
    "img", "picture", "picture_path", "photo", "stimulus", "stim", "stimulus_name", "impath",
    "image_id",
)  # fmt: skip
"""Names of columns of image paths; the first that a table has is used."""

PLAIN = ("score", "memorability_score", "memorability", "mem_score", "memscore", "mem",
         "image_memorability")  # fmt: skip
HIT_RATES = ("hit_rate", "hitrate", "hr", "target_hr", "memorability_wo_fa_correction",
             "memoir_mem_score_nfa")  # fmt: skip
CORRECTED = ("memorability_w_fa_correction", "memoir_mem_score_yfa", "hit_minus_false_alarm",
             "corrected_recognition", "crr", "target_crr", "cr", "corrected", "hr_minus_far",
             "hit_rate_minus_false_alarm_rate")  # fmt: skip
"""Names of columns of hit rate minus false-alarm rate, which lies between -1 and 1."""
SCORES = (*PLAIN, *HIT_RATES, *CORRECTED)
"""Names of columns of scores: plain scores, hit rates, and hit rates minus false-alarm rates.

The first that a table has is used.
"""

COUNTS = {
    "hits": ("hits", "nhits", "n_hits", "num_hits", "hit_count", "target_hit", "target_hits"),
    "misses": ("misses", "nmisses", "n_misses", "num_misses", "miss_count", "target_miss",
               "target_misses"),
    "n": ("n", "nresp", "n_resp", "n_responses", "num_responses", "n_observers", "nobs",
          "n_participants_target"),
    "false_alarms": ("false_alarms", "nfa", "n_fa", "n_false_alarms", "num_false_alarms",
                     "target_fa"),
    "correct_rejections": ("correct_rejections", "ncr", "n_cr", "n_correct_rejections",
                           "target_cr"),
}  # fmt: skip
"""Names of columns of response counts, by the name that memlab uses."""

PEOPLE = (
    "participant", "participant_id", "subject", "subject_id", "observer", "person", "worker",
    "worker_id", "workerid", "session", "user",
)  # fmt: skip
"""Names of columns that identify the participant."""


def normal(name: str) -> str:
    """Normalise a column name: `Hit Rate` and `hit-rate` both become `hit_rate`."""
    return re.sub(r"[\s\-.]+", "_", name.strip(" \t\xa0\ufeff\"'").lower())


@dataclass(frozen=True)
class Column:
    """Column that was found, and the other candidates.

    Args:
        name: the name as the table spells it.
        others: names of other columns that also match a common name.
    """

    name: str
    others: tuple[str, ...] = ()


def named(names: Sequence[str], wanted: str, told: str) -> str:
    """Return the column that a user names, ignoring case.

    Raises:
        DataError: if there is no such column; lists the closest name and all columns.
    """
    if wanted in names:
        return wanted
    same = [name for name in names if normal(name) == normal(wanted)]
    if len(same) == 1:
        return same[0]
    hint = did_you_mean(wanted, names)
    raise DataError(f"{told}: no column {wanted!r}{hint} (columns: {listed(names)})")


def usual(names: Sequence[str], known: Sequence[str], told: str, option: str = "") -> Column | None:
    """Return the first column with a common name, and all other candidates; None without any.

    Raises:
        DataError: if two columns differ only by case or spaces.
    """
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault(normal(name), []).append(name)
    found = [by_name[name] for name in known if name in by_name]
    if not found:
        return None
    if len(found[0]) > 1:
        one, two = found[0][:2]
        remedy = f"give {option} NAME" if option else "rename one"
        raise DataError(f"{told}: which column is meant, {one!r} or {two!r}? {remedy}")
    return Column(found[0][0], tuple(name for group in found[1:] for name in group))


def canonical(frame: pd.DataFrame, name: str) -> str | None:
    """Return the column of a table that is spelled as `name` in any case, or None."""
    if name in frame:
        return name
    return next((str(column) for column in frame.columns if normal(str(column)) == name), None)


def is_counts(column: pd.Series) -> bool:
    """Return whether a column of text holds only whole numbers from 0, and at least one."""
    numbers = pd.to_numeric(column, errors="coerce")
    known = numbers[column.notna()]
    return len(known) > 0 and bool(((known >= 0) & (known % 1 == 0)).all())
