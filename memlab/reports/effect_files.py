"""Files of the effects of ablations: the table, and the figures."""

from __future__ import annotations

from pathlib import Path

from memlab.analysis.analyse import Analysis
from memlab.analysis.effects_table import FILE
from memlab.files import replacing
from memlab.reports.dose_figures import curves
from memlab.reports.effect_figures import forest


def write_effects(analysis: Analysis, folder: Path) -> list[str]:
    """Write `effects.csv` and the figures of the effects into a folder; return the figures."""
    with replacing(folder / FILE) as temporary:
        analysis.effects.to_csv(temporary, index=False)
    drawn = forest(analysis.conditions, folder)
    return drawn + curves(analysis.dose_curves, analysis.conditions, folder)
