"""Contrasts that the protocol declares, and the comparison of two regions on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.means import combine
from memlab.analysis.quantities import removal_quantities
from memlab.audit.estimates import FeatureData, bearing
from memlab.audit.protocol import Protocol
from memlab.audit.resampling import Resampling
from memlab.audit.result import ContrastResult
from memlab.audit.semantic import contrast
from memlab.audit.shares import Shares
from memlab.stats import Estimate


def contrasts(
    protocol: Protocol,
    data: Sequence[FeatureData],
    shares: Shares,
    stands_in: Mapping[str, str],
    resampling: Resampling,
) -> list[ContrastResult]:
    """Return the declared contrasts of T.

    Two regions are also compared by their RMS effect over the images that have both: a model that
    reads faces alone otherwise seems to rely on people, who have faces.

    Args:
        protocol: the protocol.
        data: the features with their estimates.
        shares: T of the features.
        stands_in: feature that cannot be measured to the feature that takes its place.
        resampling: the resamples.
    """
    by_name = {one.feature.name: one for one in data}
    found = []
    for declared in protocol.contrasts:
        first, second = (
            [stands_in.get(name, name) for name in group]
            for group in (declared.first, declared.second)
        )
        regions = [by_name[name] for name in (*first, *second)]
        same = None
        if len(first) == len(second) == 1 and all(one.removals for one in regions):
            estimate = _same_images(*regions)
            same = resampling.of({"difference": estimate})["difference"].interval()
        found.append(contrast(declared.name, first, second, shares, same, protocol.level))
    return found


def _same_images(first: FeatureData, second: FeatureData) -> Estimate:
    """Return the difference of RMS effects, in SDs, over the images that bear on both features."""
    both = bearing(first) & bearing(second)
    sizes = [
        removal_quantities([_among(effects, both) for effects in one.removals.values()])[
            "rms_effect_sd"
        ]
        for one in (first, second)
    ]
    difference = combine(lambda a, b: a - b, *sizes)
    if difference.reason == "no eligible image":
        difference = replace(difference, reason="no image has both with controls for both")
    return difference


def _among(effects: ImageEffects, among: NDArray[np.bool_]) -> ImageEffects:
    kept = {
        role: np.where(among[:, None], values, np.nan) for role, values in effects.by_role.items()
    }
    return replace(effects, by_role=kept)
