"""Associations of columns with the score, the prediction and the error. No torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from memlab.analysis.residuals import LEAST, with_residuals
from memlab.seeds import seed_of
from memlab.stats import LEVEL, bootstrap, holm, positive, rho
from memlab.stats.measures import Array, Statistic, constant
from memlab.stats.omega_squared import omega_squared

OUTCOMES = ("score", "predicted", "residual", "calibrated_residual")
"""Outcomes that columns are associated with; see `with_residuals`."""
FOR_P = 10
"""Minimum number of images for p-values, whose approximations are poor below it."""
HALVES = 20
"""Number of random splits over which `baseline` is averaged."""


@dataclass(frozen=True)
class Associations:
    """Tables of associations.

    Args:
        table: one row per column and outcome; see `docs/results.md`.
        levels: one row per categorical column, level and outcome, and each level's accuracy.
        within: one row per categorical column: accuracy within its levels and overall.
    """

    table: pd.DataFrame
    levels: pd.DataFrame
    within: pd.DataFrame


def associations(
    rows: pd.DataFrame,
    columns: Sequence[str],
    categorical: Collection[str] = (),
    seed: int = 0,
    resamples: int = 2000,
) -> Associations:
    """Associate columns with the score, the prediction and the residuals of the same images.

    Numbers and booleans are associated by Spearman's rho, text by the share of variance between its
    levels (omega squared). Images without a value are left out of that column only. p-values are
    Holm-corrected over the columns, separately for each outcome.

    Args:
        rows: one row per image: `id`, `score`, `predicted`, and the columns. If no image has a
            prediction, the score is the only outcome.
        columns: names of the columns, in the order of the result.
        categorical: columns whose numbers are names of levels.
        seed: seed of the resampling.
        resamples: number of resamples for each rho.
    """
    # Sorting by id makes results independent of the order of the rows.
    rows = with_residuals(rows.sort_values("id", kind="stable").reset_index(drop=True))
    outcomes = OUTCOMES if rows["predicted"].notna().any() else OUTCOMES[:1]
    found, levels, within = [], [], []
    for name in columns:
        if name in categorical or not is_number(rows[name]):
            label = _labels(rows[name])
            found += [_categorical(label, rows[outcome], seed) for outcome in outcomes]
            levels += _levels(label, rows, outcomes, seed, resamples)
            within.append(_within(label, rows, seed, resamples))
        else:
            value = rows[name].astype(float)
            found += [_numeric(value, rows[outcome], seed, resamples) for outcome in outcomes]
    table = pd.DataFrame(found, columns=_TABLE)
    table["p_corrected"] = np.nan
    for outcome in outcomes:
        own = table["outcome"] == outcome
        raw = [None if pd.isna(p) else float(p) for p in table.loc[own, "p"]]
        table.loc[own, "p_corrected"] = pd.Series(holm(raw), index=table.index[own], dtype=float)
    return Associations(
        table, pd.DataFrame(levels, columns=_LEVELS), pd.DataFrame(within, columns=_WITHIN)
    )


_STATISTIC = ["value", "low", "high", "level", "n", "method", "reason"]
_TABLE = ["column", "kind", "outcome", "statistic", *_STATISTIC, "missing", "groups", "set_aside"]
_TABLE += ["eta_squared", "baseline", "p", "p_corrected"]
_LEVELS = ["column", "group", "outcome", "statistic", *_STATISTIC]
_WITHIN = ["column", *_STATISTIC, "groups", "over_all", "over_all_low", "over_all_high"]


def is_number(column: pd.Series) -> bool:
    """Return whether a column's values have an order: numbers, or true and false."""
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def correlation(values: Array, outcome: Array, seed: int, resamples: int = 2000) -> Statistic:
    """Return Spearman's rho with its BCa interval; null, with a reason, if undefined."""
    n = len(values)
    if n >= 3:
        for what, each in (("the column", values), ("the outcome", outcome)):
            if np.ptp(each) == 0 or (what != "the column" and constant(each)):
                return Statistic(None, n, reason=f"{what} is the same for all {n} images")
    # With ranks, the check for constant values does not depend on the column's unit.
    return bootstrap({"rho": rho(stats.rankdata(values), outcome)}, seed, resamples)[
        "rho"
    ].interval()


