"""Simpler methods beside the full audit, from the audit's own tables: no model is run again.

Each method gives a share of the predictions' variance for every feature, so that all are compared
on one scale, and a claim by its interval alone.

- without controls: squared effects of removals and swaps, nothing subtracted;
- single dose: one draw of one fill at the middle dose of the ladder, with its controls, on the
  images that have ladders, a fifth of the sample;
- signed effect: the squared mean effect beyond the control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from memlab.analysis import quantities
from memlab.analysis.arrays import ImageEffects, Images, read_effects, read_images
from memlab.analysis.per_image import row_mean, specific
from memlab.analysis.quantities import SESOI_T, combine, mean, prevalence, variance_of_predictions
from memlab.audit.conditions import conditions_of, ladder_of
from memlab.audit.protocol import Feature, Protocol
from memlab.shards import read_parquet
from memlab.stats import CLAIM_LEVEL, Estimate, bootstrap
from memlab.stats.measures import Array

Square = Callable[[Images, Sequence[ImageEffects]], Estimate]
"""Mean squared effect of a feature, from its removals or swaps."""

RESAMPLES = 2000
METHODS = ("without controls", "single dose", "signed effect")


@dataclass(frozen=True)
class Found:
    """Estimate of a method for one feature, with its interval and claim."""

    value: float | None
    low: float | None
    high: float | None
    claim: str


def simple_estimates(
    rows: pd.DataFrame, conditions: pd.DataFrame, protocol: Protocol, seed: int = 0
) -> dict[str, dict[str, Found]]:
    """Return the estimates of the simpler methods: by method, by feature.

    Args:
        rows: the clean predictions of the whole table; `audited` is 1 for the audited images, and
            `weight` the number of images that each of these represents.
        conditions: the changed images.
        protocol: the protocol of the audit.
        seed: seed of the bootstrap.
    """
    images = read_images(rows[rows["audited"] == 1], rows.drop(columns="weight"))
    effects = read_effects(images, conditions)
    found: dict[str, dict[str, Found]] = {name: {} for name in METHODS}
    for feature in protocol.features:
        primary = _named(effects, _keys(protocol, feature))
        ladder = _named(effects, {condition.name for condition in ladder_of(protocol, feature)})
        estimates = {
            "without controls": _share(feature, images, primary, _raw),
            "single dose": _share(feature, images, _single(ladder), _above_control),
            "signed effect": _share(feature, images, primary, _signed),
        }
        for name, estimate in estimates.items():
            if estimate is not None:
                found[name][feature.name] = _found(estimate, seed)
    return found


def _keys(protocol: Protocol, feature: Feature) -> set[str]:
    kept = replace(feature, insertion=None)
    return {condition.name for condition in conditions_of(protocol, kept)}


def _named(effects: dict[str, ImageEffects], names: set[str]) -> list[ImageEffects]:
    return [effect for name, effect in effects.items() if name in names]


def _single(ladder: Sequence[ImageEffects]) -> list[ImageEffects]:
    """Return one draw of the ablation at the middle dose."""
    ordered = sorted(ladder, key=lambda effect: effect.dose)
    if not ordered:
        return []
    middle = ordered[len(ordered) // 2]
    first = {
        role: values[:, :1] if role in ("target", "swap") else values
        for role, values in middle.by_role.items()
    }
    return [replace(middle, by_role=first)]


def _share(
    feature: Feature, images: Images, effects: Sequence[ImageEffects], square: Square
) -> Estimate | None:
    """Return the share of variance that a method's squared effect implies.

    A presence feature with prevalence p counts 2 p (1 - p) times, a value as often as a pair of
    images has it; see `memlab.analysis.quantities`.
    """
    removals = [effect for effect in effects if "target" in effect.by_role]
    swaps = [effect for effect in effects if "swap" in effect.by_role]
    used = removals if feature.kind == "presence" else swaps
    if not used:
        return None
    moved = square(images, used)
    if feature.kind == "presence":
        share = prevalence(images, feature.name)
        return combine(_presence, share, moved, variance_of_predictions(images), n=moved.n)
    share = mean(images, quantities.presence(used[0]))

    def of_pairs(p: Array, v: Array, variance: Array) -> Array:
        return np.asarray(quantities.pairs_share(used[0], p) * v / (2 * variance))

    return combine(of_pairs, share, moved, variance_of_predictions(images), n=moved.n)


def _presence(p: Array, square: Array, variance: Array) -> Array:
    return np.asarray(p * (1 - p) * square / variance)


def _raw(images: Images, effects: Sequence[ImageEffects]) -> Estimate:
    """Mean squared effect, averaged over draws and fills within an image."""
    squares = [row_mean(_main(effect) ** 2) for effect in effects]
    return mean(images, row_mean(np.stack(squares, axis=1)))


def _above_control(_images: Images, effects: Sequence[ImageEffects]) -> Estimate:
    """Mean squared effect beyond the control, of one draw."""
    effect = effects[0]
    if "target" in effect.by_role:
        return quantities.removed_square([effect])
    return quantities.value_quantities(effect).estimates["squared_effect"]


def _signed(images: Images, effects: Sequence[ImageEffects]) -> Estimate:
    """Squared mean effect beyond the control."""
    columns = [
        specific(effect)
        if "target" in effect.by_role
        else row_mean(effect.of("swap")) - row_mean(effect.of("round-trip"))
        for effect in effects
    ]
    average = mean(images, row_mean(np.stack(columns, axis=1)))
    return combine(lambda value: value**2, average)


def _main(effect: ImageEffects) -> Array:
    return effect.of("target") if "target" in effect.by_role else effect.of("swap")


def _found(estimate: Estimate, seed: int) -> Found:
    statistic = bootstrap({"": estimate}, seed, RESAMPLES, kind="percentile").statistics[""]
    value, low, high = statistic.value, statistic.low, statistic.high
    if value is None or low is None or high is None:
        return Found(value, low, high, "cannot tell")
    inner = bootstrap({"": estimate}, seed, RESAMPLES, level=CLAIM_LEVEL, kind="percentile")
    ends = inner.statistics[""]
    if ends.low is not None and ends.low > SESOI_T:
        return Found(value, low, high, "relies")
    if ends.high is not None and ends.high < SESOI_T:
        return Found(value, low, high, "does not rely")
    return Found(value, low, high, "cannot tell")


def read_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows and conditions of an audit folder."""
    return read_parquet(folder / "rows.parquet"), read_parquet(folder / "conditions.parquet")
