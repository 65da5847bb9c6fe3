"""Images that could not be changed or have no control, and why, from the rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from memlab.numbers import number


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


@dataclass(frozen=True)
class SpeaksFor:
    """Images that an effect with matched controls speaks for, among those that have the region.

    Args:
        compared: number of images with the ablation and at least one control.
        have: number of images that have the region, also if it could not be changed.
        areas: smallest and largest area of the region in compared images, as shares of the image.
        areas_without: the same in changed images without a control; None if there are none.
    """

    compared: int
    have: int
    areas: tuple[float, float]
    areas_without: tuple[float, float] | None

    def sentence(self) -> str | None:
        """Return for whom the effect speaks; None if it speaks for all that have the region."""
        if self.compared == self.have:
            return None
        text = (
            f"S speaks for {self.compared} of the {self.have} images that have the region, where "
            f"it covers {_percent(self.areas)} of the image"
        )
        if self.areas_without is None:
            return text
        return f"{text}; without a control it covers {_percent(self.areas_without)}"


def speaks_for(key: str, changed: pd.DataFrame) -> SpeaksFor | None:
    """Return for which images the specific effect of a removal speaks; None if rows do not say.

    Args:
        key: condition of the removal.
        changed: `conditions.csv`.
    """
    if not {"reason", "area"} <= set(changed):
        return None
    own = changed[changed["condition"] == key]
    lacking = own["reason"].isin(["absent", "not annotated"])
    controls = changed[(changed["condition"] == f"{key}:control") & changed["eligible"]]
    area = own[own["eligible"]].groupby("id")["area"].mean().dropna()
    compared = area.index.isin(controls["id"])
    if not compared.any():
        return None
    rest = area[~compared]
    return SpeaksFor(
        int(compared.sum()),
        int(own.loc[~lacking, "id"].nunique()),
        _range(area[compared]),
        None if rest.empty else _range(rest),
    )


def _range(areas: pd.Series) -> tuple[float, float]:
    return float(areas.min()), float(areas.max())


def _percent(areas: tuple[float, float]) -> str:
    low, high = (number(100 * area, 0 if area >= 0.1 else 1) for area in areas)
    return f"{low} %" if low == high else f"{low} to {high} %"
