"""Which feature stands for each family in an audit, and what an unmeasured one could amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memlab.audit.estimates import FeatureData, bearing
from memlab.audit.feature_result import FeatureResult
from memlab.audit.protocol import Protocol


def stand_ins(protocol: Protocol, data: Sequence[FeatureData]) -> dict[str, str]:
    """Return the features that lack masks, and what takes their place.

    Args:
        protocol: the protocol.
        data: the features with their estimates.

    Returns:
        Name of a feature that was not run, or changed no image, to the name of a measured one.
    """
    measured = {one.feature.name: bool(bearing(one).any()) for one in data}
    return {
        feature.stands_in_for: feature.name
        for feature in protocol.features
        if feature.stands_in_for is not None
        and measured.get(feature.name)
        and not measured.get(feature.stands_in_for)
    }


def representatives(protocol: Protocol, stands_in: Mapping[str, str]) -> list[str]:
    """Return the names of the features that stand for their families in this audit."""
    return [stands_in.get(one.name, one.name) for one in protocol.representatives]


def upper_bounds(features: Sequence[FeatureResult], largest: float) -> dict[str, float]:
    """Return the largest T that each feature could have if it was not measured.

    The T of a feature that images have or lack is p (1 − p) g². With `largest` as g it is bounded
    by prevalence, also where few images have the feature. Any other T is bounded by 1 alone.

    Args:
        features: results of the features.
        largest: largest plausible RMS effect, in SDs of the clean predictions.
    """
    bounds = {}
    for one in features:
        share = one.prevalence
        if one.kind == "presence" and share.value is not None:
            p = min(0.5, share.value if share.high is None else share.high)
            bounds[one.name] = p * (1 - p) * largest**2
        else:
            bounds[one.name] = 1.0
    return bounds
