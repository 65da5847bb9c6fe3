"""From the rows of a test to its effects: the one function, without a model and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from memlab.ablations.record import ConditionRecord
from memlab.analysis import schema_1
from memlab.analysis.effect import AblationEffect, DoseCurve
from memlab.analysis.effects_table import effects_table
from memlab.analysis.summary import summarise
from memlab.errors import DataError

DESCRIBED = (
    "condition",
    "ablation",
    "family",
    "region",
    "fill",
    "dose",
    "unit",
    "dose_name",
    "role",
    "primary",
    "in_baseline",
    "compared_with",
)
"""Columns of `conditions.csv` that describe the condition of a row."""
_MEASURED = ("id", "draw", "eligible", "predicted")


@dataclass(frozen=True)
class Analysis:
    """Effects of ablations on a model's predictions.

    Args:
        conditions: one effect per ablation, dose and role `target`, `swap` or `nuisance`.
        dose_curves: one curve per ablation with several doses.
        notes: notes for the reader.
        rows: the clean predictions, a row per image.
        changed: the ablated images, a row per condition, draw and image.
    """

    conditions: list[AblationEffect]
    dose_curves: list[DoseCurve]
    notes: list[str]
    rows: pd.DataFrame = field(repr=False)
    changed: pd.DataFrame = field(repr=False)

    @property
    def effects(self) -> pd.DataFrame:
        """Effects as a table, a line per ablation and dose; see `effects_table`."""
        return effects_table(self.conditions)


def analyse(rows: pd.DataFrame, conditions: pd.DataFrame, seed: int = 0) -> Analysis:
    """Return the effects of ablations with intervals and p-values, from tables alone.

    Args:
        rows: the clean predictions, as in `rows.csv`: `id`, `predicted`, and `score` if known.
        conditions: the ablated images, as in `conditions.csv`: `id`, `condition`, `role`, `draw`,
            `eligible`, `predicted`, and the description of the condition (`DESCRIBED`).
        seed: seed of the resampling and the permutations.

    Raises:
        DataError: if a column is missing, an id is unknown or duplicated, or an eligible image has
            no prediction.
    """
    conditions = schema_1.conditions(conditions)
    missing = [name for name in (*_MEASURED, *DESCRIBED) if name not in conditions]
    if missing:
        old = " (written by an earlier memlab? test the run again)" if "role" in conditions else ""
        raise DataError(f"conditions: no column {', '.join(missing)}{old}")
    if "error" in rows:  # images without a prediction
        rows = rows[rows["error"].fillna("") == ""]
    if "score" not in rows:
        rows = rows.assign(score=float("nan"))
    return analyse_records(rows, conditions, records_of(conditions), seed)


def analyse_records(
    rows: pd.DataFrame,
    conditions: pd.DataFrame,
    records: Sequence[ConditionRecord],
    seed: int,
) -> Analysis:
    """Return the effects of ablations whose records are known, with their parameters."""
    summary = summarise(rows, conditions, records, seed)
    return Analysis(summary.conditions, summary.dose_curves, summary.notes, rows, conditions)


def records_of(conditions: pd.DataFrame) -> list[ConditionRecord]:
    """Return the records of all conditions in a table; their parameters are not in the table."""
    described = conditions[list(DESCRIBED)].drop_duplicates("condition")
    plain = described.astype(object).where(described.notna(), None)
    return [
        ConditionRecord(
            **{str(name): value for name, value in line.items() if value is not None}
            | {"fill": line["fill"], "compared_with": line["compared_with"]},
            parameters={},
        )
        for line in plain.to_dict("records")
    ]
