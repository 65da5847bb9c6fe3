"""Gauge of how far changed images lie from unchanged ones, for the model that scores them.

An effect is a difference of two predictions. If changed images lie outside what the model knows,
their predictions may be anything, and the effect says nothing about the feature. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.numbers import interval, number
from memlab.stats.measures import Array, Statistic, constant

WARNING = 0.1
"""Difference of the mean distances of target and control, in SDs, above which a warning is due."""
RANGE = (0.005, 0.995)
"""Quantiles of the clean predictions that are the ends of their range. The least and the largest
prediction lie farther out the more images there are: of predictions with noise of 2 SD, .25 lie
outside them for 200 images, and .10 for 10,000."""
OUTSIDE = 0.1
"""Share of predictions outside the clean range above which T is left out, beyond chance.

Evidence (trained networks on rendered images): .00 to .03 for removals, insertions and swaps of
features that the networks read, also where they move predictions by 2 SD. Predictions that are
shifted by 2 SD or get noise of 2 SD, so that T is 2, are outside in .25 to .40 of cases, for any
number of images."""
CHANCE = 6.0
"""Added to the bound, divided by the number n of clean predictions: if changed predictions have the
distribution of the clean ones, .01 + 2 / n of them are outside on average, and .01 + 7 / n in one
of 100 samples (simulated, n from 20 to 300)."""
BESIDE = {"target": "control", "swap": "round-trip"}
"""Role of an effect to the role of its control."""


@dataclass(frozen=True)
class Gauge:
    """Distance of changed images from unchanged ones, beside that of their controls.

    All means are over images that have both; without controls, over all changed images. A mean is
    taken over the draws of an image first.

    Args:
        n: number of images.
        surprise: mean quantile of the changed images' feature distances among those of unchanged
            images, 0 to 1; for unchanged images it is .5.
        surprise_control: the same of the controls.
        distance: mean feature distance, in SDs from the mean of unchanged images.
        distance_control: the same of the controls.
        difference: `distance` − `distance_control`.
        outside: share of predictions outside the range of the clean predictions (`RANGE`).
        outside_control: the same of the controls.
        beyond: root mean square distance of predictions from that range, in SDs of the clean
            predictions; 0 for predictions inside.
        beyond_control: the same of the controls.
        overshoot: share of the mean squared effect, 0 to 1, that would be absent if predictions
            were cut off at the ends of that range.
        clean: number of clean predictions that span the range.
        reason: why there are no distances of features.
    """

    n: int
    surprise: float | None = None
    surprise_control: float | None = None
    distance: float | None = None
    distance_control: float | None = None
    difference: float | None = None
    outside: float | None = None
    outside_control: float | None = None
    beyond: float | None = None
    beyond_control: float | None = None
    overshoot: float | None = None
    clean: int = 0
    reason: str | None = None


def gauges(rows: pd.DataFrame, changed: pd.DataFrame) -> dict[str, Gauge]:
    """Return the gauge of each effect, by condition.

    Args:
        rows: the clean predictions, `rows.csv`.
        changed: the changed images, `conditions.csv`.
    """
    clean = rows.set_index("id")["predicted"].astype(float)
    clean = clean[np.isfinite(clean)]
    scored = _with_distances(changed[changed["eligible"].to_numpy(dtype=bool)], clean)
    means = scored.groupby(["condition", "id"], sort=False)[list(_MEASURED)].mean()
    found = {}
    pairs = changed[["condition", "role"]].drop_duplicates().itertuples(index=False, name=None)
    there = set(means.index.unique("condition"))
    for condition, role in pairs:
        if role not in (*BESIDE, "nuisance"):
            continue
        name = str(condition).removesuffix(f":{role}")
        beside = f"{name}:{BESIDE[role]}" if role in BESIDE else ""
        own = means.loc[[condition]].droplevel("condition") if condition in there else None
        control = means.loc[[beside]].droplevel("condition") if beside in there else None
        found[str(condition)] = _gauge(own, control, len(clean))
    return found


_FEATURES = ("surprise", "feature_distance")
_MEASURED = (*_FEATURES, "outside", "square_beyond", "square", "square_cut_off")


def _with_distances(scored: pd.DataFrame, clean: pd.Series) -> pd.DataFrame:
    """Return rows with the distance of their predictions from the range of the clean ones."""
    columns: dict[str, Array | float] = {
        name: pd.to_numeric(scored[name]).to_numpy(float) if name in scored else np.nan
        for name in _FEATURES
    }
    values = clean.to_numpy(float)
    if len(values) < 2 or constant(values):
        return scored.assign(**columns, **dict.fromkeys(_MEASURED[len(_FEATURES) :], np.nan))
    predicted = scored["predicted"].to_numpy(float)
    inside = predicted.clip(*np.quantile(values, RANGE))
    unchanged = clean.reindex(scored["id"]).to_numpy(float)
    return scored.assign(
        **columns,
        outside=(inside != predicted).astype(float),
        square_beyond=((predicted - inside) / values.std(ddof=1)) ** 2,
        square=(unchanged - predicted) ** 2,
        square_cut_off=(unchanged - inside) ** 2,
    )


def _gauge(own: pd.DataFrame | None, control: pd.DataFrame | None, clean: int) -> Gauge:
    if own is None:
        return Gauge(0, clean=clean, reason="no eligible image")
    if control is not None:
        both = own.index.intersection(control.index)
        own, control = own.loc[both], control.loc[both]
    values = {name: _mean(own, name) for name in _MEASURED}
    beside = {name: None if control is None else _mean(control, name) for name in _MEASURED}
    distance, other = values["feature_distance"], beside["feature_distance"]
    whole, cut_off = values["square"], values["square_cut_off"]
    reason = None
    if not len(own):
        reason = "no image has a control"
    elif distance is None:
        reason = "the model has no features, or fewer than 20 images were evaluated"
    return Gauge(
        len(own),
        values["surprise"],
        beside["surprise"],
        distance,
        other,
        None if distance is None or other is None else distance - other,
        values["outside"],
        beside["outside"],
        _root(values["square_beyond"]),
        _root(beside["square_beyond"]),
        None if not whole or cut_off is None else 1 - cut_off / whole,
        clean,
        reason,
    )


def _mean(means: pd.DataFrame, name: str) -> float | None:
    values = means[name].to_numpy(float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None


def _root(square: float | None) -> float | None:
    return None if square is None else float(np.sqrt(square))


def warning(gauge: Gauge) -> str | None:
    """Return a warning if changed images are farther from unchanged ones than their controls."""
    if gauge.difference is None or gauge.difference <= WARNING:
        return None
    return (
        f"changed images lie {number(gauge.difference, 2)} SD farther from unchanged images than "
        "their controls do, in the model's features: part of the effect may come from this"
    )


def allowed(gauge: Gauge, bound: float = OUTSIDE) -> float:
    """Return the share of predictions outside the clean range that is still within a bound.

    The bound is raised by what few clean images leave to chance (`CHANCE`), and by two standard
    errors of a share of the changed images.
    """
    error = np.sqrt(bound * (1 - bound) / max(gauge.n, 1))
    return float(bound + CHANCE / max(gauge.clean, 1) + 2 * error)


def refusal(gauge: Gauge | None, share: Statistic | None) -> str | None:
    """Return why T is no share of the predictions' variance; None if nothing speaks against it.

    Args:
        gauge: gauge of the changed images.
        share: T with its interval.
    """
    if gauge is not None and gauge.outside is not None and gauge.outside > allowed(gauge):
        outside, far = number(100 * gauge.outside, 0), number(gauge.beyond or 0.0, 1)
        return (
            f"{outside} % of the predictions of changed images lie outside the range of the clean "
            f"ones (RMS distance {far} SD), so they say nothing about images that exist"
        )
    if share is not None and share.low is not None and share.low > 1:
        return (
            f"T would be {number(share.value, 2)} {interval(share.low, share.high, 2)}, above 1: "
            "changed images move predictions farther than the predictions of two images differ"
        )
    return None
