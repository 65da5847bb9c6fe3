"""Files of an audit: `audit.json`, tables, figures, and a page that opens offline. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.ablations.record import ConditionRecord
from memlab.analysis.analyse import Analysis, analyse_records
from memlab.audit import features_table as table
from memlab.audit.beside import CELL
from memlab.audit.feature_result import FeatureResult
from memlab.audit.result import AuditResult
from memlab.audit.result_file import FILE, write_result
from memlab.files import replacing, write_text
from memlab.numbers import interval
from memlab.provenance import now, versions
from memlab.reports.audit_figure import draw_audit
from memlab.reports.audit_text import SIDES, ordered, rank_text, tau_text
from memlab.reports.effect_files import write_effects
from memlab.reports.html import data_url, fill

PAGE = "audit.html"


def write_audit(
    result: AuditResult,
    folder: Path,
    rows: pd.DataFrame,
    conditions: pd.DataFrame,
    records: Sequence[ConditionRecord],
) -> AuditResult:
    """Write all files of an audit into its folder; return the result with its figures.

    `effects.csv` holds every condition at every dose, over the audited images and without weights;
    `features.csv` holds the features. `audit.json` is written last.

    Args:
        result: the audit, with model, data and provenance.
        folder: folder of the audit.
        rows: the clean predictions, as `audit_result` takes them.
        conditions: the changed images.
        records: records of all conditions.
    """
    analysis = _analysis(rows, conditions, records, result.seed)
    figures = draw_audit(result, folder)
    figures += [] if analysis is None else write_effects(analysis, folder)
    result = replace(result, figures=figures)
    with replacing(folder / table.FILE) as temporary:
        table.features_table(result).to_csv(temporary, index=False)
    write_page(result, folder, [] if analysis is None else analysis.notes)
    write_result(result, folder)
    return result


def write_page(result: AuditResult, folder: Path, notes: Sequence[str] = ()) -> Path:
    """Write `audit.html` from a result alone, with the figures of its folder.

    Args:
        result: the audit.
        folder: its folder, which holds its figures.
        notes: further notes.
    """
    path = folder / PAGE
    figures = {Path(name).stem: folder / name for name in result.figures}
    shown = {name: data_url(one) for name, one in figures.items() if one.is_file()}
    write_text(
        path,
        fill(
            "audit.html.jinja",
            result=result,
            groups=[
                (side, members) for side in SIDES if (members := ordered(result.features, side))
            ],
            not_run=[one for one in result.features if not one.conditions],
            labels={one.name: one.label for one in result.features},
            places={place.name: place for place in result.ranking.places},
            reasons={one.name: one.variance_share.reason for one in result.features},
            rank=rank_text,
            tau=tau_text,
            sentence=sentence,
            note_of=note_of,
            percent=percent,
            figures=shown,
            further=list(notes),
            written=now(),
            versions=versions(),
            json=FILE,
        ),
    )
    return path


def sentence(text: str) -> str:
    """Return a text with one full stop at its end.

    >>> sentence("not run"), sentence("Donors: 12 training images.")
    ('not run.', 'Donors: 12 training images.')
    """
    return text if text.endswith((".", "!", "?")) else f"{text}."


def note_of(feature: FeatureResult, note: str) -> str:
    """Return a note on a feature as a sentence that starts with its label, not with its key."""
    label = feature.label[:1].upper() + feature.label[1:]
    return sentence(f"{label}: {note.removeprefix(f'{feature.name}: ')}")


def percent(low: float, high: float) -> str:
    """Return a range of shares in percent: `1 to 5 %`."""
    return f"{interval(100 * low, 100 * high, 0)[1:-1].replace(', ', ' to ')} %"


def _analysis(
    rows: pd.DataFrame, conditions: pd.DataFrame, records: Sequence[ConditionRecord], seed: int
) -> Analysis | None:
    """Return the effects of all conditions but the scan's, over the audited images."""
    audited = rows[rows["audited"] > 0] if "audited" in rows else rows
    kept: list[Any] = [one for one in records if one.ablation != CELL]
    changed = conditions[conditions["condition"].isin({one.condition for one in kept})]
    if audited.empty or changed.empty:
        return None
    found = analyse_records(audited.reset_index(drop=True), changed, kept, seed)
    # prevalence and variance of the sample are not those of the table: T is in features.csv alone
    plain = [
        replace(
            one,
            claim=None,
            beyond_control=replace(
                one.beyond_control, variance_share=None, variance_share_upper=None
            ),
        )
        for one in found.conditions
    ]
    return replace(found, conditions=plain)
