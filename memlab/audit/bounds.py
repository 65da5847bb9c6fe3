"""Bounds of the gauge: beyond them, changed images say nothing about a feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from memlab.analysis.gauge import Gauge, allowed, refusal
from memlab.numbers import number
from memlab.stats.intervals import Resampled

MEASURES = {
    "outside_share": ("outside", "share of predictions outside the range of the clean ones"),
    "beyond_sd": ("beyond", "RMS distance of predictions from that range, in SDs"),
    "surprise": ("surprise", "mean quantile of the distance from clean images in features"),
    "distance_difference": (
        "difference",
        "distance from clean images in features less that of the controls, in SDs",
    ),
}
"""Name of a bound in the protocol to the attribute of a gauge, and what it measures."""


def beyond(gauge: Gauge | None, bounds: Mapping[str, float]) -> str | None:
    """Return why changed images are out of distribution; None if they are within all bounds.

    A share of predictions may be larger by chance; see `memlab.analysis.gauge.allowed`.

    Args:
        gauge: distances of the changed images; None if they were not measured.
        bounds: bounds by name, from the protocol; names that are not known are ignored.
    """
    for name, bound in bounds.items():
        if gauge is None or name not in MEASURES:
            continue
        attribute, words = MEASURES[name]
        value = getattr(gauge, attribute)
        limit = allowed(gauge, bound) if attribute == "outside" else bound
        if value is not None and value > limit:
            above = number(limit, 2, zero=False)
            return f"out of distribution: {words} is {number(value, 2, zero=False)}, above {above}"
    return None


def no_share(resampled: Resampled) -> Resampled:
    """Return T without a value and draws if its interval lies above 1, which is no share."""
    share = resampled.interval()
    reason = refusal(None, share)
    if reason is None:
        return resampled
    return replace(
        resampled,
        statistic=replace(resampled.statistic, value=None, reason=f"out of distribution: {reason}"),
        draws=np.empty(0),
    )
