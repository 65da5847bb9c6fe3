"""Noise ceiling of a data set: from answers of people, from counts, or from scores alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from memlab.ceiling.counts import scores_of_counts, scores_of_responses
from memlab.ceiling.growth import measured, predicted
from memlab.ceiling.halves import OF_PEOPLE, Answers, Halves, halves_of_counts, halves_of_people
from memlab.ceiling.lag_interval import LagEstimate, estimate_lag
from memlab.ceiling.observers import MODEL, reliability_from_scores
from memlab.ceiling.reliability import FROM_COUNTS, Reliability, from_halves
from memlab.ceiling.responses import Responses
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.numbers import number
from memlab.progress import progress
from memlab.seeds import seed_of
from memlab.stats.measures import Array, constant

CORRELATIONS = ("spearman", "pearson")
ROUNDED = 0.006  # scores are often rounded to two decimals


@dataclass(frozen=True)
class Entry:
    """Agreement about one kind of score, by one correlation.

    Args:
        scores: kind of score: hit rate, false alarm rate, ...
        correlation: `spearman` or `pearson`.
        reliability: estimated reliability and ceiling.
        left_out: images without enough answers in a half, mean over halves.
    """

    scores: str
    correlation: str
    reliability: Reliability
    left_out: float = 0


@dataclass(frozen=True)
class Ceiling:
    """Noise ceiling of a data set and the data behind it.

    Args:
        origin: file that was read.
        overview: numbers of people, images and answers, in words.
        how: how the agreement was estimated.
        entries: agreement per kind of score; the first is Spearman's of hit rates.
        responses: mean number of responses per image.
        scores: one row per image: counts and the scores derived from them.
        growth: reliability and ceiling against responses per image: `responses`, `people` (in each
            of two groups), `reliability`, `low`, `high`, `ceiling`, `kind` (measured, or predicted
            by Spearman-Brown).
        pair: scores of one pair of halves, or None.
        lag: the lag model, if requested.
        notes: notes for the reader.
        counting: how a trial table was read and counted, in words; empty for other tables.
        people: counts of each person of a trial table, or None.
    """

    origin: str
    overview: str
    how: str
    entries: list[Entry]
    responses: float
    scores: pd.DataFrame
    growth: pd.DataFrame
    pair: tuple[Array, Array] | None = None
    lag: LagEstimate | None = None
    notes: list[str] = field(default_factory=list)
    counting: tuple[str, ...] = ()
    people: pd.DataFrame | None = None


def ceiling_of_responses(
    responses: Responses,
    halves: int = 1000,
    seed: int = 0,
    least: int = 1,
    lag: bool = False,
    at: float = 100,
) -> Ceiling:
    """Estimate the noise ceiling from random halves of the people.

    Args:
        responses: answers of the people.
        halves: number of random splits of the people.
        seed: seed of the splits.
        least: minimum number of answers to an image in a half; images with fewer are left out.
        lag: whether to fit the lag model, and report the agreement before and after.
        at: lag that scores are corrected to.

    Raises:
        DataError: if there are fewer than two people or three images, or all scores are equal.
    """
    people, images, repeats = len(responses.people), len(responses.images), responses.repeats
    if people < 2:
        raise DataError(f"{responses.origin}: {people} person: halves of people need two, and more")
    scores = scores_of_responses(responses)
    _require_spread(scores["hit_rate"].to_numpy(), responses.origin)

    def answers(rows: pd.DataFrame, value: Array) -> Answers:
        person, image = rows["person"].to_numpy(), rows["image"].to_numpy()
        return Answers(person, image, value, people, images, least)

    hits = answers(repeats, repeats["said"].to_numpy())
    kinds = {"hit rate": hits.means}
    notes = [f"{count} rows left out: {why}" for why, count in responses.left_out.items()]
    model = None
    if lag:
        model = estimate_lag(responses, at)
        scores["mean_lag"] = repeats.groupby("image")["lag"].mean().to_numpy()
        scores["lag_corrected"] = model.model.scores
        kinds[f"hit rate, lag {at:g}"] = answers(repeats, model.corrected).means
        outside = int((~scores["lag_corrected"].between(0, 1)).sum())
        if outside:
            notes.append(f"{outside} lag-corrected scores lie outside 0 to 1; they are not clipped")
    if len(responses.first):
        alarms = answers(responses.first, responses.first["said"].to_numpy())
        kinds["false alarm rate"] = alarms.means
        kinds["hit − false alarm"] = lambda groups: hits.means(groups) - alarms.means(groups)

    draws = seed_of(seed, "data ceiling", "halves")  # all kinds of score use the same halves
    with progress("Halves of people", halves * len(kinds)) as advance:
        halves_by_score = {
            name: halves_of_people(score_of, people, draws, halves, advance=advance)
            for name, score_of in kinds.items()
        }
    entries = [
        entry for name, drawn in halves_by_score.items() for entry in _entries(name, drawn, images)
    ]
    _require_signal(entries, responses.origin)
    mean = len(repeats) / images
    counts = scores["n"]
    lengths = f"{number(mean, 1)} an image" + (
        f", {counts.min()} to {counts.max()}" if counts.min() < counts.max() else ""
    )
    half = entries[0].reliability.half.value or 0
    growth = pd.concat([measured(hits.means, people, mean, draws), predicted(half, mean)])
    return Ceiling(
        responses.origin,
        f"{people} people, {images} images, {len(repeats)} answers to repeats ({lengths})",
        f"{halves} {OF_PEOPLE}",
        entries,
        mean,
        scores,
        growth.reset_index(drop=True),
        (halves_by_score["hit rate"].one, halves_by_score["hit rate"].other),
        model,
        notes,
        responses.counting,
        responses.persons,
    )


def ceiling_of_counts(table: Table, halves: int = 1000, seed: int = 0) -> Ceiling:
    """Estimate the noise ceiling from hits and n of each image, assuming independent answers.

    Args:
        table: table with columns `hits` and `n`, or `hits` and `misses`; false alarms are also
            scored if the table has `false_alarms` (among n first showings, or with
            `correct_rejections`).
        halves: number of random splits of each image's answers.
        seed: seed of the splits.

    Raises:
        DataError: if counts are impossible, there are fewer than three images, or scores are equal.
    """
    scores, missing = scores_of_counts(table)
    _require_spread(scores["hit_rate"].to_numpy(), table.origin)
    enough = scores["n"] >= 2
    if enough.sum() < 3:
        raise DataError(
            f"{table.origin}: {enough.sum()} images with two answers or more: halves need three"
        )

    def column(name: str, rows: pd.Series) -> Array:
        values: Array = np.asarray(scores.loc[rows, name], dtype=float)
        return values

    hits = column("hits", enough), column("n", enough)
    kinds: dict[str, tuple[Array, Array, tuple[Array, Array] | None]] = {"hit rate": (*hits, None)}
    heard = enough & (scores.get("first_showings", scores["n"] * 0).fillna(0) >= 2)
    if heard.sum() >= 3:
        hits = column("hits", heard), column("n", heard)
        alarms = column("false_alarms", heard), column("first_showings", heard)
        kinds |= {"false alarm rate": (*alarms, None), "hit − false alarm": (*hits, alarms)}
    draws = seed_of(seed, "data ceiling", "counts")
    with progress("Halves of answers", halves * len(kinds)) as advance:
        halves_by_score = {
            name: halves_of_counts(count, of, draws, halves, less, advance)
            for name, (count, of, less) in kinds.items()
        }
    entries = [
        entry
        for name, drawn in halves_by_score.items()
        for entry in _entries(name, drawn, len(scores), FROM_COUNTS)
    ]
    _require_signal(entries, table.origin)
    notes = [f"{missing} images without counts left out"] if missing else []
    stated = table.rows.loc[scores.index, "score"]
    if stated.notna().any():
        of = [name for name in ("hit_rate", "hit_minus_false_alarm") if name in scores]
        same = [name for name in of if (stated - scores[name]).abs().max() < ROUNDED]
        if not same:
            notes.append("the score column is none of these scores")
        elif same[0] != "hit_rate":
            notes.append("the score column is hit − false alarm")
    mean = float(scores["n"].mean())
    return Ceiling(
        table.origin,
        f"{len(scores)} images, {scores['n'].sum()} answers ({number(mean, 1)} an image)",
        FROM_COUNTS,
        entries,
        mean,
        scores.reset_index(drop=True),
        predicted(entries[0].reliability.half.value or 0, mean),
        (halves_by_score["hit rate"].one, halves_by_score["hit rate"].other),
        notes=notes,
    )


def ceiling_of_scores(table: Table, observers: float) -> Ceiling:
    """Estimate the noise ceiling by the binomial model, from scores and the number of observers.

    Args:
        table: table whose scores are hit rates.
        observers: number of observers of each image.

    Raises:
        DataError: if scores lie outside 0 to 1, are fewer than three, or spread no more than
            chance.
    """
    known = table.rows["score"].notna()
    score = table.rows.loc[known, "score"].to_numpy(float)
    if ((score < 0) | (score > 1)).any():
        bad = score[(score < 0) | (score > 1)][0]
        raise DataError(f"{table.origin}: score {bad:g}: the model is for hit rates, 0 to 1")
    _require_spread(score, table.origin)
    reliability = reliability_from_scores(score, observers)
    entries = [Entry("score", "model", reliability)]
    _require_signal(entries, table.origin)
    absent = int((~known).sum())
    return Ceiling(
        table.origin,
        f"{len(score)} images, said to have {observers:g} observers each",
        MODEL,
        entries,
        observers,
        pd.DataFrame({"image": table.rows.loc[known, "id"], "hit_rate": score}),
        predicted(reliability.half.value or 0, observers),
        notes=[f"{absent} images without a score left out"] if absent else [],
    )


def _entries(name: str, halves: Halves, images: int, how: str = OF_PEOPLE) -> list[Entry]:
    left_out = images - float(halves.images.mean())
    drawn = {"spearman": halves.spearman, "pearson": halves.pearson}
    return [
        Entry(name, kind, from_halves(drawn[kind], images, how), left_out) for kind in CORRELATIONS
    ]


def _require_spread(scores: Array, origin: str) -> None:
    if len(scores) < 3:
        raise DataError(f"{origin}: {len(scores)} images with scores: a correlation needs three")
    if constant(scores):
        raise DataError(f"{origin}: all scores are equal ({scores[0]:g}): nothing can agree")


def _require_signal(entries: list[Entry], origin: str) -> None:
    half = entries[0].reliability.half
    if half.value is None:
        raise DataError(f"{origin}: no ceiling: {half.reason}")