def baseline(label: pd.Series, outcome: pd.Series, seed: int) -> float | None:
    """Return Spearman's rho of an outcome with its level's mean in the other half of the images.

    This is the accuracy of a model that knows only the level (MemCat's sub-category alone: .71).
    Leave-one-out means are not used: the mean decreases as the image's own value increases, so
    without an association rho would be far below 0. The result is averaged over both halves of
    `HALVES` random splits; None if the means of the levels are equal.
    """
    rng = np.random.default_rng(seed)
    codes, _ = pd.factorize(label, sort=True)
    values = outcome.to_numpy(dtype=float)
    found = []
    for _ in range(HALVES):
        side = rng.permutation(len(values)) % 2 == 0
        for known, asked in ((side, ~side), (~side, side)):
            counts = np.bincount(codes[known], minlength=codes.max() + 1)
            sums = np.bincount(codes[known], values[known], minlength=codes.max() + 1)
            means = np.where(counts > 0, sums / np.maximum(counts, 1), values[known].mean())
            guess = means[codes[asked]]
            if len(guess) >= 3 and not constant(guess) and not constant(values[asked]):
                found.append(float(stats.spearmanr(guess, values[asked]).statistic))
    return float(np.mean(found)) if found else None


def _numeric(column: pd.Series, outcome: pd.Series, seed: int, resamples: int) -> dict[str, object]:
    known = np.isfinite(column) & np.isfinite(outcome)
    values, others = (each[known].to_numpy(dtype=float) for each in (column, outcome))
    own = seed_of(seed, "attributes", str(column.name))
    statistic = _nothing(column, outcome, known) or correlation(values, others, own, resamples)
    p = None
    if statistic.value is not None and len(values) >= FOR_P:
        p = positive(float(stats.spearmanr(values, others).pvalue))
    return {
        **_head(column, "number", outcome, "spearman", known),
        **statistic.describe(),
        "p": p,
    }


def _categorical(label: pd.Series, outcome: pd.Series, seed: int) -> dict[str, object]:
    known = label.notna() & np.isfinite(outcome)
    counts = label[known].value_counts()
    kept = known & label.isin(counts.index[counts >= LEAST])
    groups = [one.to_numpy(dtype=float) for _, one in outcome[kept].groupby(label[kept])]
    line = {
        **_head(label, "category", outcome, "omega_squared", known),
        "groups": len(groups),
        "set_aside": int(known.sum() - kept.sum()),
    }
    nothing = _nothing(label, outcome, known) or _unusable(counts, len(groups), int(kept.sum()))
    if nothing:
        return line | nothing.describe()
    statistic, eta = omega_squared(groups)
    line |= {**statistic.describe(), "eta_squared": eta}
    if statistic.value is not None:
        own = seed_of(seed, "attributes", str(label.name))
        line["baseline"] = baseline(label[kept], outcome[kept], own)
        if kept.sum() >= FOR_P:
            line["p"] = positive(float(stats.kruskal(*groups).pvalue))
    return line


def _head(
    column: pd.Series, kind: str, outcome: pd.Series, statistic: str, known: pd.Series
) -> dict[str, object]:
    names = {"column": str(column.name), "kind": kind, "outcome": str(outcome.name)}
    return names | {"statistic": statistic, "missing": int((~known).sum())}


def _nothing(column: pd.Series, outcome: pd.Series, known: pd.Series) -> Statistic | None:
    n = int(known.sum())
    reason = None
    if not column.notna().any():
        reason = "no image has a value"
    elif not outcome.notna().any():
        reason = "predictions are constant or missing" if "resid" in str(outcome.name) else None
        reason = reason or f"no image has a {outcome.name}"
    elif n < LEAST:
        reason = f"only {n} image{'s' * (n != 1)} with a value"
    return None if reason is None else Statistic(None, n, reason=reason)


