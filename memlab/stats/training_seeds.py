"""Bootstrap over images and over training runs that differ in their seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from memlab.seeds import seed_of
from memlab.stats.blocks import AnyEstimate
from memlab.stats.bootstrap import RESAMPLES, Bootstrap, bootstrap
from memlab.stats.intervals import LEVEL, Resampled
from memlab.stats.measures import Array, Statistic
from memlab.stats.resampling import Strata


def bootstrap_seeds(
    estimates: Mapping[str, Sequence[AnyEstimate]],
    seed: int,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    weights: Array | None = None,
    strata: Strata | None = None,
) -> Bootstrap:
    """Estimate the mean over training seeds, resampling seeds and images.

    All networks score the same images, so seeds and images are crossed: a resample draws images,
    the same for all networks, and networks, the same for all estimates (Owen 2007, Annals of
    Applied Statistics 1, 386–411). Of R networks, R - 1 are drawn with replacement: the variance of
    the mean is then s² / R without bias (Rao & Wu 1988, JASA 83, 231–241); drawing R would make it
    too small by the factor (R - 1) / R. Intervals are percentile intervals. If seeds vary more than
    images, few networks underestimate the variation: intervals from 2, 3, 5 and 10 networks
    contained the true value in 75, 89, 93 and 95 % of 150 simulated audits.

    With a single network, only its images are resampled, and `method` says so.

    Args:
        estimates: by name, one estimate per network; networks have the same order for all names.
        seed: seed of the resampling.
        resamples: number of resamples.
        level: level of the intervals.
        weights: (n,) inverse-inclusion weights.
        strata: strata that the images were sampled from.

    Raises:
        ValueError: if names have different numbers of networks, or none.
    """
    counts = {len(per_seed) for per_seed in estimates.values()}
    if len(counts) > 1 or 0 in counts:
        raise ValueError(f"training seeds per estimate: {sorted(counts)}; need one number")
    if not estimates:
        return Bootstrap({})
    (networks,) = counts
    if networks == 1:
        plain = bootstrap(
            {name: per_seed[0] for name, per_seed in estimates.items()},
            seed,
            resamples,
            level,
            weights,
            strata,
        )
        unit = "images, of one training seed"
        return Bootstrap(
            {
                name: dataclasses.replace(resampled, unit=unit)
                for name, resampled in plain.resampled.items()
            }
        )
    flat = {
        f"{at} {name}": estimate
        for name, per_seed in estimates.items()
        for at, estimate in enumerate(per_seed)
    }
    bootstrapped = bootstrap(flat, seed, resamples, level, weights, strata, kind="percentile")
    rng = np.random.default_rng(seed_of(seed, "training seeds"))
    share = np.full(networks, 1 / networks)
    drawn = rng.multinomial(networks - 1, share, size=resamples) / (networks - 1)
    unit = f"images and {networks} training seeds"
    combined = {}
    for name in estimates:
        singles = [bootstrapped[f"{at} {name}"] for at in range(networks)]
        statistic = _mean([bootstrapped.statistic for bootstrapped in singles])
        draws = np.empty(0)
        if statistic.value is not None and statistic.reason is None:
            values = np.stack([bootstrapped.draws for bootstrapped in singles], axis=1)
            # 0 · NaN is NaN, so a network that was not drawn would make the resample undefined.
            draws = np.where(drawn > 0, drawn * values, 0.0).sum(axis=1)
        combined[name] = Resampled(statistic, draws, kind="percentile", unit=unit, level=level)
    return Bootstrap(combined)


def _mean(statistics: Sequence[Statistic]) -> Statistic:
    n = min(statistic.n for statistic in statistics)
    for index, statistic in enumerate(statistics):
        if statistic.value is None:
            return Statistic(
                None,
                n,
                reason=f"training seed {index + 1} of {len(statistics)}: {statistic.reason}",
            )
    value = float(
        np.mean([statistic.value for statistic in statistics if statistic.value is not None])
    )
    return Statistic(
        value,
        n,
        reason=next((statistic.reason for statistic in statistics if statistic.reason), None),
    )
