"""The effects of a test as a table, a line per ablation and dose, for pandas and R. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

FILE = "effects.csv"

_SAME = ("condition", "ablation", "family", "region", "fill", "dose", "unit", "role", "primary")
"""Columns that are taken from the entry as they are."""

_INTERVALS = {
    "effect": ("drop",),
    "control": ("control", "drop"),
    "specific_effect": ("control", "S"),
    "rms_effect": ("rms",),
    "rms_effect_sd": ("control", "g"),
    "variance_share": ("control", "T"),
    "baseline_ratio": ("control", "ratio"),
    "spearman_clean": ("spearman_clean",),
    "spearman_ablated": ("spearman",),
}
"""Statistic to where its value and interval stand in an entry of `results.json`."""


def effects_table(conditions: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the entries of `results.json` as a table.

    Args:
        conditions: the entries of `Results.conditions`.

    Returns:
        One line per ablation, dose and role. `n`: eligible images. `effect`: mean of clean −
        ablated, in units of the score. `control`: mean effect of the matched controls, or of the
        largest nuisance change. `specific_effect`: effect − control. `rms_effect_sd`: RMS of the
        specific effect in SDs of the predictions. `variance_share`: T of a swap.
        `baseline_ratio`: RMS effect over that of the nuisance baseline. Each of them has `_low` and
        `_high`, the ends of its 95 % interval. `p_mean`, `p_size` and `_corrected`: see the guide
        on statistics. `reason`: why a number is missing. Missing numbers are NaN.
    """
    return pd.DataFrame([_line(entry) for entry in conditions])


def _line(entry: Mapping[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {name: entry.get(name) for name in _SAME}
    line |= {"compared_with": entry.get("compared_with"), "n": entry.get("eligible")}
    reasons = []
    for name, path in _INTERVALS.items():
        found: Any = entry
        for part in path:
            found = (found or {}).get(part)
        statistic = found if isinstance(found, dict) else {}
        line[name] = statistic.get("value")
        line |= {f"{name}_{end}": statistic.get(end) for end in ("low", "high")}
        if statistic.get("reason"):
            reasons.append(f"{name}: {statistic['reason']}")
    for name in ("mean", "size"):
        test = entry.get(f"test_{name}") or {}
        line |= {f"p_{name}": test.get("p"), f"p_{name}_corrected": test.get("p_corrected")}
        if test.get("reason"):
            reasons.append(f"p_{name}: {test['reason']}")
    if (entry.get("control") or {}).get("reason"):
        reasons.append(f"control: {entry['control']['reason']}")
    return {**line, "reason": "; ".join(dict.fromkeys(reasons)) or None}
