"""People's scores of images, with the noise ceiling where the answers behind them are known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from memlab.data.columns import SCORES, named, normal
from memlab.data.predictions import require_once
from memlab.data.tables import read_text_table
from memlab.errors import DataError
from memlab.image_files import what_is
from memlab.stats.measures import Array, Statistic

if TYPE_CHECKING:
    from memlab.ceiling.estimate import Ceiling
    from memlab.ceiling.responses import Responses
    from memlab.data.table import Table

# Modules that read tables of images import torch, which a comparison of finished tests never needs.

KINDS = {
    "hit_rate": "hit rate",
    "false_alarm_rate": "false alarm rate",
    "hit_minus_false_alarm": "hit − false alarm",
}
"""Columns of `scores_of_counts`, and what a noise ceiling calls these scores."""
OPTION = "--people"
_COUNTED = ("false_alarms", "first_showings")


@dataclass(frozen=True)
class People:
    """People's scores of images.

    Args:
        rows: columns `id`, `image` and `score`.
        root: folder that the images' paths are relative to.
        origin: file or tests that were read.
        column: name of the score.
        kind: key of `KINDS`, if the score is one of these; else None.
        counts: counts behind the scores, by id, as `scores_of_counts` returns them; or None.
        answers: the table of counts, or the answers of each person; None if neither is known.
    """

    rows: pd.DataFrame
    root: Path
    origin: str
    column: str
    kind: str | None = None
    counts: pd.DataFrame | None = None
    answers: Table | Responses | None = None

    @property
    def remembered(self) -> bool:
        """Whether a high score means that people remember the image."""
        if self.kind is None:
            return normal(self.column) in SCORES
        return self.kind != "false_alarm_rate"

    def ceiling(self, ids: Sequence[str]) -> Statistic:
        """Return the highest Spearman's rho that a perfect model can expect on some images.

        Args:
            ids: ids of the images.

        Returns:
            The ceiling, with the interval that contains 95 % of random halves; or the reason why it
            is not known.
        """
        n = len(ids)
        if self.answers is None:
            reason = "the scores come without counts (hits, n) and without answers of people"
            return Statistic(None, n, reason=reason)
        if self.kind is None:
            reason = f"{self.column} is none of the scores with a ceiling: {', '.join(KINDS)}"
            return Statistic(None, n, reason=reason)
        try:
            found = _ceiling(self.answers, set(ids))
        except DataError as error:
            return Statistic(None, n, reason=str(error).removeprefix(f"{self.origin}: "))
        for entry in found.entries:
            if (entry.scores, entry.correlation) == (KINDS[self.kind], "spearman"):
                return replace(entry.reliability.ceiling, n=n)
        return Statistic(None, n, reason=f"too few answers for a ceiling of {KINDS[self.kind]}")

    def standard_error(self, ids: Sequence[str]) -> float | None:
        """Return the mean standard error of one image's score, from binomial counts; or None."""
        if self.counts is None or self.kind is None:
            return None
        counts = self.counts.reindex(list(ids))
        variance: Array = np.zeros(len(counts))
        if self.kind != "false_alarm_rate":
            variance = variance + _variance(counts["hits"], counts["n"])
        if self.kind != "hit_rate":
            variance = variance + _variance(counts["false_alarms"], counts["first_showings"])
        return float(np.sqrt(variance).mean()) if np.isfinite(variance).all() else None


