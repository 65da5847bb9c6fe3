"""Figure of dose curves, drawn from results alone: a panel per ablation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ablations import FAMILIES
from memlab.analysis.effect import AblationEffect, DoseCurve
from memlab.drawing import BLUE, GREY, ORANGE, save
from memlab.reports.effect_marks import HOLLOW, hollow, kind_of, legend, mean_effect, say, why
from memlab.reports.figures import dose_axis
from memlab.roles import Control
from memlab.stats.measures import Statistic


def curves(
    dose_curves: Sequence[DoseCurve], effects: Sequence[AblationEffect], folder: Path
) -> list[str]:
    """Draw a panel per ablation: mean effect, or T of swaps, over the doses, with controls.

    Args:
        dose_curves: a curve per ablation at several doses.
        effects: an effect per condition; those of the curves are among them.
        folder: output folder.
    """
    if not dose_curves:
        return []
    by_key = {effect.condition: effect for effect in effects}
    order = {key: index for index, key in enumerate(by_key)}
    ordered = sorted(
        dose_curves,
        key=lambda curve: (list(FAMILIES).index(curve.family), order[curve.conditions[0]]),
    )
    columns = min(3, len(ordered))
    lines = -(-len(ordered) // columns)
    figure = Figure(figsize=(3.1 * columns + 0.4, 2.4 * lines + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(ordered) :]:
        axes.set_axis_off()
    kinds: set[Control] = set()
    for axes, curve in zip(panels, ordered, strict=False):
        steps = [by_key[key] for key in curve.conditions]
        heights = curve.values if curve.quantity == "variance_share" else curve.effects
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color=GREY, linewidth=0.8)
        kind = _beside(axes, curve, steps)
        if kind:
            kinds.add(kind)
        _band(axes, curve.doses, heights, [step.primary for step in steps])
        counts, n = {height.n for height in heights}, max(step.n for step in steps)
        span = "–".join(str(count) for count in sorted({min(counts), max(counts)}))
        of_all = "" if counts == {n} else f" of {n}"
        axes.set_title(f"{_broken(steps[0].curve_label, 40)}\n(n = {span}{of_all})", fontsize=9)
        if all(height.value is None for height in heights):
            say(axes, 0.5, why(heights[-1]), "center", axes.transAxes)
        axes.set_xlabel(dose_axis(steps[0].unit, steps[0].dose_name), fontsize=8)
        axes.set_ylabel("T" if curve.quantity == "variance_share" else "mean effect", fontsize=8)
        axes.tick_params(labelsize=7.5)
        axes.locator_params(axis="y", nbins=5)
        ticks = _apart([0.0, *curve.doses])
        axes.set_xticks(ticks, [f"{dose:g}" for dose in ticks])
        axes.set_xlim(0, 1.03 * curve.doses[-1])
    legend(figure, kinds, min(columns + 1, 4), "effect, 95 % interval; large: primary dose")
    return save(figure, folder, "dose-curves")


def _beside(axes: Any, curve: DoseCurve, steps: Sequence[AblationEffect]) -> Control | None:
    """Draw the comparison of a curve's effects; return its kind, or None if there is none."""
    if curve.quantity == "variance_share":
        return None
    kind = kind_of(steps[-1])
    if kind == "nuisance-baseline":
        sizes = [(step.dose, mean_effect(step)[1]) for step in steps]
        drawn = [(dose, size) for dose, size in sizes if size is not None]
        if not drawn:
            return None
        limit = max(size for _, size in drawn)
        axes.axhspan(-limit, limit, color=ORANGE, alpha=0.1, linewidth=0)
        for end in (-limit, limit):
            axes.axhline(end, color=ORANGE, linestyle=":", linewidth=1)
            axes.plot([drawn[-1][0]], [end], HOLLOW[kind][0], **hollow())
        return kind
    controls = [
        (step.dose, step.control.effect)
        for step in steps
        if step.control and step.control.effect and step.control.effect.value is not None
    ]
    if not controls or kind is None:
        return None
    for dose, effect in controls:
        if effect.low is not None:
            axes.plot([dose] * 2, [effect.low, effect.high], color=ORANGE, linewidth=0.9)
    doses, values = zip(*[(dose, effect.value) for dose, effect in controls], strict=True)
    axes.plot(doses, values, HOLLOW[kind][0], linestyle=":", linewidth=1, **hollow())
    return kind


def _band(
    axes: Any, doses: Sequence[float], effects: Sequence[Statistic], primary: Sequence[bool]
) -> None:
    points = [
        (dose, effect, effect.value, is_primary)
        for dose, effect, is_primary in zip(doses, effects, primary, strict=True)
        if effect.value is not None
    ]
    at = [0.0] + [dose for dose, _, _, _ in points]
    low = [0.0] + [value if effect.low is None else effect.low for _, effect, value, _ in points]
    high = [0.0] + [value if effect.high is None else effect.high for _, effect, value, _ in points]
    axes.fill_between(at, low, high, color=BLUE, alpha=0.22, linewidth=0)
    values = [0.0] + [value for _, _, value, _ in points]
    axes.plot(at, values, "o-", color=BLUE, markersize=3.5, linewidth=1.4)
    for dose, _, value, is_primary in points:
        if is_primary:
            axes.plot([dose], [value], "o", color=BLUE, markersize=6.5)


def _apart(doses: Sequence[float]) -> list[float]:
    """Return the doses, largest first, that are far enough apart to be labelled."""
    labelled: list[float] = []
    for dose in sorted(doses, reverse=True):
        if not labelled or labelled[-1] - dose > 0.12 * max(doses):
            labelled.append(dose)
    return labelled


def _broken(name: str, width: int) -> str:
    """Break a condition's name into lines of at most `width`, before brackets and at commas."""
    lines = [""]
    for part in re.split(r"(?=[\[(])|(?<=,)", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
