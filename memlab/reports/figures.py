"""Figures drawn from tables and arrays alone, without the model and without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.analysis.comparison import Comparison
from memlab.analysis.paired import EffectDifferences, MetricDifferences
from memlab.analysis.repeated import RepeatSummary
from memlab.analysis.results import Results
from memlab.drawing import BLUE, GREY, new_figure, save, short_name
from memlab.numbers import interval, number
from memlab.stats.measures import Statistic

Interval = tuple[str, Statistic, Statistic | None]
"""Label, statistic, and the statistic with the wider interval that holds for all."""


def predicted_against_true(rows: pd.DataFrame, results: Results, folder: Path) -> list[str]:
    """Draw a scatter plot of predictions against scores, one point per image."""
    figure, axes = new_figure(4.6, 4.4)
    axes.scatter(rows["score"], rows["predicted"], s=10, alpha=0.5, color=BLUE, linewidths=0)
    both = rows[["score", "predicted"]].to_numpy()
    ends = [float(np.nanmin(both)) - 0.02, float(np.nanmax(both)) + 0.02]
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", label="equal")
    axes.set(xlabel="memorability score", ylabel="predicted", xlim=ends, ylim=ends)
    rho = results.metrics["spearman"]
    title = f"n = {results.n}, Spearman ρ = {_number(rho)}"
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    return save(figure, folder, "predicted-against-true")


def repeated_runs(summary: RepeatSummary, folder: Path) -> list[str]:
    """Draw Spearman's rho of each repeated run with its interval, and the band of mean ± SD."""
    members = [
        (member.member, entry.statistic)
        for member in summary.members
        for entry in member.statistics
        if entry.metric == "spearman"
    ]
    if all(statistic.value is None for _, statistic in members):
        return []
    title = f"{len(members)} {summary.over}s"
    if summary.out_of_fold is not None and "spearman" in summary.out_of_fold.metrics:
        members.append(("out of fold", summary.out_of_fold.metrics["spearman"]))
    figure, axes = new_figure(6.4, 1.5 + 0.36 * len(members))
    labels = [f"{name}  (n = {statistic.n})" for name, statistic in members]
    forest(axes, labels, [statistic for _, statistic in members])
    across = next(entry for entry in summary.across if entry.metric == "spearman")
    if across.mean is not None:
        axes.axvline(across.mean, color=GREY, linewidth=1, label="mean")
        title += f": Spearman ρ = {number(across.mean, 3)}"
    if across.mean is not None and across.sd is not None:
        ends = across.mean - across.sd, across.mean + across.sd
        axes.axvspan(*ends, color=GREY, alpha=0.2, linewidth=0, label="mean ± SD")
        title += f" ± {number(across.sd, 3)} (SD)"
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xlabel("Spearman ρ with the memorability score (95 % interval over images)")
    axes.set_title(title, fontsize=10)
    return save(figure, folder, "summary")


def compared_runs(comparison: Comparison, folder: Path) -> list[str]:
    """Draw forest plots: rho of each run, and differences of rho and of effects against zero."""
    letters = {run.run: run.letter for run in comparison.runs}
    runs: list[Interval] = [
        (f"{run.letter}  {short_name(run.run)}", run.metrics["spearman"], None)
        for run in comparison.runs
    ]
    panels = [("Spearman ρ with the memorability score", runs)]
    of_metrics: list[Interval] = [
        (_pair(letters, entry), entry.spearman.difference, entry.spearman.for_all)
        for entry in comparison.differences
    ]
    of_effects: list[Interval] = [
        (
            f"{entry.condition}  {_pair(letters, entry)}",
            entry.effect.difference,
            entry.effect.for_all,
        )
        for entry in comparison.conditions
    ]
    panels.append(("difference of ρ, same images", of_metrics))
    panels.append(("difference of the mean effect, same images", of_effects))
    panels = [panel for panel in panels if panel[1]]
    if all(statistic.value is None for _, lines in panels for _, statistic, _ in lines):
        return []
    heights = [0.9 + 0.36 * len(lines) for _, lines in panels]
    figure = Figure(figsize=(7.2, sum(heights) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    subplots = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, lines) in zip(subplots, panels, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        if title.startswith("difference"):
            axes.axvline(0, color=GREY, linewidth=1)
        for y, (_, _, wide) in enumerate(lines):
            if wide is not None and wide.low is not None and wide.high is not None:
                axes.plot([wide.low, wide.high], [y, y], color=BLUE, linewidth=0.8)
        forest(axes, [label for label, _, _ in lines], [statistic for _, statistic, _ in lines])
        axes.set_xlabel(title, fontsize=9)
        axes.tick_params(axis="x", labelsize=8)
        axes.locator_params(axis="x", nbins=7)
    thin = any(wide for _, lines in panels for _, _, wide in lines)
    legend = "95 % intervals over images" + ("; thin: for all of a panel together" if thin else "")
    figure.suptitle(legend, fontsize=10)
    return save(figure, folder, "compare")


def learning_rates(table: pd.DataFrame, suggestion: float | None, folder: Path) -> str:
    """Draw the loss over the learning rate of a range test, and mark the suggested rate."""
    figure, axes = new_figure(5.2, 3.6)
    axes.plot(table["lr"], table["loss"], color=BLUE, linewidth=1.5)
    if suggestion is not None:
        axes.axvline(suggestion, color=GREY, linewidth=1, linestyle="--", label=f"{suggestion:.2g}")
        axes.legend(frameon=False, fontsize=8, title="suggested", title_fontsize=8)
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss (smoothed)")
    axes.set_title("Range test of learning rates", fontsize=10)
    return save(figure, folder, "learning-rates")[0]


def _pair(letters: Mapping[str, str], entry: MetricDifferences | EffectDifferences) -> str:
    return f"{letters[entry.second]} − {letters[entry.first]}"


def forest(axes: Any, labels: list[str], statistics: Sequence[Statistic]) -> None:
    """Draw one line per statistic from the top: its value and interval, or why there is none."""
    for y, statistic in enumerate(statistics):
        if statistic.value is None:
            axes.text(
                0.02, y, f"n = {statistic.n}: {statistic.reason}", color=GREY, fontsize=8,
                style="italic", va="center", transform=axes.get_yaxis_transform(),
            )  # fmt: skip
            continue
        if statistic.low is not None:
            ends = [statistic.low, statistic.high]
            axes.plot(ends, [y, y], color=BLUE, linewidth=2)
        axes.plot([statistic.value], [y], "o", color=BLUE, markersize=6)
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.6)


def dose_axis(unit: str, symbol: str = "") -> str:
    """Return the label of an axis of doses: `σ, % of width`, `share of the colour`."""
    named = f"share {unit}" if unit.startswith("of ") else unit
    return f"{symbol}, {named}" if symbol else named


def _number(statistic: Statistic) -> str:
    if statistic.value is None:
        return f"none ({statistic.reason})"
    ends = interval(statistic.low, statistic.high, 3)
    return f"{number(statistic.value, 3)} {ends}".rstrip()
