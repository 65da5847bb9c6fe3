"""Measured effects of removals beside the text of each map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from memlab.numbers import number


def primary_removals(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of removals of a region and of their matched controls, at the primary dose.

    Other changes that are confined to a region, such as a blur of faces, have matched controls,
    too, and are left out: they remove nothing.

    Args:
        conditions: the table of conditions of a test.
    """
    removed = conditions["family"] == "region"
    matched = conditions["compared_with"] == "matched-control"
    return conditions[conditions["primary"] & conditions["eligible"] & removed & matched]


def removal_texts(arrays: Mapping[str, Any], conditions: pd.DataFrame) -> list[str]:
    """Return for each map what removing regions of its image did to the score; empty if unknown.

    The effect is the clean score minus the mean over draws; that of the matched controls likewise.

    Args:
        arrays: the content of `maps/METHOD.npz`.
        conditions: the table of conditions of the same test.
    """
    primary = primary_removals(conditions)
    means = dict(primary.groupby(["id", "condition"])["predicted"].mean().items())
    targets = primary[(primary["role"] == "target") & primary["region"].notna()]
    regions = targets.drop_duplicates("condition").set_index("condition")["region"]
    said = []
    for name, clean in zip(arrays["id"], arrays["predicted"], strict=True):
        parts = []
        for condition, region in regions.items():
            keys = (str(name), condition), (str(name), f"{condition}:control")
            if not all(key in means for key in keys):
                continue
            effect, control = (float(clean) - float(means[key]) for key in keys)
            verb = "lowers" if effect >= 0 else "raises"
            sign = 1 if effect >= 0 else -1
            parts.append(
                f"removing {region} {verb} the score by {_short(sign * effect)}, "
                f"control {_short(sign * control)}"
            )
        said.append("; ".join(parts))
    return said


def _short(value: float) -> str:
    return number(value, 3, zero=False)
