"""Bounds of the gauge: beyond them, changed images say nothing about a feature."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.analysis.gauge import Gauge
from memlab.numbers import number

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

    Args:
        gauge: distances of the changed images; None if they were not measured.
        bounds: bounds by name, from the protocol; names that are not known are ignored.
    """
    for name, bound in bounds.items():
        if gauge is None or name not in MEASURES:
            continue
        attribute, words = MEASURES[name]
        value = getattr(gauge, attribute)
        if value is not None and value > bound:
            return (
                f"out of distribution: {words} is {number(value, 2, zero=False)}, above {bound:g}"
            )
    return None
