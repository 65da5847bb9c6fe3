"""p-values of a test's ablations: of the mean effect, of its size, and of either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.comparisons import Subject
from memlab.analysis.effect import PValue, Tests
from memlab.analysis.per_image import occlusions, row_mean, swap_square
from memlab.stats import PermutationTests, Test, holm, permutation_tests
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Array
from memlab.stats.sizes import RESAMPLES as FLIPS
from memlab.stats.sizes import SizeTest, size_tests

UNSIGNED = "of a swap there is no mean effect: its sign is that of the donor drawn"


def tests(
    subjects: Mapping[str, Subject],
    resampled: Mapping[str, Mapping[str, Resampled]],
    seed: int,
    nuisance: Mapping[str, ImageEffects],
) -> dict[str, Tests]:
    """Test all primary ablations.

    An ablation with its own controls has a permutation test within image: two-sided S for the mean,
    the energy distance M for the size, the larger of both for either. If its controls are not
    exchangeable with it (off-centre crops), only S is tested, by its interval. If most of them are
    random shapes, S and the squared effect are tested by their intervals. A swap is tested against
    its round trip. For a change of the whole image, the mean is tested by its interval, and
    the size against each nuisance change; the largest p is used, which needs no correction for
    their number.

    Holm's correction uses the raw p-values of all ablations, separately for each kind of test, and
    is valid for any dependence between them. Max-T over the ablations with controls has more power
    but is valid for these alone; it is reported as well.

    Args:
        subjects: ablations by condition; only primary ablations are tested, and no nuisance
            changes.
        resampled: condition to its resampled estimates, by the names of `comparisons.estimates`.
        seed: seed of permutations and resamples.
        nuisance: nuisance changes by condition.
    """
    tested = {
        key: subject
        for key, subject in subjects.items()
        if subject.primary and subject.role != "nuisance"
    }
    permuted = _permuted({k: s for k, s in tested.items() if _exchangeable(s)}, seed)
    sizes = _sizes({k: s for k, s in tested.items() if s.beside_baseline}, nuisance, seed)
    swapped = {key: subject for key, subject in tested.items() if subject.role == "swap"}
    found = swap_tests([subject.effects for subject in swapped.values()], seed)
    swaps = dict(zip(swapped, found, strict=True))
    raw = {}
    for key, subject in tested.items():
        if key in permuted:
            raw[key] = permuted[key]
        elif subject.role == "swap":
            raw[key] = Tests(swaps[key], PValue(None, 0, reason=UNSIGNED), swaps[key])
        elif subject.no_control and subject.controlled:
            none = PValue(None, 0, reason=subject.no_control)
            raw[key] = Tests(none, none, sizes.get(key, none))
        elif subject.controlled:
            mean = by_interval("specific effect S not 0", resampled[key]["specific_effect"])
            size = PValue(None, 0, reason=subject.unlike)
            if subject.random_shapes:
                size = size_by_interval(resampled[key])
            raw[key] = Tests(smaller(mean, size), mean, size)
        else:
            mean = by_interval("mean effect not 0", resampled[key]["effect"])
            raw[key] = Tests(mean, mean, sizes[key])
    corrected = {
        kind: holm([getattr(of_ablation, kind).p for of_ablation in raw.values()])
        for kind in ("either", "mean", "size")
    }
    return {
        key: Tests(
            **{
                kind: replace(getattr(of_ablation, kind), p_corrected=corrected[kind][index])
                for kind in corrected
            }
        )
        for index, (key, of_ablation) in enumerate(raw.items())
    }


def _exchangeable(subject: Subject) -> bool:
    return subject.controlled and not subject.unlike and not subject.no_control


def _permuted(subjects: Mapping[str, Subject], seed: int) -> dict[str, Tests]:
    found = permuted([[subject.effects] for subject in subjects.values()], seed)
    return {key: Tests(*of_one) for key, of_one in zip(subjects, found, strict=True)}


def permuted(
    features: Sequence[Sequence[ImageEffects]], seed: int, weights: Array | None = None
) -> list[tuple[PValue, PValue, PValue]]:
    """Test regions against their matched controls by permutations within images.

    Args:
        features: the removals of each feature, one per fill.
        seed: seed of the permutations.
        weights: (n,) weights of the images.

    Returns:
        For each feature the p-values of the larger of M and |S|, of S and of M.
    """
    if not features:
        return []
    target, control = occlusions(features)
    found: PermutationTests = permutation_tests(target, control, seed, weights=weights)
    words = (
        (found.either, "beyond the matched controls: the larger of M and |S|"),
        (found.specific, "specific effect S not 0"),
        (found.energy, "energy distance M to the matched controls above 0"),
    )

    def described(test: Test, statistic: str) -> PValue:
        return PValue(statistic, test.n, test.p, None, test.p_all, test.method, test.reason)

    either, specific, energy = (
        [described(test, name) for test in of_all] for of_all, name in words
    )
    return list(zip(either, specific, energy, strict=True))


def swap_tests(swaps: Sequence[ImageEffects], seed: int, resamples: int = FLIPS) -> list[PValue]:
    """Test that each swap moves predictions more than its round trip does.

    The mean of D² - B² over images is tested; see `memlab.stats.sizes`. An interval of T is no
    basis for a small p: its ends far from the estimate depend on few resamples.

    Args:
        swaps: swaps with their round trips.
        seed: seed of signs and resamples.
        resamples: number of sign flips and of resamples.
    """
    statistic = "squared effect beyond the round trip above 0"
    if not swaps:
        return []
    weight = swaps[0].images.audited
    columns = [np.where(weight > 0, weight * swap_square(one), np.nan) for one in swaps]
    tested = size_tests(np.stack(columns, axis=1), seed, resamples)
    alone = [np.isfinite(one.of("swap")).any() for one in swaps]
    return [
        PValue(
            statistic,
            one.n,
            one.p,
            method=one.method,
            reason="no draw of the round trip" if one.n == 0 and swapped else one.reason,
        )
        for one, swapped in zip(tested, alone, strict=True)
    ]


def by_interval(statistic: str, resampled: Resampled, above: bool = False) -> PValue:
    """Test that an estimate is not 0, or is above 0, by inverting its interval."""
    interval = resampled.interval()
    ends = [resampled.p_above(0)] if above else [resampled.p_above(0), resampled.p_below(0)]
    ps = [p for p in ends if p is not None]
    if not ps:
        return PValue(statistic, interval.n, reason=interval.reason)
    p = ps[0] if above else min(1.0, 2 * min(ps))
    return PValue(statistic, interval.n, p, method=f"inverted interval: {interval.method}")


def size_by_interval(resampled: Mapping[str, Resampled]) -> PValue:
    """Test that a region moves predictions more than random shapes of its area do.

    The lower reading of the squared effect is used: it subtracts how much random shapes differ.
    """
    return by_interval(
        "squared effect beyond random shapes above 0", resampled["rms_effect_lower"], above=True
    )


def smaller(first: PValue, second: PValue) -> PValue:
    """Return the test with the smaller p, corrected for the choice between two (Bonferroni)."""
    there = [test for test in (first, second) if test.p is not None]
    if len(there) < 2:
        return there[0] if there else first
    least = min(there, key=lambda test: test.p or 0.0)
    return replace(least, p=min(1.0, 2 * (least.p or 0.0)))


def _sizes(
    subjects: Mapping[str, Subject], nuisance: Mapping[str, ImageEffects], seed: int
) -> dict[str, PValue]:
    """Test that the RMS effect is above that of every nuisance change."""
    statistic = "RMS effect above the nuisance baseline"
    if not nuisance:
        none = PValue(statistic, 0, reason="no nuisance change was run")
        return dict.fromkeys(subjects, none)
    squares = [row_mean(effects.of("nuisance") ** 2) for effects in nuisance.values()]
    columns = []
    for subject in subjects.values():
        of_ablation = row_mean(subject.effects.of(subject.role) ** 2)
        weight = subject.effects.images.audited
        columns += [
            np.where(weight > 0, weight * (of_ablation - of_nuisance), np.nan)
            for of_nuisance in squares
        ]
    tested = size_tests(np.stack(columns, axis=1), seed) if columns else []
    return {
        key: _largest(statistic, tested[index * len(squares) : (index + 1) * len(squares)])
        for index, key in enumerate(subjects)
    }


def _largest(statistic: str, against_nuisance: list[SizeTest]) -> PValue:
    """Return the largest p: the effect exceeds all nuisance changes (Berger 1982)."""
    tested = [test for test in against_nuisance if test.p is not None]
    if not tested:
        return PValue(statistic, against_nuisance[0].n, reason=against_nuisance[0].reason)
    most = max(tested, key=lambda test: test.p or 0.0)
    method = f"{most.method}; largest p of {len(tested)} nuisance changes"
    return PValue(statistic, most.n, most.p, method=method)
