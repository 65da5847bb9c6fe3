"""Figures, drawn from tables and arrays alone: no model, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from memlab.files import replacing
from memlab.reports.results import Results

BLUE, GREY = "#2166ac", "#767676"
SIGNED = "RdBu_r"
"""Colours of signed maps: blue lowers, white is zero, red raises; safe for colour-blind readers."""


def predicted_against_true(rows: pd.DataFrame, results: Results, folder: Path) -> list[str]:
    """Scatter of predictions against scores, one point a picture."""
    figure, axes = _figure(4.6, 4.4)
    axes.scatter(rows["score"], rows["predicted"], s=10, alpha=0.5, color=BLUE, linewidths=0)
    both = rows[["score", "predicted"]].to_numpy()
    ends = [float(np.nanmin(both)) - 0.02, float(np.nanmax(both)) + 0.02]
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", label="equal")
    axes.set(xlabel="memorability score", ylabel="predicted", xlim=ends, ylim=ends)
    rho = results.metrics["spearman"]
    title = f"n = {results.n}, Spearman ρ = {_number(rho)}"
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    return [_save(figure, folder, "predicted-against-true.png")]


def ablation_effects(conditions: list[dict[str, Any]], folder: Path) -> list[str]:
    """Forest plot: mean drop of the score per condition with its interval; zero is no effect."""
    shown = [entry for entry in conditions if entry["drop"]["value"] is not None]
    if not shown:
        return []
    figure, axes = _figure(7.2, 1.3 + 0.42 * len(shown))
    for place, entry in enumerate(shown):
        drop = entry["drop"]
        if drop["low"] is not None:
            axes.plot([drop["low"], drop["high"]], [place, place], color=BLUE, linewidth=2)
        axes.plot([drop["value"]], [place], "o", color=BLUE, markersize=6)
    axes.axvline(0, color=GREY, linewidth=1)
    labels = [f"{entry['condition']} {entry['unit']}  (n = {entry['eligible']})" for entry in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize=9)
    axes.invert_yaxis()
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel("mean drop of the predicted score, clean − ablated (95 % interval)")
    axes.set_title("What taking something out does to the score", fontsize=10)
    return [_save(figure, folder, "ablation-effects.png")]


def map_overlays(arrays: dict[str, Any], method: str, unit: str, folder: Path) -> list[str]:
    """Each picture beside its map, all maps on one symmetric scale with a colour bar."""
    maps, pictures = arrays["maps"], arrays["pictures"]
    limit = float(np.abs(maps).max()) or 1.0
    columns = min(4, len(maps))
    lines = -(-len(maps) // columns)
    figure = Figure(figsize=(columns * 3.1 + 1.2, lines * 1.9 + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns * 2, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    for place in range(len(maps)):
        line, column = divmod(place, columns)
        plain, over = axes[line, 2 * column], axes[line, 2 * column + 1]
        picture = pictures[place].transpose(1, 2, 0)
        plain.imshow(picture)
        plain.set_title(_short(str(arrays["id"][place])), fontsize=7)
        over.imshow(overlay(picture, maps[place], limit))
        over.set_title(
            f"{arrays['predicted'][place]:.2f} (true {arrays['score'][place]:.2f})", fontsize=7
        )
    bar = figure.colorbar(
        _mappable(limit), ax=list(axes.flat), shrink=min(1.0, 2.5 / lines), pad=0.01, aspect=30
    )
    bar.set_label(f"{method}: {unit}", fontsize=8)
    height, width = maps.shape[1:]
    figure.suptitle(
        f"{method} on a {height} × {width} grid, drawn bilinear; "
        "red raises the score, blue lowers it; one scale for all",
        fontsize=9,
    )
    return [_save(figure, folder, f"maps/{method}.png")]


def learning_rates(table: pd.DataFrame, suggestion: float | None, folder: Path) -> str:
    """The loss over the learning rate of a range test, with the rate suggested."""
    figure, axes = _figure(5.2, 3.6)
    axes.plot(table["lr"], table["loss"], color=BLUE, linewidth=1.5)
    if suggestion is not None:
        axes.axvline(suggestion, color=GREY, linewidth=1, linestyle="--", label=f"{suggestion:.2g}")
        axes.legend(frameon=False, fontsize=8, title="suggested", title_fontsize=8)
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss (smoothed)")
    axes.set_title("Range test of learning rates", fontsize=10)
    return _save(figure, folder, "learning-rates.png")


def overlay(picture: Any, signed: Any, limit: float) -> Any:
    """A signed map over a muted grey copy of its picture.

    Args:
        picture: (H, W, 3) uint8.
        signed: (h, w) map, stretched to the picture bilinearly.
        limit: the value of full colour, the same for all pictures that are compared.

    Returns:
        (H, W, 3) float in [0, 1]. Zero is transparent: opacity grows with the absolute value.
    """
    from PIL import Image

    size = (picture.shape[1], picture.shape[0])
    stretched = Image.fromarray(np.asarray(signed, dtype=np.float32)).resize(size, 2)
    values = np.asarray(stretched)
    colour = np.asarray(_mappable(limit).to_rgba(values))[..., :3]
    grey = picture.mean(axis=2, keepdims=True) / 255 * 0.5 + 0.4
    opacity = np.clip(np.abs(values) / limit, 0, 1)[..., None] * 0.85
    return opacity * colour + (1 - opacity) * grey


def _mappable(limit: float) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(Normalize(-limit, limit), cmap=SIGNED)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    # figures without pyplot: no global state, no display, safe in threads
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, folder: Path, name: str) -> str:
    with replacing(folder / name) as temporary:
        figure.savefig(temporary, dpi=150)
    return name


def _number(statistic: dict[str, Any]) -> str:
    if statistic["value"] is None:
        return f"none ({statistic['reason']})"
    if statistic["low"] is None:
        return f"{statistic['value']:.3f}"
    return f"{statistic['value']:.3f} [{statistic['low']:.3f}, {statistic['high']:.3f}]"


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"…{name[-21:]}"
