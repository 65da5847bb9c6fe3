"""Counts of hits and false alarms per image, and the scores derived from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memlab.ceiling.recognition import criterion, d_prime, hit_rate
from memlab.ceiling.responses import Responses
from memlab.data.table import Table, numbers
from memlab.errors import DataError
from memlab.stats.measures import Array

_FIRST = ("false_alarms", "first_showings")


def scores_of_responses(responses: Responses) -> pd.DataFrame:
    """Return counts and scores of each repeated image, in the order of `responses.images`.

    Returns:
        Columns `image`, `hits`, `n`, `hit_rate`; if there are answers to first showings, also
        `false_alarms`, `first_showings`, `false_alarm_rate`, `hit_minus_false_alarm`, `d_prime`,
        `criterion`.
    """
    images = len(responses.images)

    def counted(rows: pd.DataFrame) -> tuple[Array, Array]:
        image = rows["image"].to_numpy()
        said = np.bincount(image, rows["said"].to_numpy(), images).astype(float)
        return said, np.bincount(image, minlength=images).astype(float)

    hits, n = counted(responses.repeats)
    scores = pd.DataFrame({"image": responses.images, "hits": hits.astype(int), "n": n.astype(int)})
    scores["hit_rate"] = hit_rate(hits, n)
    if len(responses.first):
        _add_detection(scores, *counted(responses.first))
    return scores


def has_counts(table: Table) -> bool:
    """Return whether a table has the counts that `scores_of_counts` needs."""
    return "hits" in table.rows and bool({"n", "misses"} & set(table.rows.columns))


def scores_of_counts(table: Table) -> tuple[pd.DataFrame, int]:
    """Return counts and scores of each image of a table, as `scores_of_responses` does.

    Args:
        table: table with columns `hits` and `n`, or `hits` and `misses`; `false_alarms` are counted
            among n first showings, or among `false_alarms` + `correct_rejections`.

    Returns:
        The scores, by the table's index, and the number of images without counts.

    Raises:
        DataError: if the counts of an image are impossible, or an image is listed twice; the
            message names the image.
    """
    rows = table.rows
    if rows["id"].duplicated().any():
        twice = rows.loc[rows["id"].duplicated(), "id"].iloc[0]
        raise DataError(f"{table.origin}: {twice} is listed twice: add its counts up")
    columns = {"image": rows["id"], "hits": _whole(table, "hits")}
    columns["n"] = _whole(table, "n") if "n" in rows else columns["hits"] + _whole(table, "misses")
    scores = pd.DataFrame(columns)
    false_alarms = _whole(table, "false_alarms") if "false_alarms" in rows else None
    if false_alarms is not None:
        rejected = "correct_rejections" in rows
        first = false_alarms + _whole(table, "correct_rejections") if rejected else scores["n"]
        first = first.where(false_alarms.notna())
        scores = scores.assign(**dict(zip(_FIRST, (false_alarms, first), strict=True)))
    known = scores[["hits", "n"]].notna().all(axis=1)
    scores = scores[known]
    for part, whole in (("hits", "n"), _FIRST):
        if part in scores and (scores[part] > scores[whole]).any():
            row = scores[scores[part] > scores[whole]].iloc[0]
            what = part.replace("_", " ")
            raise DataError(
                f"{table.origin}: {row['image']}: {row[part]:g} {what} of {row[whole]:g} responses "
                "cannot be"
            )
    scores = scores[scores["n"] > 0]
    missing = len(rows) - len(scores)
    if scores.empty:
        raise DataError(f"{table.origin}: no image has hits and n")
    detection = [scores[name].to_numpy() for name in _FIRST if name in scores]
    rates = hit_rate(scores["hits"].to_numpy(), scores["n"].to_numpy())
    scores = scores[["image", "hits", "n"]].assign(hit_rate=rates)
    if detection:
        _add_detection(scores, *detection)
    return scores.astype({"hits": int, "n": int}), missing


def _add_detection(scores: pd.DataFrame, false_alarms: Array, first: Array) -> None:
    hits, n = scores["hits"].to_numpy(float), scores["n"].to_numpy(float)
    for name, count in zip(_FIRST, (false_alarms, first), strict=True):
        scores[name] = pd.Series(count, index=scores.index).astype("Int64")
    scores["false_alarm_rate"] = hit_rate(false_alarms, first)
    scores["hit_minus_false_alarm"] = scores["hit_rate"] - scores["false_alarm_rate"]
    scores["d_prime"] = d_prime(hits, n, false_alarms, first)
    scores["criterion"] = criterion(hits, n, false_alarms, first)


def _whole(table: Table, name: str) -> pd.Series:
    column = numbers(table.rows[name], table.origin)
    bad = column.notna() & ((column < 0) | (column % 1 != 0))
    if bad.any():
        row = table.rows[bad].iloc[0]
        raise DataError(f"{table.origin}: {row['id']}: {name} {row[name]:g} is not a whole number")
    return column
