"""What readers must know of controls: imbalance, pictures without one, donors used twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from memlab.audit.balance import WARNING, balance

NAMED = 3
"""Ablations that a note names; of more it gives the number."""


def of_rows(condition: Mapping[str, Any], changed: pd.DataFrame) -> dict[str, Any]:
    """What the rows of an ablation say of its controls or donors.

    Args:
        condition: `Condition.describe()` of the ablation itself.
        changed: `conditions.csv`.

    Returns:
        `balance` of placed controls: per measure the standardised mean difference. Of swaps
        `donors`: how many there were, and the most pictures of one draw that one donor served.
    """
    key, kind = condition["condition"], condition["compared_with"]
    if kind == "there-and-back":
        own = changed[(changed["condition"] == key) & changed["eligible"]]
        served = own.groupby("draw")["donor"].value_counts()
        most = int(served.max()) if len(served) else 0
        return {"donors": {"distinct": int(own["donor"].nunique()), "most_served": most}}
    if kind == "placed":
        return {"balance": balance(changed[changed["condition"].isin([key, f"{key}:control"])])}
    return {}


def warnings(entry: Mapping[str, Any]) -> list[str]:
    """Sentences, without the ablation's name, on one entry's control."""
    control, found = entry["control"] or {}, []
    uneven = {
        name: value
        for name, value in (control.get("balance") or {}).items()
        if value is not None and abs(value) > WARNING
    }
    if uneven:
        listed = ", ".join(f"{name.replace('_', ' ')} {uneven[name]:+.2f}" for name in uneven)
        found.append(f"controls differ from what they are compared with, in SDs: {listed}")
    if control.get("draws") and control["without"]:
        way = "have no way back" if control["kind"] == "there-and-back" else "have no control"
        found.append(
            f"{control['without']} of {entry['eligible']} eligible pictures {way}; "
            "the comparison is without them"
        )
    donors = control.get("donors")
    if donors and donors["most_served"] > 1:
        found.append(
            f"{donors['distinct']} donors for {entry['eligible']} pictures: one served "
            f"{donors['most_served']} in one draw, so the interval is somewhat too narrow"
        )
    return found


def notes(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """The warnings of primary ablations, those alike together."""
    alike: dict[str, list[str]] = {}
    for entry in entries:
        if entry["primary"]:
            for text in (entry["control"] or {}).get("warnings", []):
                alike.setdefault(text, []).append(entry["condition"].removesuffix(":swap"))
    found = []
    for text, names in alike.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        found.append(f"{', '.join(names[:NAMED])}{more}: {text}.")
    return found
