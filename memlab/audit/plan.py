"""Plan of an audit: which images, what it costs, and what it can detect."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from memlab.audit.budget import Budget, in_words
from memlab.audit.costs import Costs, Total, costs_of, seconds_of
from memlab.audit.power import LEAST, FeaturePower, noise_of, power_of
from memlab.audit.protocol import Protocol
from memlab.audit.sample import draw, in_random_order
from memlab.audit.trial import Trial
from memlab.audit.work import Work, forwards_of
from memlab.errors import MemlabError

USUAL = 1000
"""Most audited images without a budget."""
SCANNED = 1000
"""Most images of the blind scan."""
CLEAN_SHARE = 0.2
"""Largest share of the budget for the predictions of unchanged images."""
CLEAN_LEAST = 200
"""Unchanged images that are scored whatever the budget says, if there are as many."""


@dataclass(frozen=True)
class StratumPlan:
    """Images of a stratum: in the population, and audited."""

    name: str
    images: int
    audited: int


@dataclass(frozen=True)
class FeaturePlan:
    """Cost and power of a feature.

    Args:
        name: key of the feature.
        label: name for readers.
        images: audited images that its main operator is expected to change.
        forwards: changed images at the primary doses.
        seconds: their time.
        power: smallest detectable effect, and images for a claim of absence; None if left out.
        reason: why the feature is left out, or None.
    """

    name: str
    label: str
    images: int = 0
    forwards: int = 0
    seconds: float = 0.0
    power: FeaturePower | None = None
    reason: str | None = None


@dataclass(frozen=True)
class AuditPlan:
    """Plan of an audit.

    Args:
        audited: ids of the audited images, in the population's order.
        displayed: ids of the audited images that get the dose ladders.
        scanned: ids of the audited images that the blind scan occludes.
        scored: ids of the images that are scored unchanged; the audited images are among them.
        of: number of images that may be audited: those that did not train the model here.
        strata: images by stratum.
        features: cost and power of each feature.
        conditions: number of conditions, the scan's cells not counted.
        clean_forwards: forward passes of unchanged images, for their scores and for the gauge.
        changed_forwards: forward passes of changed images, at most: some controls find no room.
        scan_forwards: forward passes of the blind scan, at most: cells on figures are left out.
        expected_forwards: all forward passes, if as many changes are possible as in the trial.
        seconds: estimated time.
        trial_seconds: time that the trial took.
        trial_images: number of changed images in the trial.
        sd: SD of predictions in the trial.
    """

    audited: list[str]
    displayed: list[str]
    scanned: list[str]
    scored: list[str]
    of: int
    strata: list[StratumPlan]
    features: list[FeaturePlan]
    conditions: int
    clean_forwards: int
    changed_forwards: int
    scan_forwards: int
    expected_forwards: int
    seconds: float
    trial_seconds: float
    trial_images: int
    sd: float

    @property
    def forwards(self) -> int:
        """Return the number of all forward passes, at most."""
        return self.clean_forwards + self.changed_forwards + self.scan_forwards


def plan_audit(
    protocol: Protocol,
    regions: pd.DataFrame,
    strata: pd.Series,
    work: Work,
    trial: Trial,
    budget: Budget,
    seed: int,
    given: str | None = None,
) -> AuditPlan:
    """Return the largest audit that the budget allows.

    Args:
        protocol: the protocol.
        regions: which images of the population have each region, indexed by id.
        strata: stratum of each image of the population, by id.
        work: the conditions.
        trial: measured times and noise.
        budget: limit of the audit.
        seed: seed of the sample.
        given: the budget as the user wrote it.

    Raises:
        MemlabError: if the budget allows fewer than `LEAST` images; says what they would need.
    """
    costs = costs_of(work, regions, trial)
    everything = [str(name) for name in regions.index]
    population = _scored(everything, budget, costs, seed)
    strata = strata.loc[population]

    def sampled(n: int) -> tuple[list[str], list[str], list[str], Total]:
        audited = draw(population, strata.tolist(), n, seed)
        order = in_random_order(audited, seed, "display")
        displayed = order[: math.ceil(protocol.display_share * len(order))]
        scanned = order[: SCANNED if work.scan else 0]
        total = costs.of(audited, displayed, len(scanned), len(population))
        return audited, displayed, scanned, total

    def allowed(n: int) -> bool:
        total = sampled(n)[-1]
        return budget.allows(total.seconds + trial.elapsed, total.forwards)

    limited = budget.seconds is not None or budget.forwards is not None
    most = len(population) if limited else min(len(population), USUAL)
    least = min(LEAST, len(population))
    if not allowed(least):
        total = sampled(least)[-1]
        needs = in_words(total.seconds + trial.elapsed, total.forwards)
        raise MemlabError(
            f"--budget {given}: too small to detect anything: {least} images are the fewest, and "
            f"need {needs} here; give more, or another model or device"
        )
    n = _largest(least, most, allowed)
    audited, displayed, scanned, total = sampled(n)
    chosen = strata.loc[audited].value_counts()
    return AuditPlan(
        audited=audited,
        displayed=[name for name in audited if name in set(displayed)],
        scanned=[name for name in audited if name in set(scanned)],
        scored=population,
        of=len(everything),
        strata=[
            StratumPlan(str(name), int(size), int(chosen.get(name, 0)))
            for name, size in strata.value_counts().sort_index().items()
        ],
        features=_features(protocol, work, regions.loc[audited], trial),
        conditions=len(work.main) + len(work.ladder),
        clean_forwards=total.clean,
        changed_forwards=total.changed,
        scan_forwards=total.scan,
        expected_forwards=total.expected,
        seconds=total.seconds,
        trial_seconds=trial.elapsed,
        trial_images=trial.images,
        sd=trial.sd,
    )


def _scored(everything: list[str], budget: Budget, costs: Costs, seed: int) -> list[str]:
    """Return the images that are scored unchanged: all, or a random part for a small budget."""
    limits = [float(len(everything))]
    if budget.forwards is not None:
        limits.append(max(CLEAN_SHARE * budget.forwards, CLEAN_LEAST))
    if budget.seconds is not None and costs.clean > 0:
        limits.append(max(CLEAN_SHARE * budget.seconds / costs.clean, CLEAN_LEAST))
    count = int(min(limits))
    if count >= len(everything):
        return everything
    chosen = frozenset(in_random_order(everything, seed, "population")[:count])
    return [name for name in everything if name in chosen]


def _largest(low: int, high: int, allowed: Callable[[int], bool]) -> int:
    """Return the largest number that is allowed; `low` is."""
    if allowed(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low


def _features(
    protocol: Protocol, work: Work, regions: pd.DataFrame, trial: Trial
) -> list[FeaturePlan]:
    planned, noise = [], noise_of(trial)
    for feature in protocol.features:
        reason = work.left_out.get(feature.name)
        if reason is not None:
            planned.append(FeaturePlan(feature.name, feature.label, reason=reason))
            continue
        conditions = work.features[feature.name]
        forwards = forwards_of(conditions, regions)
        images = int((forwards[conditions[0].key] > 0).sum())
        planned.append(
            FeaturePlan(
                feature.name,
                feature.label,
                images,
                int(forwards.to_numpy().sum()),
                float(seconds_of(conditions, forwards, trial).sum()),
                power_of(protocol, conditions, images, noise),
            )
        )
    return planned