def read_people(path: Path, columns: dict[str, str]) -> People:
    """Read people's scores from a table of images, or from their single answers.

    Args:
        path: table with one row per image (`image`, a score, and perhaps `hits`, `n`), with one
            row per answer (`participant`, `image`, `response`), or of trials as a memory game
            writes them; of answers and trials scores are computed.
        columns: options of the table: `image`, `score`, `separator`, `encoding`.

    Raises:
        DataError: if the file cannot be read, has no scores, or lists an image twice.
    """
    from memlab.ceiling.responses import holds_responses, read_responses
    from memlab.ceiling.trial_columns import UnknownKeyError
    from memlab.ceiling.trial_counts import responses_of_trials
    from memlab.ceiling.trial_events import TrialOptions
    from memlab.ceiling.trial_reading import read_trials
    from memlab.data.sources.csv import PeopleTable

    if what_is(path) == "file":
        text = read_text_table(path, columns.get("separator"), columns.get("encoding"), OPTION)
        image = columns.get("image")
        try:
            trials = read_trials(text, TrialOptions({"image": image}))
        except UnknownKeyError as error:
            how = f"memlab data ceiling {path} --key KEY --out DIR; then {OPTION} DIR/scores.csv"
            raise DataError(f"{error.question} {how}") from error
        if trials is not None:
            responses = responses_of_trials(trials)
            for line in responses.counting:
                print(f"memlab: {path}: {line}", file=sys.stderr)  # noqa: T201
            return _of_answers(responses, path, columns.get("score"))
        if holds_responses(text, {}):
            answers = read_responses(text, {"image": image})
            return _of_answers(answers, path, columns.get("score"))
    table = PeopleTable(**columns).table(path)
    if table.rows["score"].isna().all():
        raise DataError(table.unscored or f"{table.origin}: no scores in it; {OPTION}.score NAME")
    require_once(table.say().rows["id"], table.origin)
    return _of_table(table, columns.get("score"))


def _of_table(table: Table, column: str | None) -> People:
    from memlab.ceiling.counts import has_counts, scores_of_counts
    from memlab.ceiling.estimate import ROUNDED

    rows = table.rows[["id", "image", "score"]]
    known = rows[rows["score"].notna()].reset_index(drop=True)
    plain = People(known, table.root, table.origin, column or "score")
    if not has_counts(table):
        return plain
    counts, _ = scores_of_counts(table)
    given = table.rows.loc[counts.index, "score"]
    kind = next(
        (name for name in KINDS if name in counts and (given - counts[name]).abs().max() < ROUNDED),
        None,
    )
    by_id = counts.set_index(counts["image"].astype(str))
    named = column or kind or "score"
    return replace(plain, column=named, kind=kind, counts=by_id, answers=table)


def _of_answers(answers: Responses, path: Path, column: str | None) -> People:
    from memlab.ceiling.counts import scores_of_responses

    counts = scores_of_responses(answers)
    kinds = [str(name) for name in counts if name not in ("image", "hits", "n")]
    chosen = "hit_rate" if column is None else named(kinds, column, f"{path}, scores computed")
    if column is None and len(kinds) > 1:
        others = ", ".join(name for name in kinds if name not in (chosen, *_COUNTED))
        print(  # noqa: T201
            f"memlab: {path}: scores are hit rates; {OPTION}.score takes another: {others}",
            file=sys.stderr,
        )
    for why, count in answers.left_out.items():
        print(f"memlab: {path}: {count} rows left out: {why}", file=sys.stderr)  # noqa: T201
    names = counts["image"].astype(str)
    rows = pd.DataFrame({"id": names, "image": names, "score": counts[chosen].astype(float)})
    rows = rows[rows["score"].notna()].reset_index(drop=True)
    kind = chosen if chosen in KINDS else None
    by_id = counts.set_index(names)
    return People(rows, path.parent, answers.origin, chosen, kind, by_id, answers)


def _ceiling(answers: Table | Responses, ids: set[str]) -> Ceiling:
    from memlab.ceiling.estimate import ceiling_of_counts, ceiling_of_responses
    from memlab.data.table import Table

    if isinstance(answers, Table):
        return ceiling_of_counts(replace(answers, rows=answers.rows[answers.rows["id"].isin(ids)]))
    kept = [place for place, name in enumerate(answers.images) if name in ids]
    if len(kept) == len(answers.images):
        return ceiling_of_responses(answers)
    place_of = {old: new for new, old in enumerate(kept)}

    def part(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows[rows["image"].isin(place_of)]
        return rows.assign(image=rows["image"].map(place_of)).reset_index(drop=True)

    images = [answers.images[place] for place in kept]
    return ceiling_of_responses(
        replace(answers, images=images, repeats=part(answers.repeats), first=part(answers.first))
    )


def _variance(part: pd.Series, whole: pd.Series) -> Array:
    of = whole.to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = part.to_numpy(float) / of
        return np.asarray(rate * (1 - rate) / of)
