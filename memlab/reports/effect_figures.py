"""Forest plot of ablations, drawn from results alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ablations import FAMILIES
from memlab.analysis.effect import AblationEffect
from memlab.drawing import BLUE, GREY, ORANGE, save
from memlab.reports.effect_marks import HOLLOW, hollow, kind_of, legend, mean_effect, say, why
from memlab.roles import Control
from memlab.stats.measures import Statistic

HEADED = 8
"""Number of lines from which families get headings."""
MEAN = "mean effect on the score: clean − ablated"
SPECIFIC = "S: specific effect, the effect less that of the control"
SHARE = "T: variance share of the predictions that a swap moves"

Part = Callable[[AblationEffect], tuple[Statistic | None, float | None]]
"""Function that returns what is drawn of an effect, and what beside it."""


@dataclass(frozen=True)
class Line:
    """Line of a forest plot; a heading has only a label.

    Args:
        label: ablation, dose and number of images.
        effect: what is drawn.
        beside: value of the control, or the RMS effect of the nuisance baseline.
        kind: kind of the comparison.
    """

    label: str
    effect: Statistic | None = None
    beside: float | None = None
    kind: Control | None = None


def forest(effects: Sequence[AblationEffect], folder: Path) -> list[str]:
    """Draw a forest plot of all primary ablations: mean effects with comparisons, S, and T.

    The hollow mark beside a mean effect is the mean effect of the control on the same images. S is
    the difference of the two, on the same scale. The band is the nuisance baseline: the RMS effect,
    in either direction, of the nuisance change that moves the same images most. T is shown after
    subtracting the round-trip control. An ablation without a number, e.g. with fewer than three
    images, has a line with the reason.
    """
    primary = [effect for effect in effects if effect.primary]
    targets = [effect for effect in primary if effect.role == "target"]
    swaps = [effect for effect in primary if effect.role == "swap"]
    if not targets and not swaps:
        targets = primary
    controlled = [one for one in targets if one.control and one.control.draws]
    panels = [
        (MEAN, _lines(targets, mean_effect)),
        (
            SPECIFIC,
            _lines(controlled, lambda effect: (effect.beyond_control.specific_effect, None)),
        ),
        (SHARE, _lines(swaps, lambda effect: (effect.beyond_control.variance_share, None))),
    ]
    panels = [panel for panel in panels if panel[1]]
    if not panels:
        return []
    heights = [0.8 + 0.25 * len(lines) for _, lines in panels]
    longest = max(len(line.label) for _, lines in panels for line in lines)
    width = 8.2 + 0.065 * max(0, longest - 60)  # leave room for the marks
    figure = Figure(figsize=(width, sum(heights) + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    subplots = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, lines) in zip(subplots, panels, strict=True):
        _draw(axes, lines)
        axes.set_xlabel(title, fontsize=9)
    in_score = [axes for axes, (title, _) in zip(subplots, panels, strict=True) if title != SHARE]
    if in_score:  # both panels are in units of the score: one scale
        ends = [axes.get_xlim() for axes in in_score]
        for axes in in_score:
            axes.set_xlim(min(low for low, _ in ends), max(high for _, high in ends))
    kinds = {
        line.kind
        for _, lines in panels
        for line in lines
        if line.kind and line.beside is not None and line.effect and line.effect.value is not None
    }
    legend(figure, kinds, band=True)
    return save(figure, folder, "ablation-effects")


def _lines(effects: Sequence[AblationEffect], part: Part) -> list[Line]:
    """Return the lines, largest effect first within a family; many lines get headings."""
    families: dict[str, list[Line]] = {}
    for effect in effects:
        statistic, beside = part(effect)
        if statistic is None:
            continue
        of_all = "" if statistic.n == effect.n else f" of {effect.n}"
        label = f"{effect.label}  (n = {statistic.n}{of_all})"
        line = Line(label, statistic, beside, kind_of(effect))
        families.setdefault(effect.family, []).append(line)
    headed = len(families) > 1 and sum(map(len, families.values())) > HEADED
    lines: list[Line] = []
    for family in sorted(families, key=list(FAMILIES).index):
        if headed:
            lines.append(Line(family.capitalize()))
        lines += sorted(families[family], key=lambda line: -_magnitude(line.effect))
    return lines


def _draw(axes: Any, lines: Sequence[Line]) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.axvline(0, color=GREY, linewidth=1)
    for y, line in enumerate(lines):
        effect, beside = line.effect, line.beside
        if effect is None:
            continue
        axes.axhline(y, color="#e8e8e8", linewidth=0.6, zorder=0)
        if effect.value is None:
            say(axes, y, why(effect), "left", axes.get_yaxis_transform())
            continue
        if beside is not None and line.kind == "nuisance-baseline":
            ends = [-beside, beside]
            axes.fill_betweenx([y - 0.4, y + 0.4], *ends, color=ORANGE, alpha=0.2, lw=0)
        if effect.low is not None:
            axes.plot([effect.low, effect.high], [y] * 2, color=BLUE, linewidth=1.8)
        axes.plot([effect.value], [y], "o", color=BLUE, markersize=5)
        if beside is not None and line.kind not in (None, "nuisance-baseline"):
            axes.plot([beside], [y], HOLLOW[line.kind][0], **hollow())
    axes.set_yticks(range(len(lines)), [line.label for line in lines], fontsize=8)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        if line.effect is None:
            label.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(len(lines) - 0.4, -0.6)


def _magnitude(effect: Statistic | None) -> float:
    """Return the sort key of lines; lines without a number come last."""
    value = None if effect is None else effect.value
    return -1.0 if value is None else abs(value)
