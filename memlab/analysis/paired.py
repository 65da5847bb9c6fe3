"""Paired differences of two tests on their common images, second minus first."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from memlab.analysis.tested import Tested, same_score
from memlab.metrics import paired_models as pairs
from memlab.metrics.mean_effect import mean_effect
from memlab.metrics.metric import METRICS, SPEARMAN
from memlab.stats import LEVEL, Resampled
from memlab.stats.measures import Array, Statistic, constant

SEED = 0


@dataclass(frozen=True)
class Difference:
    """Difference of one number between two tests, on the same images.

    Args:
        first: value of the first test; None if undefined.
        second: value of the second test.
        difference: second − first, with interval.
        for_all: the same with the wider interval that holds for all comparisons together; None for
            a single comparison.
    """

    first: float | None
    second: float | None
    difference: Statistic
    for_all: Statistic | None


@dataclass(frozen=True)
class MetricDifferences:
    """Differences of accuracy between two tests.

    Args:
        first: label of the first test.
        second: label of the second test.
        common: number of images in common.
        other_score: number of these images whose score differs between the tests.
        agreement: correlation of the two models' predictions.
        spearman: difference of Spearman's rho.
        mse: difference of the mean squared error.
        mae: difference of the mean absolute error.
    """

    first: str
    second: str
    common: int
    other_score: int
    agreement: Statistic
    spearman: Difference
    mse: Difference
    mae: Difference


@dataclass(frozen=True)
class EffectDifferences:
    """Differences of one ablation's effect between two tests.

    Args:
        first: label of the first test.
        second: label of the second test.
        condition: the ablation.
        common: number of images that are eligible in both.
        effect: difference of the mean effects.
        effect_in_sd: difference of the mean effects in SDs of each model's own predictions.
    """

    first: str
    second: str
    condition: str
    common: int
    effect: Difference
    effect_in_sd: Difference


def level_for_all(comparisons: int) -> float | None:
    """Return the level at which several intervals hold together (Bonferroni).

    None for a single comparison.
    """
    return 1 - (1 - LEVEL) / comparisons if comparisons > 1 else None


def metric_differences(
    first_test: Tested, second_test: Tested, both: pd.DataFrame, wide: float | None
) -> MetricDifferences:
    """Compare rho and errors of two tests on the same images, and their predictions' agreement.

    Args:
        first_test: the first test, which is subtracted.
        second_test: the second test.
        both: their common images, from `in_common`.
        wide: level of a second interval, if requested.
    """
    agree = both[same_score(both)]
    first, second, score = _arrays(agree, "predicted", "predicted_second", "score")
    predictions = _arrays(both, "predicted", "predicted_second")
    # If most labels differ, equal labels are coincidences and not a sample of the images.
    refused = None
    if len(both) == 0:
        refused = "no image in common"
    elif len(agree) * 2 < len(both):
        refused = f"{len(both) - len(agree)} of {len(both)} common images have another score"
    differences = {}
    for name in ("spearman", "mse", "mae"):
        if refused:
            refusal = Statistic(None, len(agree), reason=refused)
            differences[name] = Difference(None, None, refusal, None)
            continue
        values = [METRICS[name](predicted, score) for predicted in (first, second)]
        intervals = _metric_difference(name, values, first, second, score, wide)
        differences[name] = Difference(values[0].value, values[1].value, *intervals)
    return MetricDifferences(
        first_test.label,
        second_test.label,
        common=len(both),
        other_score=len(both) - len(agree),
        agreement=SPEARMAN.with_interval(predictions[0], predictions[1], SEED),
        **differences,
    )


def _metric_difference(
    name: str,
    values: list[Statistic],
    first: Array,
    second: Array,
    score: Array,
    wide: float | None,
) -> tuple[Statistic, Statistic | None]:
    first_value, second_value = (statistic.value for statistic in values)
    if first_value is None or second_value is None:
        reason = values[0].reason or values[1].reason
        return Statistic(None, len(score), reason=reason), None
    if name == "spearman":
        return _intervals(pairs.spearman_differences(first, second, score, SEED), wide)
    # the error of each single image
    errors = [METRICS[name].core(values[:, None], score[:, None]) for values in (second, first)]
    return _means(errors[0], errors[1], wide)


def effect_differences(
    first_test: Tested, second_test: Tested, both: pd.DataFrame, key: str, wide: float | None
) -> EffectDifferences:
    """Compare the effects of one ablation in two tests, on images that are eligible in both.

    Args:
        first_test: the first test, which is subtracted.
        second_test: the second test.
        both: their common images, from `in_common`.
        key: the condition, for example `blur@2`.
        wide: level of a second interval, if requested.
    """
    changed = pd.DataFrame({"first": first_test.changed[key], "second": second_test.changed[key]})
    joined = both.join(changed, how="inner").dropna(subset=["first", "second"])
    first = _arrays(joined, "predicted", "first")
    second = _arrays(joined, "predicted_second", "second")
    effects = [clean - ablated for clean, ablated in (first, second)]
    n = len(joined)
    means = [float(effect.mean()) if n else None for effect in effects]
    difference = Difference(means[0], means[1], *_means(effects[1], effects[0], wide))
    if n < 3 or any(constant(clean) for clean, _ in (first, second)):
        undefined = Statistic(None, n, reason=f"{n} images, or constant predictions")
        in_sd = Difference(None, None, undefined, None)
    else:
        standard = [pairs.standardised_effect(*arrays) for arrays in (first, second)]
        drawn = pairs.standardised_differences((first[0], first[1]), (second[0], second[1]), SEED)
        in_sd = Difference(standard[0], standard[1], *_intervals(drawn, wide))
    return EffectDifferences(first_test.label, second_test.label, key, n, difference, in_sd)


def _intervals(drawn: Resampled, wide: float | None) -> tuple[Statistic, Statistic | None]:
    return drawn.interval(), drawn.interval(wide) if wide else None


def _means(second: Array, first: Array, wide: float | None) -> tuple[Statistic, Statistic | None]:
    plain = mean_effect(second, first, SEED)
    return plain, mean_effect(second, first, SEED, level=wide) if wide else None


def _arrays(frame: pd.DataFrame, *columns: str) -> list[Array]:
    return [frame[name].to_numpy(dtype=float) for name in columns]
