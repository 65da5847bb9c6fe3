"""Note on features whose changed images lie farther from unchanged images than their controls."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.analysis.gauge import WARNING
from memlab.audit.feature_result import FeatureResult
from memlab.numbers import number


def distance_notes(features: Sequence[FeatureResult]) -> list[str]:
    """Return a note that names the features above `WARNING`, the farthest first; or none.

    A condition that is left out of T (beyond the bounds, or an insertion that does not agree with
    the removal) is not counted.

    Args:
        features: results of the features.
    """
    farthest: dict[str, float] = {}
    for one in features:
        unused = {one.insertion.condition} if one.insertion and not one.insertion.used else set()
        largest = max(
            (
                each.gauge.difference
                for each in one.gauge
                if each.reason is None
                and each.condition not in unused
                and each.gauge.difference is not None
            ),
            default=0.0,
        )
        if largest > WARNING:
            farthest[one.label] = largest
    if not farthest:
        return []
    order = sorted(farthest, key=lambda label: (-farthest[label], label))
    named = ", ".join(f"{label} ({number(farthest[label], 2)} SD)" for label in order)
    return [
        f"In the model's features, changed images lie more than {number(WARNING, 1)} SD farther "
        f"from unchanged images than their controls do: {named}. Part of these effects may come "
        "from that."
    ]
