"""What stands beside the features: nuisance baseline, blind scan, sufficiency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from memlab.ablations.record import ConditionRecord
from memlab.analysis.arrays import ImageEffects, Images
from memlab.analysis.blind_scan import LEVEL, scan, strongest
from memlab.analysis.cell_effect import CellEffect
from memlab.analysis.means import combine, mean, variance_of_predictions
from memlab.analysis.per_image import row_mean
from memlab.analysis.rank_loss import sufficiency
from memlab.audit.matching import condition_of
from memlab.audit.protocol import Protocol
from memlab.audit.result import NuisanceChange, ScanResult, Sufficiency
from memlab.numbers import p_value
from memlab.stats import Correlations, Estimate
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Array, Statistic

CELL = "occludecell"
"""Name of the blind scan's occlusion, whose parameters are `row` and `column`."""


def nuisance_estimates(
    records: Sequence[ConditionRecord], measured: Mapping[str, ImageEffects], images: Images
) -> dict[str, Estimate]:
    """Return the RMS effect of each nuisance change, in SDs of the clean predictions."""
    variance = variance_of_predictions(images)
    return {
        record.condition: combine(
            _in_sd, mean(images, row_mean(measured[record.change].of("nuisance") ** 2)), variance
        )
        for record in records
        if record.in_baseline and record.change in measured
    }


def nuisance_changes(
    records: Sequence[ConditionRecord], resampled: Mapping[str, Resampled]
) -> list[NuisanceChange]:
    """Return the nuisance changes, the largest first."""
    labels = {record.condition: record.label for record in records}
    changes = [
        NuisanceChange(name, labels[name], one.interval()) for name, one in resampled.items()
    ]
    return sorted(changes, key=lambda one: -(one.rms_effect_sd.value or 0.0))


def sufficiency_estimates(
    protocol: Protocol,
    records: Sequence[ConditionRecord],
    measured: Mapping[str, ImageEffects],
) -> dict[str, tuple[ConditionRecord, Correlations, Correlations]]:
    """Return for each reduction that was run its record, Q, and ρ of the clean predictions."""
    found = {}
    for operator in protocol.sufficiency:
        record = condition_of(operator, records, protocol)
        effects = None if record is None else measured.get(record.change)
        if record is not None and effects is not None:
            found[record.condition] = (record, *sufficiency(scored_only(effects, "target")))
    return found


def sufficiency_result(
    record: ConditionRecord, reduced: Statistic, clean: Statistic
) -> Sufficiency:
    """Return Q, without a value unless its interval excludes 0."""
    shown = reduced
    if reduced.value is not None and not _excludes_zero(reduced):
        shown = replace(reduced, value=None, reason="the interval includes 0")
    return Sufficiency(record.condition, record.label, shown, reduced, clean)


def _excludes_zero(statistic: Statistic) -> bool:
    low, high = statistic.low, statistic.high
    return low is not None and high is not None and (low > 0 or high < 0)


def scored_only(effects: ImageEffects, *roles: str) -> ImageEffects:
    """Return effects without the images that have no score."""
    scored = np.isfinite(effects.images.score)[:, None]
    return replace(
        effects, by_role={role: np.where(scored, effects.of(role), np.nan) for role in roles}
    )


def scan_result(
    records: Sequence[ConditionRecord],
    measured: Mapping[str, ImageEffects],
    images: Images,
    sesoi: float,
    seed: int,
) -> ScanResult | None:
    """Return the blind scan of the cells among the conditions; None if there are none."""
    cells = {
        (int(record.parameters["row"]), int(record.parameters["column"])): measured[record.change]
        for record in records
        if record.ablation == CELL
        and record.change in measured
        and {"row", "column"} <= set(record.parameters)
    }
    if not cells:
        return None
    side = 1 + max(max(place) for place in cells)
    audited = images.audited > 0
    effects = np.full((int(audited.sum()), side * side), np.nan)
    for (row, column), of_cell in cells.items():
        effects[:, row * side + column] = row_mean(of_cell.of("target"))[audited]
    effects = effects[np.isfinite(effects).any(axis=1)]
    smallest = sesoi * float(images.predicted.std(ddof=0))
    found = scan(effects, side, smallest, seed)
    first = strongest(found)
    index = None if first is None else first.row * side + first.column
    return ScanResult(
        len(effects), side, smallest, index, found, _scan_sentence(found, index, side)
    )


def _scan_sentence(cells: Sequence[CellEffect], index: int | None, side: int) -> str:
    if index is None:
        return "The blind scan tested no position."
    cell = cells[index]
    where = f"row {cell.row + 1}, column {cell.column + 1} of {side} × {side}"
    p = p_value(cell.p_corrected)
    if cell.stands_out:
        return (
            f"A position outside all masks stands out in the blind scan ({where}; corrected p "
            f"{p}): look there for a mark that no mask names."
        )
    small = ", but its effect is not shown to exceed the smallest effect of interest"
    found = cell.p_corrected is not None and cell.p_corrected < LEVEL
    return (
        f"No position stands out in the blind scan (the strongest is {where}; corrected p "
        f"{p}{small if found else ''})."
    )


def _in_sd(square: Array, variance: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(np.maximum(square, 0) / np.maximum(variance, 0)))
