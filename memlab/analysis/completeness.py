"""Completeness of contrasts: do maps sum to what they explain, and is the reference typical?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from memlab.numbers import number
from memlab.stats.measures import Statistic

TYPICAL = 0.5
"""Largest distance of a typical reference from the mean score, in SDs of the scores."""


def completeness(arrays: Mapping[str, Any]) -> dict[str, Statistic]:
    """Return figures of a contrast in units of the score; empty for other methods.

    Args:
        arrays: `reference`, `residual` and `predicted` of `maps/METHOD.npz`, (n,) each.

    Returns:
        `residual`, the largest absolute one of the finite maps; `reference`, the mean score of the
        reference; `reference_distance`, the mean score of the explained images less that of the
        reference, in SDs of these images' scores (null for equal scores).
    """
    if "residual" not in arrays or "reference" not in arrays:
        return {}
    residual, reference, predicted = (
        np.asarray(arrays[name], dtype=float) for name in ("residual", "reference", "predicted")
    )
    finite = np.isfinite(residual)  # a map that is not finite is left out
    residual, reference, predicted = residual[finite], reference[finite], predicted[finite]
    n = len(residual)
    if n == 0:
        return {}
    sd = float(predicted.std(ddof=1)) if n > 1 else 0.0
    distance = float(predicted.mean() - reference.mean())
    return {
        "residual": Statistic(float(np.abs(residual).max()), n),
        "reference": Statistic(float(reference.mean()), n),
        "reference_distance": Statistic(distance / sd, n)
        if sd > 0
        else Statistic(None, n, reason="the scores do not vary"),
    }


def completeness_text(method: str, checks: Mapping[str, Statistic]) -> list[str]:
    """Return what the maps of a contrast sum to, and whether its reference is typical, in words."""
    residual, reference = checks.get("residual"), checks.get("reference")
    if residual is None or reference is None or residual.value is None or reference.value is None:
        return []
    said = [
        f"{method}: a map and what has no position sum to the score minus that of the reference, "
        f"{number(reference.value, 3)}; largest error {number(residual.value, 6)}."
    ]
    distance = checks["reference_distance"].value
    if distance is not None and abs(distance) > TYPICAL:
        side = "above" if distance > 0 else "below"
        said.append(
            f"{method}: the reference is not typical: these images score {number(abs(distance), 1)}"
            f" SD {side} it on average, and this difference is a part of every map. "
            "Compare maps with each other, not with 0."
        )
    return said
