"""Paired differences of two tests on their common images, second minus first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from memlab.analysis.tested import Tested, same_score
from memlab.metrics import paired_models as pairs
from memlab.metrics.with_interval import mean_effect, metric_with_interval
from memlab.stats import LEVEL, Resampled
from memlab.stats.measures import CORES, METRICS, Array, Statistic, constant

SEED = 0


def level_for_all(comparisons: int) -> float | None:
    """Return the level at which several intervals hold together (Bonferroni).

    None for a single comparison.
    """
    return 1 - (1 - LEVEL) / comparisons if comparisons > 1 else None


def metric_differences(
    one: Tested, two: Tested, both: pd.DataFrame, wide: float | None
) -> dict[str, Any]:
    """Compare rho and errors of two tests on the same images, and their predictions' agreement.

    Args:
        one: the first test, which is subtracted.
        two: the second test.
        both: their common images, from `in_common`.
        wide: level of a second interval, if requested.
    """
    agree = both[same_score(both)]
    first, second, score = _arrays(agree, "predicted", "predicted_second", "score")
    entry: dict[str, Any] = {
        "first": one.label,
        "second": two.label,
        "common": len(both),
        "other_score": len(both) - len(agree),
    }
    same = _arrays(both, "predicted", "predicted_second")
    entry["agreement"] = metric_with_interval("spearman", same[0], same[1], SEED).describe()
    # If most labels differ, equal labels are coincidences and not a sample of the images.
    refused = None
    if len(both) == 0:
        refused = "no image in common"
    elif len(agree) * 2 < len(both):
        refused = f"{len(both) - len(agree)} of {len(both)} common images have another score"
    for name in ("spearman", "mse", "mae"):
        if refused:
            nothing = Statistic(None, len(agree), reason=refused)
            entry[name] = _described(None, None, (nothing, None))
            continue
        values = [METRICS[name](predicted, score) for predicted in (first, second)]
        found = _metric_difference(name, values, first, second, score, wide)
        entry[name] = _described(values[0].value, values[1].value, found)
    return entry


def _metric_difference(
    name: str,
    values: list[Statistic],
    first: Array,
    second: Array,
    score: Array,
    wide: float | None,
) -> tuple[Statistic, Statistic | None]:
    one, two = (statistic.value for statistic in values)
    if one is None or two is None:
        reason = values[0].reason or values[1].reason
        return Statistic(None, len(score), reason=reason), None
    if name == "spearman":
        return _intervals(pairs.spearman_differences(first, second, score, SEED), wide)
    # the error of each single image
    errors = [CORES[name](values[:, None], score[:, None]) for values in (second, first)]
    return _means(errors[0], errors[1], wide)


def effect_differences(
    one: Tested, two: Tested, both: pd.DataFrame, key: str, wide: float | None
) -> dict[str, Any]:
    """Compare the effects of one ablation in two tests, on images that are eligible in both.

    Args:
        one: the first test, which is subtracted.
        two: the second test.
        both: their common images, from `in_common`.
        key: the condition, for example `blur@2`.
        wide: level of a second interval, if requested.
    """
    changed = pd.DataFrame({"first": one.changed[key], "second": two.changed[key]})
    joined = both.join(changed, how="inner").dropna(subset=["first", "second"])
    first = _arrays(joined, "predicted", "first")
    second = _arrays(joined, "predicted_second", "second")
    effects = [clean - ablated for clean, ablated in (first, second)]
    n = len(joined)
    entry: dict[str, Any] = {"first": one.label, "second": two.label, "condition": key, "common": n}
    means = [float(effect.mean()) if n else None for effect in effects]
    entry["effect"] = _described(means[0], means[1], _means(effects[1], effects[0], wide))
    if n < 3 or any(constant(clean) for clean, _ in (first, second)):
        nothing = Statistic(None, n, reason=f"{n} images, or constant predictions")
        return entry | {"effect_in_sd": _described(None, None, (nothing, None))}
    standard = [pairs.standardised_effect(*each) for each in (first, second)]
    drawn = pairs.standardised_differences((first[0], first[1]), (second[0], second[1]), SEED)
    found = _intervals(drawn, wide)
    return entry | {"effect_in_sd": _described(standard[0], standard[1], found)}


def _intervals(drawn: Resampled, wide: float | None) -> tuple[Statistic, Statistic | None]:
    return drawn.interval(), drawn.interval(wide) if wide else None


def _means(second: Array, first: Array, wide: float | None) -> tuple[Statistic, Statistic | None]:
    plain = mean_effect(second, first, SEED)
    return plain, mean_effect(second, first, SEED, level=wide) if wide else None


def _described(
    first: float | None, second: float | None, found: tuple[Statistic, Statistic | None]
) -> dict[str, Any]:
    difference, wide = found
    return {
        "first": first,
        "second": second,
        "difference": difference.describe(),
        "for_all": wide.describe() if wide else None,
    }


def _arrays(frame: pd.DataFrame, *columns: str) -> list[Array]:
    return [frame[name].to_numpy(dtype=float) for name in columns]
