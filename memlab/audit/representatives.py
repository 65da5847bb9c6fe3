"""Which feature stands for each family in an audit, and what an unmeasured one could amount to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from memlab.audit.estimates import FeatureData, bearing
from memlab.audit.protocol import Protocol
from memlab.stats.intervals import Resampled


def stand_ins(protocol: Protocol, data: Sequence[FeatureData]) -> dict[str, str]:
    """Return the features that lack masks, and what takes their place.

    Args:
        protocol: the protocol.
        data: the features with their estimates.

    Returns:
        Name of a feature that was compared on fewer images than may decide, to the name of a
        feature that was compared on more.
    """
    least = int(protocol.thresholds["least_images"])
    compared = {one.feature.name: int(bearing(one).sum()) for one in data}
    return {
        feature.stands_in_for: feature.name
        for feature in protocol.features
        if feature.stands_in_for is not None
        and compared[feature.stands_in_for] < least
        and compared[feature.stands_in_for] < compared[feature.name]
    }


def representatives(protocol: Protocol, stands_in: Mapping[str, str]) -> list[str]:
    """Return the names of the features that stand for their families in this audit."""
    return [stands_in.get(one.name, one.name) for one in protocol.representatives]


def unmeasured_shares(
    protocol: Protocol,
    resampled: Mapping[str, Mapping[str, Resampled]],
    measured: Collection[str],
    unexchanged: Collection[str],
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the largest T that features without a T could have, and the largest exchange.

    T of a feature that images have or lack is p (1 - p) g² + p² h² / 2, where g is the effect of
    its presence, and h that of another of its kind in its place. With the protocol's largest effect
    for both, T is bounded by prevalence, also where few images have the feature; of a value within
    a presence feature, only the exchange counts. A feature that no image has moves nothing. Any
    other T is bounded by 1 alone.

    Args:
        protocol: the protocol.
        resampled: feature to its resampled estimates.
        measured: features with a T.
        unexchanged: those whose T is of presence alone.

    Returns:
        Feature without a T to its bound, and feature without an exchange to the bound of that;
        without those whose bound is 0.
    """
    largest = protocol.thresholds["largest_effect"] ** 2
    whole: dict[str, float] = {}
    exchange: dict[str, float] = {}
    for feature in protocol.features:
        name = feature.name
        known = resampled.get(name, {}).get("prevalence")
        share = None if known is None else known.interval()
        bound = feature.kind == "presence" or feature.within is not None
        if not bound or share is None or share.value is None:
            whole[name] = 1.0
            continue
        p = share.value if share.high is None else share.high
        exchange[name] = p**2 * largest / 2
        present = min(p, 0.5) * (1 - min(p, 0.5)) * largest
        whole[name] = exchange[name] + (present if feature.kind == "presence" else 0.0)
    return (
        {name: most for name, most in whole.items() if most and name not in measured},
        {name: most for name, most in exchange.items() if most and name in unexchanged},
    )
