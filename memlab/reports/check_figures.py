"""Figures of a data check: scores, file properties against scores, near duplicates side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.data.file_statistics import FACTS
from memlab.drawing import BLUE, GREY
from memlab.errors import DataError
from memlab.files import replacing
from memlab.imaging.decode import decode
from memlab.numbers import number
from memlab.stats.measures import Statistic

COLOURS = {"train": BLUE, "val": "#b2182b", "test": "#e08214", "no split": BLUE}
PAIRS = 24
"""Maximum number of near duplicates on the contact sheet; the table lists all."""


def score_histogram(histogram: dict[str, Any], folder: Path) -> str:
    """Draw the share of each split's images per interval of the score.

    Args:
        histogram: `edges` of the intervals, and `counts` per split.
        folder: folder of `scores.png`.
    """
    figure = _figure(6.4, 3.0)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    edges = histogram["edges"]
    for split, counts in histogram["counts"].items():
        share = np.array(counts) / sum(counts)
        label = f"{split} (n = {sum(counts)})"
        axes.stairs(share, edges, color=COLOURS[split], linewidth=1.6, label=label)
    axes.set(xlabel="memorability score", ylabel="share of images")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    return _save(figure, folder, "scores.png")


def facts_by_decile(
    deciles: pd.DataFrame, correlations: Mapping[str, Statistic], folder: Path
) -> str:
    """Draw the median and quartiles of each file property per tenth of the scores."""
    figure = _figure(10.4, 2.7)
    panels = figure.subplots(1, len(FACTS))
    for axes, (fact, title) in zip(panels, FACTS.items(), strict=True):
        part = deciles[deciles["fact"] == fact]
        axes.fill_between(
            part["decile"], part["q25"], part["q75"], color=BLUE, alpha=0.2, linewidth=0
        )
        axes.plot(part["decile"], part["median"], "o-", color=BLUE, markersize=3, linewidth=1.2)
        rho = correlations[title].value
        correlation = "all alike" if rho is None else f"ρ = {number(rho, 2, signed=True)}"
        axes.set_title(f"{title}\n{correlation}", fontsize=8.5)
        axes.set_xlabel("tenth of the scores", fontsize=8)
        axes.set_xticks(range(1, int(deciles["decile"].max()) + 1))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return _save(figure, folder, "files-by-score.png")


def contact_sheet(near: pd.DataFrame, root: Path, folder: Path) -> str:
    """Draw the first pairs of near duplicates side by side, with ids, splits and distance."""
    pairs = near.head(PAIRS)
    columns = min(3, len(pairs))
    lines = -(-len(pairs) // columns)
    figure = _figure(columns * 3.9, lines * 2.0 + 0.2)
    panels = figure.subplots(lines, columns * 2, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for index, row in enumerate(pairs.to_dict("records")):
        line, column = divmod(index, columns)
        for offset, prefix in enumerate(("", "other_")):
            axes = panels[line, 2 * column + offset]
            split = row[f"{prefix}split"]
            caption = f"{split}" if isinstance(split, str) else "no split"
            caption = f"{caption}, {row['bits']} bits" if offset else caption
            colour = "#b2182b" if row["leak"] else "black"
            axes.set_title(
                f"{_short(str(row[f'{prefix}id']))}\n{caption}", fontsize=8, color=colour
            )
            try:
                axes.imshow(decode(root / str(row[f"{prefix}image"])).permute(1, 2, 0).numpy())
            except DataError:  # the file was removed after the check
                axes.text(0.5, 0.5, "cannot be read", ha="center", fontsize=7, color=GREY)
    return _save(figure, folder, "near-duplicates.jpg")


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, folder: Path, name: str) -> str:
    with replacing(folder / name) as temporary:
        figure.savefig(temporary, dpi=130)
    return name


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"…{name[-25:]}"