def _unusable(counts: pd.Series, groups: int, kept: int) -> Statistic | None:
    n = int(counts.sum())
    reason = None
    if len(counts) == 1:
        reason = f"the column is the same for all {n} images"
    elif groups < 2 or kept * 2 < n:
        reason = f"too many levels: {len(counts)} for {n} images, {groups} of them with {LEAST}"
        reason += " or more" if len(counts) > 2 else ""
        if len(counts) <= n / LEAST or len(counts) == 2:
            reason = f"only {groups} of {len(counts)} levels with {LEAST} images or more"
    return None if reason is None else Statistic(None, n, reason=reason)


def _labels(column: pd.Series) -> pd.Series:
    """Return a column's levels as text; empty cells are missing."""
    text = column.astype("string").str.strip()
    return text.mask(text == "").astype(object).where(text.notna() & (text != ""), None)


def _levels(
    label: pd.Series, rows: pd.DataFrame, outcomes: Sequence[str], seed: int, resamples: int
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for group, part in rows.groupby(label):
        if len(part) < LEAST:
            continue
        head = {"column": str(label.name), "group": str(group)}
        for outcome in outcomes:
            values = part[outcome].dropna().to_numpy(dtype=float)
            found.append({**head, "outcome": outcome, "statistic": "mean", **_mean(values)})
        found.append({**head, "outcome": "accuracy", "statistic": "spearman"})
        own = seed_of(seed, "attributes", str(label.name))  # the same seed for every level
        found[-1] |= _accuracy(part, own, resamples).describe()
    return found


def _mean(values: Array) -> dict[str, object]:
    """Return a mean with Student's interval."""
    n = len(values)
    if n == 0:
        return Statistic(None, 0, reason="no images").describe()
    mean = float(values.mean())
    if n < LEAST:
        return Statistic(mean, n, reason=f"no interval: only {n} images").describe()
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / n**0.5)
    return Statistic(mean, n, mean - half, mean + half, LEVEL, "Student's t").describe()


def _accuracy(part: pd.DataFrame, seed: int, resamples: int) -> Statistic:
    both = part[["predicted", "score"]].dropna().to_numpy(dtype=float)
    if len(both) == 0:
        return Statistic(None, 0, reason="no image has both a prediction and a score")
    return bootstrap({"rho": rho(both[:, 0], both[:, 1])}, seed, resamples)["rho"].interval()


def _within(label: pd.Series, rows: pd.DataFrame, seed: int, resamples: int) -> dict[str, object]:
    """Return the accuracy within levels, pooled by Fisher's z.

    The variance is 1.06 / (n − 3) (Fieller 1957).
    """
    both = rows[label.notna() & rows["score"].notna() & rows["predicted"].notna()]
    inside, weights, n = [], [], 0
    for _, part in both.groupby(label):
        score, predicted = (part[name].to_numpy(dtype=float) for name in ("score", "predicted"))
        if len(part) > LEAST and not constant(score) and not constant(predicted):
            found = float(stats.spearmanr(predicted, score).statistic)
            inside.append(float(np.arctanh(np.clip(found, -1 + 1e-9, 1 - 1e-9))))
            weights.append(len(part) - 3)
            n += len(part)
    if inside:
        centre = float(np.average(inside, weights=weights))
        half = float(stats.norm.ppf((1 + LEVEL) / 2)) * (1.06 / sum(weights)) ** 0.5
        value, low, high = np.tanh([centre, centre - half, centre + half]).tolist()
        pooled = Statistic(value, n, low, high, LEVEL, "Fisher's z, pooled over levels")
    else:
        pooled = Statistic(None, len(both), reason="no level of 4 images or more that differ")
    own = seed_of(seed, "attributes", str(label.name), "over all")
    over = _accuracy(both, own, resamples)
    return {
        "column": str(label.name),
        **pooled.describe(),
        "groups": len(inside),
        "over_all": over.value,
        "over_all_low": over.low,
        "over_all_high": over.high,
    }
