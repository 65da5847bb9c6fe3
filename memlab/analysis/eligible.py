"""Reasons why images could not be changed or have no control, from the rows alone."""

from __future__ import annotations

import pandas as pd


def no_control(key: str, changed: pd.DataFrame) -> str | None:
    """Return why no changed image has a control; None if some image has one, or none was run."""
    ablated = changed[(changed["condition"] == key) & changed["eligible"]]
    controls = changed[changed["condition"] == f"{key}:control"]
    controls = controls[controls["id"].isin(ablated["id"])]
    if controls.empty or controls["eligible"].any():
        return None
    reasons = set(controls["reason"].dropna()) if "reason" in controls else set()
    if "no room" in reasons:
        return "no room for a control outside the annotated regions"
    return "no image is annotated for every region" if reasons else "no control could be made"


def not_eligible(key: str, changed: pd.DataFrame) -> dict[str, int] | None:
    """Return how many images could not be changed, by reason; None if the rows have no reasons."""
    if "reason" not in changed:
        return None
    unchanged = changed[(changed["condition"] == key) & ~changed["eligible"]]
    able = set(changed.loc[(changed["condition"] == key) & changed["eligible"], "id"])
    lost = unchanged[~unchanged["id"].isin(able)].drop_duplicates("id")
    return {str(name): int(count) for name, count in lost["reason"].value_counts().items()}
