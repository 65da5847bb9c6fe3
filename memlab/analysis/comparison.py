"""Comparison of tests, paired by image, computed from their files alone. No torch."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from memlab.analysis.over_members import OverMembers, over_members
from memlab.analysis.paired import (
    Difference,
    EffectDifferences,
    MetricDifferences,
    effect_differences,
    level_for_all,
    metric_differences,
)
from memlab.analysis.people_and_models import PeopleComparison
from memlab.analysis.tested import Tested, in_common
from memlab.errors import MemlabError
from memlab.stats.measures import Statistic

SCHEMA = 2
ALL_PAIRS = 4
"""Up to this number of tests, all pairs are compared; beyond it, each test with the first."""

Pair = tuple[Tested, Tested]


@dataclass(frozen=True)
class ComparedRun:
    """Test that takes part in a comparison; `letter` is its short name in tables and figures."""

    letter: str
    run: str
    folder: str
    n: int
    split: int | str | None
    fingerprint: str
    seed: int | None
    weights_id: str | None
    sd_predicted: float
    metrics: dict[str, Statistic]


@dataclass
class Comparison:
    """Contents of `compare.json`.

    Args:
        runs: the tests.
        differences: differences of accuracy, one entry per pair.
        conditions: differences of effects, one entry per pair and common ablation.
        across: mean and SD of each difference over repetitions; None unless pairs are repetitions.
        notes: notes for the reader.
        figures: paths relative to the file.
        people: people and models side by side; None if not computed.
        schema: version of this layout.
    """

    runs: list[ComparedRun]
    differences: list[MetricDifferences]
    conditions: list[EffectDifferences]
    across: list[OverMembers] | None
    notes: list[str]
    figures: list[str] = field(default_factory=list)
    people: PeopleComparison | None = None
    schema: int = SCHEMA


def pairs_of(tests: Sequence[Tested]) -> list[Pair]:
    """Return the pairs of tests to compare: all pairs of up to four, else each with the first."""
    if len(tests) <= ALL_PAIRS:
        return list(itertools.combinations(tests, 2))
    return [(tests[0], test) for test in tests[1:]]


def compare(
    tests: Sequence[Tested],
    compared: Sequence[Pair],
    advance: Callable[[int], None],
    repeated: bool = False,
) -> Comparison:
    """Return the common settings of tests and their differences on the same images.

    A difference is always the second test minus the first. If there are several comparisons, each
    has a second, wider interval that holds for all of them together (Bonferroni).

    Args:
        tests: the tests.
        compared: the pairs of tests to compare.
        advance: called with 1 after each pair.
        repeated: whether the pairs are repetitions of one comparison. Mean and SD of the
            differences are then reported, and no interval is widened.

    Raises:
        MemlabError: if no pair has an image in common.
    """
    joined = [in_common(*pair) for pair in compared]
    if not any(len(both) for both in joined):
        first, second = compared[0]
        raise MemlabError(
            f"{first.folder} and {second.folder} have no tested image in common (by id); "
            "test both on the same data: memlab test --run RUN --data.root DIR"
        )
    shared = [
        sorted(set(first_test.changed) & set(second_test.changed))
        for first_test, second_test in compared
    ]
    pair_count, ablation_count = (1, 1) if repeated else (len(compared), sum(map(len, shared)))
    differences, conditions = [], []
    for (first_test, second_test), both, keys in zip(compared, joined, shared, strict=True):
        differences.append(
            metric_differences(first_test, second_test, both, level_for_all(pair_count))
        )
        conditions += [
            effect_differences(first_test, second_test, both, key, level_for_all(ablation_count))
            for key in keys
        ]
        advance(1)
    return Comparison(
        runs=[_run(letter, test) for letter, test in zip(_letters(len(tests)), tests, strict=True)],
        differences=differences,
        conditions=conditions,
        across=_across(differences, conditions) if repeated else None,
        notes=_notes(compared, differences, repeated),
    )


def named_differences(
    entry: MetricDifferences | EffectDifferences,
) -> dict[str, Difference]:
    """Return the differences of an entry by the name of what differs: `spearman`, `effect`."""
    if isinstance(entry, MetricDifferences):
        return {"spearman": entry.spearman, "mse": entry.mse, "mae": entry.mae}
    return {"effect": entry.effect, "effect_in_sd": entry.effect_in_sd}


def condition_of(entry: MetricDifferences | EffectDifferences) -> str | None:
    """Return the ablation of an entry, if it is about one."""
    return entry.condition if isinstance(entry, EffectDifferences) else None


def _letters(count: int) -> list[str]:
    if count > len(string.ascii_uppercase):
        return [f"R{index + 1}" for index in range(count)]
    return list(string.ascii_uppercase[:count])


def _across(
    differences: Sequence[MetricDifferences], conditions: Sequence[EffectDifferences]
) -> list[OverMembers]:
    """Return mean and SD of each difference over repetitions."""
    by_metric: dict[tuple[str, str | None], dict[str, Statistic | None]] = {}
    entries: list[MetricDifferences | EffectDifferences] = [*differences, *conditions]
    for entry in entries:
        for metric, difference in named_differences(entry).items():
            of_metric = by_metric.setdefault((metric, condition_of(entry)), {})
            of_metric[f"{entry.second} − {entry.first}"] = difference.difference
    return [
        over_members(metric, condition, statistics)
        for (metric, condition), statistics in by_metric.items()
    ]


def _run(letter: str, test: Tested) -> ComparedRun:
    results = test.results
    return ComparedRun(
        letter=letter,
        run=test.label,
        folder=str(test.folder),
        n=results.n,
        split=results.data.split,
        fingerprint=results.data.fingerprint,
        seed=results.seed,
        weights_id=results.model.weights_id,
        sd_predicted=float(test.rows["predicted"].std()),
        metrics=results.metrics,
    )


def _notes(
    compared: Sequence[Pair],
    differences: Sequence[MetricDifferences],
    repeated: bool,
) -> list[str]:
    notes = []
    for (first_test, second_test), entry in zip(compared, differences, strict=True):
        names, splits = (
            f"{first_test.label} and {second_test.label}",
            [t.results.data.split for t in (first_test, second_test)],
        )
        if entry.other_score:
            text = f"{names}: {entry.other_score} of {entry.common} common images have"
            text += " another score"
            if splits[0] != splits[1]:
                text += f" (splits {splits[0]}, {splits[1]}: a score belongs to image and split)"
            used = entry.spearman.difference.value is not None
            notes.append(text + ("; they are left out." if used else "; no accuracy is compared."))
        elif first_test.results.data.fingerprint != second_test.results.data.fingerprint:
            notes.append(
                f"{names} were not tested on the same data (fingerprints differ); compared on "
                f"{entry.common} images in common."
            )
        for key in sorted(set(first_test.changed) & set(second_test.changed)):
            settings = [_settings(test, key) for test in (first_test, second_test)]
            if settings[0] != settings[1]:
                notes.append(f"{names}: {key} had other settings: {settings[0]}, {settings[1]}.")
    count = len(compared)
    if repeated:
        notes.append(
            f"{count} repetitions of one comparison: SD is over them; where they share images, "
            "SD/√n is no standard error."
        )
    elif count > 1:
        notes.append(
            f"{count} comparisons: of intervals at 95 % one in twenty misses by chance; the wider "
            "ones hold for all of a table together (Bonferroni)."
        )
    return notes


def _settings(test: Tested, key: str) -> dict[str, Any]:
    return next(effect for effect in test.results.conditions if effect.condition == key).parameters
