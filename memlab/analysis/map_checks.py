"""Checks of attribution maps: means over images with intervals, and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memlab.analysis.completeness import completeness, completeness_text
from memlab.analysis.means import weighted_mean
from memlab.attributions.texts import PREFIX
from memlab.numbers import interval, number
from memlab.stats.bootstrap import bootstrap
from memlab.stats.measures import Statistic

SMALLEST = 0.05
"""Deletion and insertion that count, in SDs of the scores: as the smallest effect of interest."""
FOLLOWED = {"deletion", "insertion", "deletion_centre", "insertion_centre"}
"""Checks from which `above_centre` is computed."""
UNCHANGED = 0.5
"""Similarity from which maps of a model without learned weights count as hardly changed."""


def mean_checks(arrays: Mapping[str, Any], seed: int) -> dict[str, Statistic]:
    """Return the mean of each check over images with its interval, `scores_sd`, and completeness.

    `above_centre` is the mean of deletion and insertion minus that of the centre prior, paired.

    Args:
        arrays: the content of `maps/METHOD.npz`; checks start with `PREFIX`, (n,) each, NaN where
            an image has no value; `predicted` gives the SD of the explained images' scores.
        seed: seed of the bootstrap.
    """
    columns = {
        name.removeprefix(PREFIX): np.asarray(values, dtype=float)
        for name, values in arrays.items()
        if name.startswith(PREFIX)
    }
    if columns.keys() >= FOLLOWED:
        own, centre = (
            columns[f"deletion{of}"] + columns[f"insertion{of}"] for of in ("", "_centre")
        )
        columns["above_centre"] = (own - centre) / 2
    found = bootstrap(
        {name: weighted_mean(values, np.ones(len(values))) for name, values in columns.items()},
        seed,
    ).statistics
    predicted = np.asarray(arrays.get("predicted", ()), dtype=float)
    if found and len(predicted) > 1:
        found["scores_sd"] = Statistic(float(predicted.std(ddof=1)), len(predicted))
    return found | completeness(arrays)


def checks_text(method: str, checks: Mapping[str, Statistic]) -> list[str]:
    """Return sentences on the checks of a method's maps; empty if there are none."""
    both = [checks[name] for name in ("deletion", "insertion") if name in checks]
    said = []
    if any(one.value is None for one in both):
        said.append(f"{method}: deletion and insertion not measured: {both[0].reason}.")
    elif both:
        spread = checks["scores_sd"].value if "scores_sd" in checks else None
        least = SMALLEST * (spread or 0)
        follows = sum((one.low or 0) > least for one in both)
        verb = ("is not shown to follow", "may follow", "follows")[follows]
        chance = "; ".join(
            f"{words} {_short(checks[f'deletion_{kind}'])}, {_short(checks[f'insertion_{kind}'])}"
            for kind, words in (("shuffled", "shuffled maps"), ("centre", "a centre prior"))
        )
        above = checks.get("above_centre")
        beaten = above is None or (above.low is not None and above.low > 0)
        doubt = "" if beaten or not follows else "; not shown to beat the centre prior"
        said.append(
            f"{method}: the score {verb} the map: deletion {_value(both[0])}, insertion "
            f"{_value(both[1])} ({chance}; n = {both[0].n}){doubt}."
        )
    inside = ", ".join(
        f"{name.removeprefix('lift_')} {_value(one)}"
        for name, one in checks.items()
        if name.startswith("lift_") and one.value is not None
    )
    if inside:
        said.append(f"{method}: density of the map on regions, 1 is chance: {inside}.")
    return completeness_text(method, checks) + said + _randomisation_text(method, checks)


def _randomisation_text(method: str, checks: Mapping[str, Statistic]) -> list[str]:
    """Return a sentence on maps of the randomised model; empty if it was not made."""
    head, half, every, control = (
        checks.get(f"randomised_{stage}") for stage in ("head", "half", "all", "edges")
    )
    if head is None or half is None or every is None or control is None:
        return []
    if every.value is None:
        return [f"{method}: maps of a model with shuffled weights not measured: {every.reason}."]
    low, high = (every.value if end is None else end for end in (every.low, every.high))
    verb = "are not shown to change"
    if high < UNCHANGED or low >= UNCHANGED:
        verb = "change" if high < UNCHANGED else "hardly change"
    steps = f"{_short(head)} after the head, {_short(half)} after half of the layers, "
    if head.value is None:  # the network is a single block
        steps = ""
    return [
        f"{method}: maps {verb} when weights are shuffled: similarity to those of the trained "
        f"model {steps}{_value(every)} after all (an edge detector {_short(control)}; "
        f"n = {every.n})."
    ]


def _short(found: Statistic) -> str:
    return number(found.value, 3)


def _value(found: Statistic) -> str:
    return f"{_short(found)} {interval(found.low, found.high, 3)}".rstrip()
