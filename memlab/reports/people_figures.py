"""Figures of people and models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.analysis.people_and_models import PeopleComparison, ladder
from memlab.drawing import BLUE, GREY, ORANGE, SIGNED, literal, save, short_name
from memlab.numbers import number
from memlab.reports.figures import forest

SCATTER, AGREEMENT = "people-and-models", "agreement"
ACROSS = 3
"""Scatter plots side by side."""


def people_and_models(
    comparison: PeopleComparison, images: pd.DataFrame, folder: Path
) -> list[str]:
    """Draw people's scores against each model's, and the ladder and matrix of agreement.

    Args:
        comparison: the comparison.
        images: columns `id`, `people` and one per model.
        folder: output folder.

    Returns:
        The names of the files.
    """
    return [*_scatter(comparison, images, folder), *_agreement(comparison, folder)]


def _scatter(comparison: PeopleComparison, images: pd.DataFrame, folder: Path) -> list[str]:
    models = comparison.models
    across = min(ACROSS, len(models))
    down = -(-len(models) // across)
    figure = Figure(figsize=(3.6 * across + 0.2, 3.5 * down), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).flat
    by_id = images.set_index(images["id"].astype(str))
    for axes, model in zip(panels, models, strict=False):
        axes.spines[["top", "right"]].set_visible(False)
        axes.scatter(
            images["people"], images[model.model], s=10, alpha=0.45, color=GREY, linewidths=0
        )
        for strip in comparison.strips:
            marks = {"people_above": (">", ORANGE), "model_above": ("^", BLUE)}
            if strip.model != model.model or strip.kind not in marks:
                continue
            marker, colour = marks[strip.kind]
            shown = by_id.loc[[image.id for image in strip.images]]
            axes.scatter(
                shown["people"], shown[model.model], s=26, color=colour, marker=marker, linewidths=0
            )
        rho = number(model.spearman.value, 2)
        axes.set_title(f"{short_name(model.model)}: ρ = {rho}", fontsize=10)
        axes.set_xlabel(literal(f"people: {comparison.people.column}"), fontsize=9)
        axes.set_ylabel("prediction", fontsize=9)
        axes.tick_params(labelsize=8)
    for axes in list(panels)[len(models) :]:
        axes.set_axis_off()
    return save(figure, folder, SCATTER)


def _agreement(comparison: PeopleComparison, folder: Path) -> list[str]:
    ranked = ladder(comparison)
    count = len(ranked) + 1
    side = 1.1 + 0.55 * count
    figure = Figure(figsize=(5.2 + side, max(2.4, side)), layout="constrained")
    FigureCanvasAgg(figure)
    rungs, matrix = figure.subplots(1, 2, width_ratios=(5.2, side))
    rungs.spines[["top", "right"]].set_visible(False)
    rungs.axvline(0, color=GREY, linewidth=1)
    forest(rungs, [short_name(each.model) for each in ranked], [each.spearman for each in ranked])
    best = comparison.people.ceiling.value
    if best is not None:
        label = f"best of a perfect model: {number(best, 2)}"
        rungs.axvline(best, color=ORANGE, linewidth=1.2, linestyle="--", label=label)
        rungs.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.16))
    rungs.set_xlabel("Spearman ρ with people (95 % interval over images)", fontsize=9)
    rungs.tick_params(axis="x", labelsize=8)
    _matrix(matrix, comparison)
    return save(figure, folder, AGREEMENT)


def _matrix(axes: Any, comparison: PeopleComparison) -> None:
    names = ["people", *(each.model for each in comparison.models)]
    values = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(values, 1)

    def put(first: str, second: str, value: float | None) -> None:
        places = names.index(first), names.index(second)
        for row, column in (places, places[::-1]):
            values[row, column] = np.nan if value is None else value

    for model in comparison.models:
        put("people", model.model, model.spearman.value)
    for pair in comparison.pairs:
        put(pair.first, pair.second, pair.agreement.value)
    axes.imshow(values, cmap=SIGNED, vmin=-1, vmax=1)
    for row, column in np.ndindex(values.shape):
        text = number(float(values[row, column]), 2, zero=False) if row != column else ""
        colour = "white" if abs(values[row, column]) > 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    labels = [short_name(name) for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    axes.set_title("ρ of every two", fontsize=9)
