"""Compared audits: table for the terminal, figure, `compare.json` and `compare.csv`. No torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape

from memlab.analysis.results import without_nan
from memlab.audit.comparison_result import AuditComparison
from memlab.drawing import BLUE, GREY, ORANGE, literal, save
from memlab.files import replacing, write_text
from memlab.numbers import number, statistic
from memlab.reports.plain_table import plain_table
from memlab.reports.terminal import plain_console
from memlab.stats.measures import Statistic

FIGURE = "compared-audits"
WIDE = 2
"""Number of models whose intervals fit into a line of 100 columns."""
COLOURS = (BLUE, ORANGE, "#1b7837", "#762a83", GREY)
MARKS = ("o", "s", "^", "D", "v")


def print_compared(comparison: AuditComparison, console: Console | None = None) -> None:
    """Print the models, T of each feature side by side, the differences, and what is decided."""
    console = console or plain_console()
    models = plain_table(f"audits over {comparison.images} common images")
    for name in ("", "model", "seeds", "verdicts"):
        models.add_column(name, overflow="fold")
    models.add_column("semantic share [95 %]", justify="right")
    for model in comparison.models:
        counts = {one: model.verdicts.count(one) for one in dict.fromkeys(model.verdicts)}
        verdicts = ", ".join(one if n == 1 else f"{one} × {n}" for one, n in counts.items())
        share = statistic(model.semantic_share.share, 2, zero=False)
        models.add_row(
            model.letter, escape(model.label), str(len(model.audits)), verdicts, escape(share)
        )
    console.print(models)
    short = len(comparison.models) > WIDE
    ends = "; intervals: compare.csv" if short else " [95 %]"
    table = plain_table(f"T: share of the variance of predictions that the feature moves{ends}")
    table.add_column("feature", overflow="fold")
    for model in comparison.models:
        table.add_column(model.letter, justify="right", no_wrap=True)
    for feature in comparison.features:
        cells = [_share(one, short) for one in feature.shares.values()]
        table.add_row(escape(feature.label), *map(escape, cells))
    console.print(table)
    if comparison.differences:
        _print_differences(comparison, console)
    for line in comparison.sentences:
        console.print(line, markup=False)
    for note in comparison.notes:
        console.print(f"note: {note}", markup=False)


def _share(share: Statistic, short: bool) -> str:
    if share.value is None:
        return "none"
    if short:
        return number(share.value, 3, zero=False)
    return statistic(share, 3, zero=False)


def _print_differences(comparison: AuditComparison, console: Console) -> None:
    labels = {one.name: one.label for one in comparison.features}
    table = plain_table("differences, paired by image")
    for name in ("", "of", "difference [95 %]", "95 % for all together", ""):
        numeric = "%" in name
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for one in comparison.differences:
        table.add_row(
            f"{one.second} − {one.first}",
            escape(labels.get(one.feature, one.feature)),
            escape(statistic(one.difference, 3, signed=True, zero=False)),
            escape(statistic(one.for_all, 3, signed=True, zero=False).partition(" ")[2]),
            "decided" if one.decided else "",
        )
    console.print(table)


def write_compared(comparison: AuditComparison, folder: Path) -> list[str]:
    """Write `compare.json`, `compare.csv` and the figure; return the names of the figures."""
    figures = draw_compared(comparison, folder)
    with replacing(folder / "compare.csv") as temporary:
        _long(comparison).to_csv(temporary, index=False)
    text = json.dumps(
        without_nan({**asdict(comparison), "figures": figures}), indent=2, allow_nan=False
    )
    write_text(folder / "compare.json", text + "\n")
    return figures


def draw_compared(comparison: AuditComparison, folder: Path) -> list[str]:
    """Draw T of each feature for all models, with intervals; small marks are single networks."""
    features, models = comparison.features, comparison.models
    step = 0.8 / max(len(models), 1)
    height = 1.3 + len(features) * max(0.35, 0.17 * len(models))
    figure = Figure(figsize=(8.2, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xscale("function", functions=(_root, _square))
    axes.axvline(0, color=GREY, linewidth=1)
    ends = [0.0, 0.02]
    for index, model in enumerate(models):
        colour, mark = COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]
        for row, feature in enumerate(features):
            share, y = feature.shares[model.letter], row - 0.4 + (index + 0.5) * step
            for value in feature.networks[model.letter]:
                if value is not None and len(model.audits) > 1:
                    axes.plot([value], [y], mark, color=colour, markersize=2.5, alpha=0.6)
                    ends.append(value)
            if share.value is None:
                continue
            if share.low is not None and share.high is not None:
                axes.plot([share.low, share.high], [y, y], color=colour, linewidth=1.6)
                ends += [share.low, share.high]
            axes.plot([share.value], [y], mark, color=colour, markersize=5)
        count = len(model.audits)
        seeds = f", {count} seeds" if count > 1 else ""
        axes.plot(
            [], [], f"{mark}-", color=colour, label=literal(f"{model.letter}: {model.label}{seeds}")
        )
    low, high = _square(np.array([_root(min(ends)) - 0.03, _root(max(ends)) + 0.05]))
    ticks = [one for one in (-0.05, -0.01, 0, 0.01, 0.05, 0.2, 0.5, 1, 2) if low <= one <= high]
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks], fontsize=8)
    axes.minorticks_off()
    axes.set_yticks(range(len(features)), [literal(one.label) for one in features], fontsize=8)
    axes.set_ylim(len(features) - 0.5, -0.5)
    for row in range(1, len(features)):
        axes.axhline(row - 0.5, color="#e8e8e8", linewidth=0.6, zorder=0)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(
        "T: share of the variance of predictions, 95 % interval (root scale)", fontsize=9
    )
    figure.legend(loc="outside upper center", ncols=1, frameon=False, fontsize=8)
    return save(figure, folder, FIGURE)


def _long(comparison: AuditComparison) -> pd.DataFrame:
    lines: list[dict[str, Any]] = [
        {"kind": "T", "feature": one.name, "model": letter, "other": None, **asdict(share)}
        for one in comparison.features
        for letter, share in one.shares.items()
    ]
    lines += [
        {
            "kind": "difference",
            "feature": one.feature,
            "model": one.second,
            "other": one.first,
            **asdict(one.difference),
            "low_for_all": one.for_all.low,
            "high_for_all": one.for_all.high,
            "decided": one.decided,
        }
        for one in comparison.differences
    ]
    return pd.DataFrame(lines)


def _root(x: Any) -> Any:
    return np.sign(x) * np.sqrt(np.abs(x))


def _square(x: Any) -> Any:
    return np.sign(x) * np.square(x)
