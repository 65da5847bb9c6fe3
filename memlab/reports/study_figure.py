"""Figure of the hypotheses: each feature's effect, in the predicted order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memlab.audit.case_results import CaseResult
from memlab.audit.hypotheses import LEAST
from memlab.drawing import BLUE, GREY, save

FILE = "hypotheses"


def draw_cases(cases: Sequence[CaseResult], folder: Path) -> Path | None:
    """Draw the cases side by side; return the file, or None if nothing was measured."""
    effects = [member.rms_effect for case in cases for member in case.members]
    if not any(effect and effect.value is not None for effect in effects):
        return None
    most = max(len(case.members) for case in cases)
    figure = Figure(figsize=(5.2 * len(cases), 1.6 + 0.42 * most), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(cases), sharex=True, squeeze=False)[0]
    for axes, case in zip(panels, cases, strict=True):
        members = case.members
        for y, member in enumerate(members):
            effect = member.rms_effect
            if effect is None or effect.value is None:
                axes.text(
                    0.02, y, "cannot tell", color=GREY, fontsize=9, va="center",
                    transform=axes.get_yaxis_transform(), style="italic",
                )  # fmt: skip
                continue
            # With few images the interval is too narrow and would suggest high precision.
            few = member.n < LEAST
            colour, fill = (GREY, "white") if few else (BLUE, BLUE)
            if effect.low is not None:
                ends = [effect.low, effect.high]
                axes.plot(ends, [y, y], color=colour, linewidth=1 if few else 2)
            axes.plot(effect.value, y, "o", color=colour, markerfacecolor=fill, markersize=6)
        labels = [f"{member.name}  (n {member.n})" for member in members]
        axes.set_yticks(range(len(members)), labels)
        axes.set_ylim(most - 0.5, -0.5)
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(f"{case.name}: {case.claim}", fontsize=10, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("effect beyond the control, RMS, units of the score")
    figure.supxlabel(
        f"95 % intervals; hollow: fewer than {LEAST} images, which decide nothing", fontsize=9
    )
    return folder / save(figure, folder, FILE)[0]
