"""Figures, drawn from tables and arrays alone: no model, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from memlab.attributions.shares import branch_shares
from memlab.files import replacing
from memlab.numbers import interval, number
from memlab.reports.results import Results

BLUE, GREY = "#2166ac", "#767676"
ORANGE = "#b35806"
"""Of what an effect is compared with; apart from blue for all colour-blind readers, and in grey."""
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
    return [save(figure, folder, "predicted-against-true.png")]


def repeated_runs(summary: dict[str, Any], folder: Path) -> list[str]:
    """Spearman's rho of each repeated run with its interval, over the band of mean ± SD."""
    members = [
        (member["member"], statistic)
        for member in summary["members"]
        for statistic in member["statistics"]
        if statistic["metric"] == "spearman"
    ]
    if all(statistic["value"] is None for _, statistic in members):
        return []
    figure, axes = _figure(6.4, 1.5 + 0.36 * len(members))
    labels = [f"{name}  (n = {statistic['n']})" for name, statistic in members]
    _forest(axes, labels, [statistic for _, statistic in members])
    across = next(entry for entry in summary["across"] if entry["metric"] == "spearman")
    title = f"{len(members)} {summary['over']}s"
    if across["mean"] is not None:
        axes.axvline(across["mean"], color=GREY, linewidth=1, label="mean")
        title += f": Spearman ρ = {number(across['mean'], 3)}"
    if across["sd"] is not None:
        ends = across["mean"] - across["sd"], across["mean"] + across["sd"]
        axes.axvspan(*ends, color=GREY, alpha=0.2, linewidth=0, label="mean ± SD")
        title += f" ± {number(across['sd'], 3)} (SD)"
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xlabel("Spearman ρ with the memorability score (95 % interval over pictures)")
    axes.set_title(title, fontsize=10)
    return [save(figure, folder, "summary.png")]


def compared_runs(comparison: dict[str, Any], folder: Path) -> list[str]:
    """Forest plots: rho of each run; differences of rho, and of drops, against zero."""
    letters = {run["run"]: run["letter"] for run in comparison["runs"]}
    runs: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
        (f"{run['letter']}  {_short(run['run'])}", run["metrics"]["spearman"], None)
        for run in comparison["runs"]
    ]
    panels = [("Spearman ρ with the memorability score", runs)]
    for key, title, entries in (
        ("spearman", "difference of ρ, same pictures", comparison["differences"]),
        ("drop", "difference of the mean drop, same pictures", comparison["conditions"]),
    ):
        lines = []
        for entry in entries:
            pair = f"{letters[entry['second']]} − {letters[entry['first']]}"
            label = f"{entry.get('condition', '')}  {pair}".strip()
            lines.append((label, entry[key]["difference"], entry[key]["for_all"]))
        panels.append((title, lines))
    panels = [panel for panel in panels if panel[1]]
    if all(found["value"] is None for _, lines in panels for _, found, _ in lines):
        return []
    heights = [0.9 + 0.36 * len(lines) for _, lines in panels]
    figure = Figure(figsize=(7.2, sum(heights) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, lines) in zip(every, panels, strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        if title.startswith("difference"):
            axes.axvline(0, color=GREY, linewidth=1)
        for place, (_, _, wide) in enumerate(lines):
            if wide is not None and wide["low"] is not None:
                axes.plot([wide["low"], wide["high"]], [place, place], color=BLUE, linewidth=0.8)
        _forest(axes, [label for label, _, _ in lines], [found for _, found, _ in lines])
        axes.set_xlabel(title, fontsize=9)
        axes.tick_params(axis="x", labelsize=8)
        axes.locator_params(axis="x", nbins=7)
    thin = any(wide for _, lines in panels for _, _, wide in lines)
    legend = "95 % intervals over pictures" + (
        "; thin: for all of a panel together" if thin else ""
    )
    figure.suptitle(legend, fontsize=10)
    return [save(figure, folder, "compare.png")]


def map_overlays(
    arrays: dict[str, Any], method: str, unit: str, folder: Path, limit: float | None = None
) -> list[str]:
    """Each picture beside its map, all maps on one symmetric scale with a colour bar.

    Args:
        arrays: `id`, `maps`, `pictures`, `predicted`, `score`: what `maps/METHOD.npz` holds.
        method: name of the method.
        unit: of the maps.
        folder: the figure goes to `maps/METHOD.png` in it.
        limit: the value of full colour; by default the largest absolute value there is.
    """
    maps, pictures = arrays["maps"], arrays["pictures"]
    limit = limit or float(np.abs(maps).max()) or 1.0
    shares = branch_shares(arrays)
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
        score = arrays["score"][place]
        true = "" if np.isnan(score) else f" (true {number(float(score), 2)})"
        lines_of = [f"{number(float(arrays['predicted'][place]), 2)}{true}"]
        if shares:
            whose = ", ".join(f"{name} {share[place]:.0%}" for name, share in shares.items())
            lines_of.append(whose)
        over.set_title("\n".join(lines_of), fontsize=7)
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
    return [save(figure, folder, f"maps/{method}.png")]


def learning_rates(table: pd.DataFrame, suggestion: float | None, folder: Path) -> str:
    """The loss over the learning rate of a range test, with the rate suggested."""
    figure, axes = _figure(5.2, 3.6)
    axes.plot(table["lr"], table["loss"], color=BLUE, linewidth=1.5)
    if suggestion is not None:
        axes.axvline(suggestion, color=GREY, linewidth=1, linestyle="--", label=f"{suggestion:.2g}")
        axes.legend(frameon=False, fontsize=8, title="suggested", title_fontsize=8)
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss (smoothed)")
    axes.set_title("Range test of learning rates", fontsize=10)
    return save(figure, folder, "learning-rates.png")


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


def _forest(axes: Any, labels: list[str], statistics: list[dict[str, Any]]) -> None:
    """One line a statistic, from the top: its value, and its interval, or why there is none."""
    for place, statistic in enumerate(statistics):
        if statistic["value"] is None:
            axes.text(
                0.02, place, f"n = {statistic['n']}: {statistic['reason']}", color=GREY, fontsize=8,
                style="italic", va="center", transform=axes.get_yaxis_transform(),
            )  # fmt: skip
            continue
        if statistic["low"] is not None:
            ends = [statistic["low"], statistic["high"]]
            axes.plot(ends, [place, place], color=BLUE, linewidth=2)
        axes.plot([statistic["value"]], [place], "o", color=BLUE, markersize=6)
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.6)


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


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure into a folder, atomically; return its name."""
    with replacing(folder / name) as temporary:
        figure.savefig(temporary, dpi=150)
    return name


def dose_axis(unit: str) -> str:
    """A dose's unit where no number stands before it: `of the colour` is a share of it."""
    return f"share {unit}" if unit.startswith("of ") else unit


def _number(statistic: dict[str, Any]) -> str:
    if statistic["value"] is None:
        return f"none ({statistic['reason']})"
    ends = interval(statistic["low"], statistic["high"], 3)
    return f"{number(statistic['value'], 3)} {ends}".rstrip()


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"…{name[-21:]}"
