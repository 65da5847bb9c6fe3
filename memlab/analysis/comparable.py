"""Changed images that can be compared: finite scores, and kinds of controls. No torch."""

from __future__ import annotations

import numpy as np
import pandas as pd


def change_of(changed: pd.DataFrame) -> pd.Series:
    """Return each row's condition without its role: `blur@2` of `blur@2:control`."""
    pairs = changed[["condition", "role"]].drop_duplicates().itertuples(index=False, name=None)
    names = {condition: str(condition).removesuffix(f":{role}") for condition, role in pairs}
    return changed["condition"].map(names)


def mostly_random_shapes(changed: pd.DataFrame) -> set[str]:
    """Return the changes (conditions without role) in which most controls are random shapes.

    Matched controls and random shapes of one region are averaged together. Tests that exchange the
    region with its controls use matched controls only, so they need most images to have these.
    """
    if "position" not in changed:
        return set()
    controls = changed[changed["eligible"] & (changed["role"] == "control")]
    kinds = controls.drop_duplicates(["condition", "id"])
    counts = kinds.groupby(["condition", "position"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["random-shape", "matched"], fill_value=0)
    mostly = counts.index[counts["random-shape"] > counts["matched"]]
    return {str(key).removesuffix(":control") for key in mostly}


def finite_changes(changed: pd.DataFrame) -> set[str]:
    """Return the conditions of those changes in which every eligible image has a score.

    A change whose control lacks a score is left out as a whole.
    """
    change = change_of(changed)
    bad = changed["eligible"] & ~changed["predicted"].map(np.isfinite)
    return set(changed.loc[~change.isin(set(change[bad])), "condition"])
