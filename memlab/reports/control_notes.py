"""What readers must know of controls: imbalance, pictures without one, donors used twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from memlab.audit.balance import WARNING, balance

NAMED = 3
"""Ablations that a note names; of more it gives the number."""
FEW = 50
"""Pictures below which the test of a mean alone finds too much: at .05, without any effect, in .11
of simulated tests of 10 pictures, .08 of 20, .05 of 100."""


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
        way = {"there-and-back": "way back", "placed": "like place for a control"}
        found.append(
            f"{control['without']} of {entry['eligible']} eligible pictures have no "
            f"{way.get(control['kind'], 'control')}; the comparison is without them"
        )
    if control.get("blobs"):
        found.append(
            "most of these regions are above a quarter of the picture: they are compared with "
            "random blobs, by S alone"
        )
    if few(entry):
        found.append(
            f"{entry['test']['n']} pictures are few for a test of the mean drop: "
            "without any effect p is below .05 in up to 11 of 100, not in 5"
        )
    donors = control.get("donors")
    if donors and donors["most_served"] > 1:
        found.append(
            f"{donors['distinct']} donors for {entry['eligible']} pictures: one served "
            f"{donors['most_served']} in one draw, so the interval is somewhat too narrow"
        )
    return found


def few(entry: Mapping[str, Any]) -> bool:
    """Whether the p of an entry is that of a mean alone, of too few pictures."""
    test = entry["test"] or {}
    by_interval = str(test.get("method")).startswith("inverted")
    of_mean = entry["p"] is not None and by_interval and entry["role"] == "target"
    return of_mean and test["n"] < FEW


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
