"""Frames of changed images: what `conditions.csv` holds, one row per image, condition and draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from torch import Tensor

from memlab.ablations.evaluate import ConditionScores
from memlab.ablations.placement import MEASURES
from memlab.ablations.record import ConditionRecord
from memlab.analysis.analyse import DESCRIBED


def condition_rows(scored: ConditionScores, images: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of a batch under one draw of one condition.

    Args:
        scored: the scores.
        images: columns that identify the images of the batch, such as `index` and `id`.

    Returns:
        One row per image: `condition`, `draw`, the columns of `images`, `eligible`, `donor`,
        `position`, `reason` (why not eligible), `predicted`, the measures of the changed region or
        of its matched control, and `surprise` and `feature_distance` (of the changed image from
        unchanged images; see `memlab.ablations.surprise`).
    """
    columns = {
        "condition": scored.condition.key,
        "draw": scored.draw,
        **images,
        "eligible": scored.eligible.numpy(),
        "donor": pd.array(list(scored.donors), dtype="string"),
        "position": pd.array(list(scored.places), dtype="string"),
        "reason": pd.array(list(scored.reasons), dtype="string"),
        "predicted": scored.predicted.numpy(),
        **{name: _measured(scored, name) for name in MEASURES},
        "surprise": _rounded(scored.surprise),
        "feature_distance": _rounded(scored.distance),
    }
    return pd.DataFrame(columns)


def with_descriptions(rows: pd.DataFrame, records: Iterable[ConditionRecord]) -> pd.DataFrame:
    """Add the columns that say what each condition is.

    Args:
        rows: rows of `condition_rows`.
        records: the records of the plan; they hold every condition of the rows.
    """
    described = pd.DataFrame([vars(record) for record in records])[list(DESCRIBED)]
    return rows.merge(described, on="condition", how="left", validate="many_to_one")


def _rounded(values: Tensor | None) -> Any:
    return float("nan") if values is None else values.numpy().round(4)


def _measured(scored: ConditionScores, name: str) -> Any:
    values = scored.measures.get(name)
    return float("nan") if values is None else values.numpy()
