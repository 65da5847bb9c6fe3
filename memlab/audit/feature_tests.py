"""p-values of features: permutation tests of removals, inverted intervals of swaps, and Holm."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.effect import PValue
from memlab.analysis.significance import (
    by_interval,
    permuted,
    size_by_interval,
    smaller,
    swap_tests,
)
from memlab.audit.estimates import FeatureData
from memlab.stats import holm
from memlab.stats.intervals import Resampled


@dataclass(frozen=True)
class FeatureTests:
    """Tests of a feature; each p is corrected over the features of its family of tests.

    Args:
        either: for a removal, M or S; for a swap, whether it moves more than its round trip.
        signed: S is not 0; without a p for swaps.
        energy: M is above 0; without a p for swaps.
    """

    either: PValue
    signed: PValue
    energy: PValue


def feature_tests(
    data: Sequence[FeatureData],
    ranked: Collection[str],
    resampled: Mapping[str, Mapping[str, Resampled]],
    random_shapes: set[str],
    seed: int,
    resamples: int,
) -> dict[str, FeatureTests]:
    """Test every feature that was measured.

    A removal has a permutation test within image; fills are averaged first. Controls that are
    random shapes are not exchangeable with the region; if most are, S and the squared effect are
    tested by their intervals. A swap is tested against its round trip. Holm's correction is over
    the ranked representatives, which the protocol declares; the other features are corrected among
    themselves.

    Args:
        data: the features with their estimates.
        ranked: names of the features that represent their families.
        resampled: feature to its resampled estimates.
        random_shapes: conditions in which most controls are random shapes.
        seed: seed of the permutations.
        resamples: number of sign flips.
    """
    tests: dict[str, FeatureTests] = {}
    swaps: dict[str, ImageEffects] = {}
    unpermuted = []
    for one in data:
        name, feature = one.feature.name, one.feature
        if one.reason is not None or name not in resampled:
            missing = PValue(reason=one.reason or "not measured")
            tests[name] = FeatureTests(missing, missing, missing)
        elif one.swap is not None and feature.kind == "value":
            swaps[name] = one.swap
        elif {record.change for record in one.records} & random_shapes:
            signed = by_interval("specific effect S not 0", resampled[name]["specific_effect"])
            size = size_by_interval(resampled[name])
            tests[name] = FeatureTests(smaller(signed, size), signed, size)
        else:
            unpermuted.append(one)
    none = PValue(reason="a swap has no mean effect: its sign is that of the donor")
    for name, test in zip(swaps, swap_tests(list(swaps.values()), seed, resamples), strict=True):
        tests[name] = FeatureTests(test, none, none)
    if unpermuted:
        removals = [list(one.removals.values()) for one in unpermuted]
        found = permuted(removals, seed, removals[0][0].images.audited)
        tests |= {
            one.feature.name: FeatureTests(*of_one)
            for one, of_one in zip(unpermuted, found, strict=True)
        }
    for group in (
        [name for name in tests if name in ranked],
        [name for name in tests if name not in ranked],
    ):
        for kind in ("either", "signed", "energy"):
            ps = holm([getattr(tests[name], kind).p for name in group])
            for name, p in zip(group, ps, strict=True):
                corrected = replace(getattr(tests[name], kind), p_corrected=p)
                tests[name] = replace(tests[name], **{kind: corrected})
    return tests
