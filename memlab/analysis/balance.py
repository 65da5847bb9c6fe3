"""Balance between regions and the positions of their matched controls."""

from __future__ import annotations

import pandas as pd

from memlab.errors import DataError

WARNING = 0.1
"""Standardised mean difference above which controls are imbalanced: the usual limit.

Source: Austin, Statistics in Medicine 2009, 28:3083.
"""
MEASURES = ("area", "eccentricity", "gradient_energy", "luminance_sd")


def balance(conditions: pd.DataFrame) -> dict[str, float | None]:
    """Return standardised mean differences between regions and their matched controls.

    The difference is the mean of control minus target over the images that have both, in units of
    sqrt((var target + var control) / 2) over images. The mean uses the average over an image's
    control draws. The variance includes the variance between draws, so it is that of single draws.

    Args:
        conditions: rows of one target and its control, as in `conditions.csv`: `id`, `role`
            (`target`, `control`), `eligible`, and the measures `area`, `eccentricity`,
            `gradient_energy`, `luminance_sd`.

    Returns:
        Measure to its difference; an absolute value above `WARNING` deserves a warning. None if
        fewer than two images have both, or if neither target nor control varies.

    Raises:
        DataError: if a column is missing.
    """
    missing = [name for name in ("id", "role", "eligible", *MEASURES) if name not in conditions]
    if missing:
        raise DataError(f"conditions: no column {', '.join(missing)}")
    rows = conditions[conditions["eligible"].astype(bool)]
    return {measure: _difference(rows, measure) for measure in MEASURES}


def _difference(rows: pd.DataFrame, measure: str) -> float | None:
    measured = rows[rows[measure].notna()]
    target, control = (measured[measured["role"] == role] for role in ("target", "control"))
    both = set(target["id"]) & set(control["id"])
    if len(both) < 2:
        return None
    target_means = target[target["id"].isin(both)].groupby("id")[measure].mean().astype(float)
    control_draws = control[control["id"].isin(both)].groupby("id")[measure]
    control_means = control_draws.mean().astype(float)
    # Variance between images plus within images: the variance of single draws, with equal weight
    # for each image.
    spread = float(control_means.var(ddof=0) + control_draws.var(ddof=0).mean())
    scale = ((float(target_means.var(ddof=0)) + spread) / 2) ** 0.5
    difference = float((control_means - target_means).mean())
    if abs(difference) < 1e-9:  # areas are equal by construction
        return 0.0
    return difference / scale if scale > 0 else None
