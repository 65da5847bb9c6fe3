"""The effects of a test as a table, a line per ablation and dose, for pandas and R. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memlab.analysis.effect import AblationEffect
from memlab.analysis.gauge import Gauge
from memlab.stats.measures import Statistic

FILE = "effects.csv"

_SAME = ("condition", "ablation", "family", "region", "fill", "dose", "unit", "role", "primary")
"""Columns that are fields of the effect."""


def effects_table(effects: Sequence[AblationEffect]) -> pd.DataFrame:
    """Return effects as a table.

    Args:
        effects: effects, as in `Results.conditions`.

    Returns:
        One line per ablation, dose and role. `n`: eligible images; `n_control`: those that have
        a control, which `control` and `specific_effect` are about. `effect`: mean of clean −
        ablated, in units of the score. `control`: mean effect of the matched controls, or of the
        largest nuisance change. `specific_effect`: effect − control. `rms_effect`: root mean square
        of clean − ablated. `rms_effect_sd`: RMS effect beyond the control, in SDs of the
        predictions. `variance_share`: T, of the value of a feature (swaps) or of its presence
        (removals). `baseline_ratio`: RMS effect over that of the
        nuisance baseline. Each of them has `_low` and `_high`, the ends of its 95 % interval. `p`
        (either), `p_mean`, `p_size` and `_corrected`: see the guide on statistics. `reason`: why a
        number is missing. `claim`: whether the model relies on what was ablated, and
        `claim_clause`: the rule that decided. `outside`: share of predictions outside the range of
        the clean ones; `feature_distance`: distance of changed images from unchanged ones in the
        model's features, in SDs; `_control`: the same of the controls. Missing numbers are NaN.
    """
    return pd.DataFrame([_line(effect) for effect in effects])


def with_ends(statistics: Mapping[str, Statistic | None]) -> tuple[dict[str, Any], list[str]]:
    """Return the values and interval ends of statistics as columns, and why values are missing."""
    columns: dict[str, Any] = {}
    reasons = []
    for name, statistic in statistics.items():
        for column, part in {name: "value", f"{name}_low": "low", f"{name}_high": "high"}.items():
            columns[column] = None if statistic is None else getattr(statistic, part)
        if statistic is not None and statistic.reason:
            reasons.append(f"{name}: {statistic.reason}")
    return columns, reasons


def _line(effect: AblationEffect) -> dict[str, Any]:
    control, beyond, baseline = effect.control, effect.beyond_control, effect.baseline
    beside = None if control is None else control.effect
    statistics: dict[str, Statistic | None] = {
        "effect": effect.effect,
        "control": beside if beside is not None or baseline is None else baseline.effect,
        "specific_effect": beyond.specific_effect,
        "rms_effect": effect.rms_effect,
        "rms_effect_sd": beyond.rms_effect_sd,
        "variance_share": beyond.variance_share,
        "baseline_ratio": None if baseline is None else baseline.ratio,
        "spearman_clean": effect.spearman_clean,
        "spearman_ablated": effect.spearman_ablated,
    }
    line: dict[str, Any] = {name: getattr(effect, name) for name in _SAME}
    line |= {"compared_with": effect.compared_with, "n": effect.eligible}
    line["n_control"] = None if control is None or not control.draws else control.n
    columns, reasons = with_ends(statistics)
    line |= columns
    tests = {"p": effect.tests.either, "p_mean": effect.tests.mean, "p_size": effect.tests.size}
    for name, test in tests.items():
        line |= {name: test.p, f"{name}_corrected": test.p_corrected}
        if test.reason:
            reasons.append(f"{name}: {test.reason}")
    claim = effect.claim
    line |= {
        "claim": None if claim is None else claim.claim,
        "claim_clause": None if claim is None else claim.clause,
    }
    gauge = effect.gauge or Gauge(0)
    line |= {
        "outside": gauge.outside,
        "outside_control": gauge.outside_control,
        "feature_distance": gauge.distance,
        "feature_distance_control": gauge.distance_control,
    }
    if control is not None and control.reason:
        reasons.append(f"control: {control.reason}")
    return {**line, "reason": "; ".join(dict.fromkeys(reasons)) or None}
