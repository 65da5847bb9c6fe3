"""Cross-check of maps: does what a map says of a region predict the effect of removing it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from memlab.analysis.map_removals import primary_removals
from memlab.attributions.texts import PREFIX
from memlab.numbers import interval, number, p_value
from memlab.stats.equivalence import holm
from memlab.stats.measures import Array, Statistic

FEWEST = 10
"""Images below which no correlation is computed."""
RESAMPLES = 2000


@dataclass(frozen=True)
class MapEvidence:
    """Agreement of maps with the measured effect of removing a region, over images.

    Args:
        region: the region.
        condition: the removal at its primary dose.
        rho: partial Spearman correlation of the map's sum on the region with the specific effect,
            with the area of the region held constant.
        p: share of shuffles of the images with at least this correlation, one-sided.
        reliability: the same correlation of the effects of two halves of the draws, with the area
            held constant, by Spearman-Brown for all draws; `rho` cannot be expected above its root.
        p_corrected: p by Holm's method, over the regions and methods of the test.
    """

    region: str
    condition: str
    rho: Statistic
    p: float | None
    reliability: float | None
    p_corrected: float | None = None


def map_evidence(
    arrays: Mapping[str, Any], conditions: pd.DataFrame, seed: int
) -> list[MapEvidence]:
    """Return the agreement for each region that has masks, maps and a measured removal.

    The specific effect of an image is the mean score of its matched controls minus that of the
    image without the region. A map that is right says the same sum of score for the region.

    Args:
        arrays: the content of `maps/METHOD.npz`, with `check_inside_REGION` and
            `check_area_REGION`.
        conditions: the table of conditions of the same test.
        seed: seed of the shuffles and of the bootstrap.
    """
    found = []
    primary = primary_removals(conditions)
    for condition in primary.loc[primary["role"] == "target", "condition"].unique():
        of_condition = primary[primary["condition"] == condition]
        region = str(of_condition["region"].iloc[0])
        if f"{PREFIX}inside_{region}" not in arrays:
            continue
        controls = primary[primary["condition"] == f"{condition}:control"]
        effects = pd.DataFrame(
            {half: _effects(of_condition, controls, half) for half in ("all", "even", "odd")}
        )
        maps = pd.DataFrame(
            {
                "inside": np.asarray(arrays[f"{PREFIX}inside_{region}"], dtype=float),
                "area": np.asarray(arrays[f"{PREFIX}area_{region}"], dtype=float),
            },
            index=[str(one) for one in arrays["id"]],
        )
        joined = maps.join(effects, how="inner").dropna(subset=["inside", "area", "all"])
        found.append(_evidence(region, str(condition), joined, seed))
    return found


def corrected(evidence: Mapping[str, list[MapEvidence]]) -> dict[str, list[MapEvidence]]:
    """Return the evidence by method, with p corrected over all regions and methods of a test."""
    every = [(method, one) for method, several in evidence.items() for one in several]
    adjusted = holm([one.p for _, one in every])
    result: dict[str, list[MapEvidence]] = {method: [] for method in evidence}
    for (method, one), p in zip(every, adjusted, strict=True):
        result[method].append(replace(one, p_corrected=p))
    return result


def evidence_text(method: str, one: MapEvidence) -> str:
    """Return a sentence on the agreement for one region."""
    if one.rho.value is None:
        return (
            f"{method}, {one.region}: cannot tell whether maps predict effects: {one.rho.reason}."
        )
    p = one.p if one.p_corrected is None else one.p_corrected
    verb = "predicts" if p is not None and p < 0.05 else "is not shown to predict"
    return (
        f"{method}, {one.region}: the map's sum on the region {verb} the effect of removing it: "
        f"ρ = {number(one.rho.value, 2)} {interval(one.rho.low, one.rho.high, 2)} at equal area, "
        f"p = {p_value(p)}, "
        f"n = {one.rho.n} (reliability of the effects at equal area {number(one.reliability, 2)})."
    )


def partial_rho(one: Array, other: Array, held: Array) -> Array:
    """Return the Spearman correlation of two variables with a third held constant: (...,).

    Pearson's correlation of the residuals of ranks, after regression on the ranks of the third; NaN
    if one of them is the same for all images.

    Args:
        one: (..., n).
        other: (..., n).
        held: (..., n).
    """
    return _correlation(*_residuals(one, other, held))


def _residuals(one: Array, other: Array, held: Array) -> tuple[Array, Array]:
    x, y, z = (stats.rankdata(values, axis=-1) for values in (one, other, held))
    x, y, z = (values - values.mean(axis=-1, keepdims=True) for values in (x, y, z))
    square = np.maximum((z * z).sum(axis=-1, keepdims=True), 1e-9)
    x, y = (values - z * (values * z).sum(axis=-1, keepdims=True) / square for values in (x, y))
    return x, y


def _correlation(x: Array, y: Array) -> Array:
    size = np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho: Array = np.where(size > 1e-6, (x * y).sum(axis=-1) / size, np.nan)
    return rho


def _effects(target: pd.DataFrame, controls: pd.DataFrame, half: str) -> pd.Series:
    """Return the specific effect by image id, from all draws or from every second one."""
    means = []
    for table in (target, controls):
        draws = table if half == "all" else table[table["draw"] % 2 == (half == "odd")]
        means.append(draws.groupby("id")["predicted"].mean())
    return means[1] - means[0]


def _evidence(region: str, condition: str, table: pd.DataFrame, seed: int) -> MapEvidence:
    n = len(table)
    if n < FEWEST:
        reason = f"{n} explained images have the region, {FEWEST} are needed: raise --maps"
        return MapEvidence(region, condition, Statistic(None, n, reason=reason), None, None)
    inside, effect, area = (table[name].to_numpy() for name in ("inside", "all", "area"))
    value = float(partial_rho(inside, effect, area))
    if np.isnan(value):
        statistic = Statistic(None, n, reason="the map or the effect is the same for all images")
        return MapEvidence(region, condition, statistic, None, None)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(n, size=(RESAMPLES, n))
    resampled = partial_rho(inside[drawn], effect[drawn], area[drawn])
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    # shuffled residuals keep what both have in common with the area (Freedman and Lane 1983)
    x, y = _residuals(inside, effect, area)
    shuffled = _correlation(x, rng.permuted(np.tile(y, (RESAMPLES, 1)), axis=1))
    p = (1 + int((shuffled >= value).sum())) / (1 + RESAMPLES)
    halves = table.dropna(subset=["even", "odd"])
    reliability = None
    if len(halves) >= FEWEST:
        r = float(partial_rho(*(halves[name].to_numpy() for name in ("even", "odd", "area"))))
        reliability = 2 * r / (1 + r) if r > 0 else 0.0
    statistic = Statistic(
        value, n, float(low), float(high), 0.95, "percentile bootstrap over images"
    )
    return MapEvidence(region, condition, statistic, p, reliability)
