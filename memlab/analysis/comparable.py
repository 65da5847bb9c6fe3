"""Changed images that can be compared: finite scores, and one kind of control. No torch."""

from __future__ import annotations

import numpy as np
import pandas as pd


def change_of(changed: pd.DataFrame) -> pd.Series:
    """Return each row's condition without its role: `blur@2` of `blur@2:control`."""
    pairs = changed[["condition", "role"]].drop_duplicates().itertuples(index=False, name=None)
    names = {condition: str(condition).removesuffix(f":{role}") for condition, role in pairs}
    return changed["condition"].map(names)


def one_kind_of_control(changed: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """Restrict each comparison to images with the more frequent kind of control.

    Returns:
        The rows, in which random-shape controls are not eligible if most images have matched
        controls; and the changes (conditions without role) in which most images have random-shape
        controls.
    """
    if "position" not in changed:
        return changed, set()
    controls = changed["eligible"] & (changed["role"] == "control")
    kinds = changed[controls].drop_duplicates(["condition", "id"])
    counts = kinds.groupby(["condition", "position"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["random-shape", "matched"], fill_value=0)
    mostly = counts.index[counts["random-shape"] > counts["matched"]]
    few = controls & changed["position"].isin(["random-shape"]) & ~changed["condition"].isin(mostly)
    comparable = changed.assign(eligible=changed["eligible"] & ~few) if few.any() else changed
    return comparable, {str(key).removesuffix(":control") for key in mostly}


def finite_changes(changed: pd.DataFrame) -> set[str]:
    """Return the conditions of those changes in which every eligible image has a score.

    A change whose control lacks a score is left out as a whole.
    """
    change = change_of(changed)
    bad = changed["eligible"] & ~changed["predicted"].map(np.isfinite)
    return set(changed.loc[~change.isin(set(change[bad])), "condition"])
