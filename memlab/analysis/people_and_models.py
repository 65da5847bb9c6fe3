"""People's scores and the predictions of models for the same images. No torch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.analysis.differing import Strip, positions, strips_of
from memlab.analysis.paired import SEED, Difference, level_for_all
from memlab.analysis.same_images import LeftOut, Matched
from memlab.ceiling.people import People
from memlab.errors import MemlabError
from memlab.metrics.metric import SPEARMAN
from memlab.metrics.paired_models import spearman_differences
from memlab.progress import Advance, progress
from memlab.stats.measures import Array, Statistic, constant

ALL_PAIRS = 4
"""Up to this number of models, all differences are computed; beyond it, each with the first."""


@dataclass(frozen=True)
class PeopleRecord:
    """People's scores in a comparison.

    Args:
        origin: file or tests that hold the scores.
        column: name of the score.
        kind: `hit_rate`, `false_alarm_rate`, `hit_minus_false_alarm`, or None.
        remembered: whether a high score means that people remember the image.
        ceiling: highest rho that a perfect model can expect, or why it is not known.
        standard_error: mean standard error of one image's score, if counts are known.
    """

    origin: str
    column: str
    kind: str | None
    remembered: bool
    ceiling: Statistic
    standard_error: float | None


@dataclass(frozen=True)
class ModelAgreement:
    """Agreement of one model with people.

    Args:
        model: label of the model.
        source: file or folder of its predictions.
        spearman: Spearman's rho with people's scores, with interval.
        mean: mean prediction.
        sd: SD of the predictions.
    """

    model: str
    source: str
    spearman: Statistic
    mean: float
    sd: float


@dataclass(frozen=True)
class ModelPair:
    """Two models on the same images.

    Args:
        first: label of the first model.
        second: label of the second model.
        agreement: Spearman's rho of their predictions, with interval.
        difference: rho of the second with people minus that of the first, paired by image; None
            beyond the computed pairs.
    """

    first: str
    second: str
    agreement: Statistic
    difference: Difference | None


@dataclass(frozen=True)
class PeopleComparison:
    """People and models side by side, on the images that all have.

    Args:
        n: number of these images.
        people: people's scores.
        models: the models, in the order given.
        closest: label of the model with the highest rho; None if no rho is defined.
        pairs: pairs of models.
        left_out: images left out, by source.
        strips: groups of images that show where people and models differ and agree.
        notes: notes for the reader.
    """

    n: int
    people: PeopleRecord
    models: list[ModelAgreement]
    closest: str | None
    pairs: list[ModelPair]
    left_out: list[LeftOut]
    strips: list[Strip]
    notes: list[str]


def compare_with_people(
    people: People, matched: Matched, sources: dict[str, str]
) -> PeopleComparison:
    """Compute the agreement of people and models, and the images where they differ most.

    Intervals are percentile bootstrap intervals over images. A difference of two models resamples
    the images of both together. If there are several differences, each has a second, wider interval
    that holds for all of them together (Bonferroni).

    Args:
        people: people's scores.
        matched: the images that all have.
        sources: label of each model to its file or folder.

    Raises:
        MemlabError: if people's scores, or the predictions of all models, are constant.
    """
    frame, models = matched.frame, matched.models
    score = frame["people"].to_numpy(float)
    if constant(score):
        raise MemlabError(
            f"{people.origin}: {people.column} is {score[0]:g} for all {len(score)} common images: "
            "there is nothing to agree with"
        )
    predicted = {label: frame[label].to_numpy(float) for label in models}
    varying = [label for label in models if not constant(predicted[label])]
    if not varying:
        label = models[0]
        raise MemlabError(
            f"{sources[label]}: the prediction is {predicted[label][0]:g} for all {len(score)} "
            "common images: there is nothing to compare"
        )
    ids = [str(name) for name in frame.index]
    ceiling = people.ceiling(ids)
    agreements = []
    with progress("Comparing", len(models) * (len(models) + 1) // 2) as advance:
        for label in models:
            rho = SPEARMAN.with_interval(predicted[label], score, SEED)
            mean, sd = float(predicted[label].mean()), float(predicted[label].std(ddof=1))
            agreements.append(ModelAgreement(label, sources[label], rho, mean, sd))
            advance(1)
        pairs = _pairs(predicted, score, advance)
    defined = [each for each in agreements if each.spearman.value is not None]
    return PeopleComparison(
        n=len(score),
        people=PeopleRecord(
            people.origin,
            people.column,
            people.kind,
            people.remembered,
            ceiling,
            people.standard_error(ids),
        ),
        models=agreements,
        closest=max(defined, key=lambda each: each.spearman.value or 0).model if defined else None,
        pairs=pairs,
        left_out=matched.left_out,
        strips=strips_of(frame, varying),
        notes=[
            f"{label}: the prediction is the same for all {len(score)} images, so it has no ρ."
            for label in models
            if label not in varying
        ],
    )


def per_image(matched: Matched) -> pd.DataFrame:
    """Return one row per common image.

    Returns:
        Columns `id`, `people` and one per model: the scores; `people_below` and `MODEL_below`: the
        share of the images with a lower score; `MODEL_gap`: the model's share minus people's.
    """
    frame = matched.frame.rename_axis("id").reset_index()
    for name in ("people", *matched.models):
        frame[f"{name}_below"] = positions(frame[name].to_numpy(float))
    for name in matched.models:
        frame[f"{name}_gap"] = frame[f"{name}_below"] - frame["people_below"]
    return frame


def _pairs(predicted: dict[str, Array], score: Array, advance: Advance) -> list[ModelPair]:
    labels = list(predicted)
    pairs = list(itertools.combinations(labels, 2))
    compared = [pair for pair in pairs if len(labels) <= ALL_PAIRS or pair[0] == labels[0]]
    wide = level_for_all(len(compared))
    found = []
    for first, second in pairs:
        agreement = SPEARMAN.with_interval(predicted[first], predicted[second], SEED)
        difference = None
        if (first, second) in compared:
            difference = _difference(predicted[first], predicted[second], score, wide)
        found.append(ModelPair(first, second, agreement, difference))
        advance(1)
    return found


def _difference(first: Array, second: Array, score: Array, wide: float | None) -> Difference:
    values = [SPEARMAN(predictions, score) for predictions in (first, second)]
    reason = values[0].reason or values[1].reason
    if reason is not None:
        none = Statistic(None, len(score), reason=reason)
        return Difference(values[0].value, values[1].value, none, None)
    drawn = spearman_differences(first, second, score, SEED)
    for_all = drawn.interval(wide) if wide else None
    return Difference(values[0].value, values[1].value, drawn.interval(), for_all)


def ladder(comparison: PeopleComparison) -> list[ModelAgreement]:
    """Return the models by their rho with people, highest first; those without rho last."""
    none = -np.inf
    return sorted(
        comparison.models,
        key=lambda each: none if each.spearman.value is None else each.spearman.value,
        reverse=True,
    )
