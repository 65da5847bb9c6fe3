"""Usual names of columns in the tables of the field, and which column of a table is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from memlab.data.tables import listed
from memlab.errors import DataError, did_you_mean

IMAGES = (
    "image", "image_path", "img_path", "path", "file_path", "filepath", "filename", "file_name",
    "file", "image_file", "image_filename", "imagefile", "image_name", "imagename", "img_name",
    "img", "image", "image_path", "photo", "stimulus", "stim", "stimulus_name", "impath",
    "image_id",
)  # fmt: skip
"""Of images; the first found is taken."""

PLAIN = ("score", "memorability_score", "memorability", "mem_score", "memscore", "mem",
         "image_memorability")  # fmt: skip
HIT_RATES = ("hit_rate", "hitrate", "hr", "target_hr", "memorability_wo_fa_correction",
             "memoir_mem_score_nfa")  # fmt: skip
CORRECTED = ("memorability_w_fa_correction", "memoir_mem_score_yfa", "hit_minus_false_alarm",
             "corrected_recognition", "crr", "target_crr", "cr")  # fmt: skip
SCORES = (*PLAIN, *HIT_RATES, *CORRECTED)
"""Of scores: named so, hit rates, and hit rates less false alarms; the first found is taken."""

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
"""Of counts of responses, by the name that memlab gives them."""

PEOPLE = (
    "participant", "participant_id", "subject", "subject_id", "observer", "person", "worker",
    "worker_id", "workerid", "session", "user",
)  # fmt: skip
"""Of people who answered."""


def normal(name: str) -> str:
    """A column's name without case, quotes and spaces: `Hit Rate` and `hit-rate` are `hit_rate`."""
    return re.sub(r"[\s\-.]+", "_", name.strip(" \t\xa0\ufeff\"'").lower())


@dataclass(frozen=True)
class Column:
    """A column that was found, and the others that could have been meant.

    Args:
        name: as the table spells it.
        others: of other columns with a usual name.
    """

    name: str
    others: tuple[str, ...] = ()


def named(names: Sequence[str], wanted: str, told: str) -> str:
    """The column that a user names, in any case.

    Raises:
        DataError: if there is none; with the closest, and all columns.
    """
    if wanted in names:
        return wanted
    same = [name for name in names if normal(name) == normal(wanted)]
    if len(same) == 1:
        return same[0]
    hint = did_you_mean(wanted, names)
    raise DataError(f"{told}: no column {wanted!r}{hint} (columns: {listed(names)})")


def usual(names: Sequence[str], known: Sequence[str], told: str, option: str = "") -> Column | None:
    """The first column with a usual name, and all others with one; None where there is none.

    Raises:
        DataError: if two columns differ by case or spaces alone.
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
    """The column that a table spells as `name`, in any case; None where there is none."""
    if name in frame:
        return name
    return next((str(column) for column in frame.columns if normal(str(column)) == name), None)


def is_counts(column: pd.Series) -> bool:
    """Whether a column of text holds whole numbers from 0, and at least one."""
    numbers = pd.to_numeric(column, errors="coerce")
    known = numbers[column.notna()]
    return len(known) > 0 and bool(((known >= 0) & (known % 1 == 0)).all())
