"""Selectivity cards: a strip of examples over what an ablation changes, and a page of all cards."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ablations.base import Ablation
from memlab.files import replacing, write_text
from memlab.metrics.functional import Array
from memlab.reports.figures import SIGNED

_WIDTH = 1.15
"""Inches of a column."""


def draw_card(table: pd.DataFrame, pictures: Sequence[Array], path: Path) -> None:
    """One card: the picture at every dose, and below each dose how the statistics changed.

    Args:
        table: rows of one ablation, as `memlab.ablations.selectivity.selectivity` returns them.
        pictures: (H, W, 3) in [0, 1]: the picture itself, then at each dose of the ladder.
        path: of the PNG.
    """
    doses = table["dose"].drop_duplicates().tolist()
    statistics = _statistics(table)
    shape = (2.0 + _WIDTH * (1 + len(doses)), _WIDTH + 0.9 + 0.24 * len(statistics))
    figure = Figure(figsize=shape, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplot_mosaic(
        [["original", *map(str, doses)], [".", *["heat"] * len(doses)]],
        height_ratios=[_WIDTH, 0.24 * len(statistics)],
    )
    first = table.iloc[0]
    primary = table.loc[table["primary"], "dose"].iloc[0] if table["primary"].any() else None
    for name, picture in zip(["original", *map(str, doses)], pictures, strict=True):
        panels[name].imshow(picture)
        panels[name].set_axis_off()
        main = " (primary)" if primary is not None and name == str(primary) else ""
        title = name if name == "original" else f"{float(name):g}{main}"
        panels[name].set_title(title, fontsize=8, fontweight="bold" if main else "normal")
    changes = table.pivot(index="statistic", columns="dose", values="change")
    shown = changes.loc[statistics, doses].to_numpy(dtype=float)
    axes = panels["heat"]
    axes.imshow(shown.clip(-1, 1), cmap=SIGNED, vmin=-1.4, vmax=1.4, aspect="auto")
    for y, x in np.ndindex(shown.shape):
        axes.text(x, y, _percent(float(shown[y, x])), fontsize=7.5, ha="center", va="center")
    labels = [
        f"▸ {_plain(name)}" if name == _target(table) else _plain(name) for name in statistics
    ]
    axes.set_yticks(range(len(statistics)), labels, fontsize=8)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.suptitle(
        f"{first['ablation']}, dose: {first['unit']}\nchange of the mean over "
        f"{int(table['eligible'].max())} pictures; ▸ the declared target",
        fontsize=9,
    )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130)


def write_page(table: pd.DataFrame, ablations: Sequence[Ablation], folder: Path) -> Path:
    """Write `cards.md`: every ablation with what it declares, its card and the numbers.

    Args:
        table: of all ablations.
        ablations: in the order of the page.
        folder: where the cards are, as `NAME.png`.
    """
    parts = ["# Selectivity cards\n"]
    for ablation in ablations:
        own = table[table["ablation"] == ablation.name]
        about = (inspect.getdoc(type(ablation)) or "").splitlines()[0]
        ladder = ", ".join(
            f"**{dose:g}**" if dose == ablation.dose else f"{dose:g}" for dose in ablation.ladder
        )
        parts.append(f"## {ablation.name}\n\n{about}\n")
        parts.append(
            f"Family {ablation.family}; dose in {ablation.unit}: {ladder}; target "
            f"{_plain(ablation.target)}; control {ablation.compared_with}.\n"
        )
        if not own["eligible"].max():
            parts.append("None of the pictures has what it needs.\n")
            continue
        alt = f"A picture at each dose of {ablation.name}, and what changes"
        parts.append(f"![{alt}]({ablation.name}.png)\n\n{_markdown(own)}\n")
    path = folder / "cards.md"
    write_text(path, "\n".join(parts))
    return path


def _markdown(table: pd.DataFrame) -> str:
    doses = table["dose"].drop_duplicates().tolist()
    changes = table.pivot(index="statistic", columns="dose", values="change")
    lines = [
        "| change of | " + " | ".join(f"{dose:g}" for dose in doses) + " |",
        "| --- |" + " ---: |" * len(doses),
    ]
    for name in _statistics(table):
        label = f"**{_plain(name)}**" if name == _target(table) else _plain(name)
        cells = [_percent(float(changes.loc[name, dose])) for dose in doses]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _statistics(table: pd.DataFrame) -> list[str]:
    """The target first, then the others in their order."""
    names = table["statistic"].drop_duplicates().tolist()
    return sorted(names, key=lambda name: name != _target(table))


def _target(table: pd.DataFrame) -> str:
    return str(table.loc[table["target"], "statistic"].iloc[0])


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("ssim", "SSIM").replace("sd", "SD")


def _percent(change: float) -> str:
    if np.isnan(change):
        return "–"
    if abs(change) < 0.0005:
        return "0 %"
    digits = 1 if abs(change) < 0.095 else 0
    return f"{100 * change:+.{digits}f} %".replace("-", "−")
