"""Figures of ablations: a forest plot of all, and a panel per dose curve. From results alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ablations import FAMILIES
from memlab.reports.figures import BLUE, GREY, save

HOLLOW = {
    "placed": ("o", "the same elsewhere"),
    "windows": ("o", "the same elsewhere"),
    "patch": ("^", "neutral patch"),
    "there-and-back": ("s", "swap there and back"),
    "floor": ("D", "largest nuisance change"),
}
"""Marker and words of what an effect is compared with."""
ORANGE = "#b35806"
"""Of what an effect is compared with; apart from blue for all colour-blind readers, and in grey."""
HEADED = 8
"""Lines from which on families have headings."""

Line = tuple[str, dict[str, Any] | None, dict[str, Any] | None, str | None]
"""Label, effect, its control and the kind of this; a heading has a label alone."""


def forest(conditions: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Forest plot of all primary ablations: mean drop, and T of swaps, beside their controls.

    Filled marks are effects with their intervals, hollow ones on the same line what they are
    compared with, in the same unit.
    """
    primary = [entry for entry in conditions if entry["primary"]]
    targets = [entry for entry in primary if entry["role"] == "target"]
    swaps = [entry for entry in primary if entry["role"] == "swap"]
    if not targets and not swaps:
        targets = primary
    panels = [
        ("mean drop of the score: clean − ablated", _lines(targets, _drop)),
        ("T: share of the predictions' variance that a swap moves", _lines(swaps, _share)),
    ]
    panels = [panel for panel in panels if panel[1]]
    if not panels:
        return []
    heights = [0.8 + 0.25 * len(lines) for _, lines in panels]
    longest = max(len(line[0]) for _, lines in panels for line in lines)
    width = 8.2 + 0.065 * max(0, longest - 60)  # long labels take no room from the marks
    figure = Figure(figsize=(width, sum(heights) + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, lines) in zip(every, panels, strict=True):
        _draw(axes, lines)
        axes.set_xlabel(title, fontsize=9)
    _legend(figure, {kind for _, lines in panels for _, _, other, kind in lines if other and kind})
    return [save(figure, folder, "ablation-effects.png")]


def curves(dose_curves: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Small multiples: effects over the doses of each ablation, with band, beside its control."""
    shown = [curve for curve in dose_curves if any(one["value"] is not None for one in _y(curve))]
    shown.sort(key=lambda curve: (list(FAMILIES).index(curve["family"]), curve["curve"]))
    if not shown:
        return []
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure = Figure(figsize=(3.1 * columns + 0.4, 2.3 * lines + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in every[len(shown) :]:
        axes.set_axis_off()
    kinds = set()
    for axes, curve in zip(every, shown, strict=False):
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color=GREY, linewidth=0.8)
        _band(axes, curve["doses"], _y(curve))
        kind = curve["compared_with"]
        others = [] if curve["effect"] == "T" else curve["control_drops"]
        drawn = [
            (dose, one["value"])
            for dose, one in zip(curve["doses"], others, strict=False)
            if one is not None and one["value"] is not None
        ]
        if drawn:
            kinds.add(kind)
            axes.plot(
                *zip(*drawn, strict=True),
                HOLLOW[kind][0],
                color=ORANGE,
                markerfacecolor="white",
                markersize=4.5,
                linestyle=":",
                linewidth=1,
            )
        axes.set_title(_broken(curve["curve"], 40), fontsize=9)
        axes.set_xlabel(curve["unit"], fontsize=8)
        axes.set_ylabel("T" if curve["effect"] == "T" else "mean drop", fontsize=8)
        axes.tick_params(labelsize=7.5)
        axes.locator_params(axis="y", nbins=5)
        axes.set_xlim(left=0)
    _legend(figure, kinds, columns=min(columns + 1, 4))
    return [save(figure, folder, "dose-curves.png")]


def _lines(entries: Sequence[dict[str, Any]], of: Any) -> list[Line]:
    """Within a family the largest effect first; headings where there are many lines."""
    families: dict[str, list[Line]] = {}
    for entry in entries:
        effect, other = of(entry)
        if effect is None or effect["value"] is None:
            continue
        of_all = "" if entry["eligible"] == entry["n"] else f" of {entry['n']}"
        name = entry["condition"].removesuffix(f":{entry['role']}")
        label = f"{name} {entry['unit']}  (n = {entry['eligible']}{of_all})"
        families.setdefault(entry["family"], []).append((label, effect, other, _kind(entry)))
    headed = len(families) > 1 and sum(map(len, families.values())) > HEADED
    found: list[Line] = []
    for family in sorted(families, key=list(FAMILIES).index):
        lines = families[family]
        if headed:
            found.append((family, None, None, None))
        found += sorted(lines, key=lambda line: -abs(line[1]["value"] if line[1] else 0))
    return found


def _draw(axes: Any, lines: Sequence[Line]) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.axvline(0, color=GREY, linewidth=1)
    for place, (_, effect, other, kind) in enumerate(lines):
        if effect is None:
            continue
        axes.axhline(place, color="#e8e8e8", linewidth=0.6, zorder=0)
        if other is not None and kind is not None and other["value"] is not None:
            if other.get("low") is not None:
                ends = [other["low"], other["high"]]
                axes.plot(ends, [place + 0.18] * 2, color=ORANGE, linewidth=0.9)
            axes.plot(
                [other["value"]],
                [place + 0.18],
                HOLLOW[kind][0],
                color=ORANGE,
                markerfacecolor="white",
                markersize=4.5,
            )
        if effect["low"] is not None:
            axes.plot([effect["low"], effect["high"]], [place - 0.1] * 2, color=BLUE, linewidth=1.8)
        axes.plot([effect["value"]], [place - 0.1], "o", color=BLUE, markersize=5)
    axes.set_yticks(range(len(lines)), [line[0] for line in lines], fontsize=8)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        if line[1] is None:
            label.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(len(lines) - 0.4, -0.6)


def _legend(figure: Figure, kinds: set[str], columns: int = 3) -> None:
    axes = figure.axes[0]
    handles = axes.plot([], [], "o-", color=BLUE, markersize=5, label="effect, 95 % interval")
    alike = {HOLLOW[kind]: None for kind in HOLLOW if kind in kinds}
    for marker, words in alike:
        handles += axes.plot(
            [], [], marker, color=ORANGE, markerfacecolor="white", markersize=4.5, label=words
        )
    figure.legend(
        handles=handles, loc="outside upper center", ncols=columns, frameon=False, fontsize=8
    )


def _band(axes: Any, doses: Sequence[float], effects: Sequence[dict[str, Any]]) -> None:
    there = [(d, one) for d, one in zip(doses, effects, strict=True) if one["value"] is not None]
    at = [0.0] + [dose for dose, _ in there]
    low = [0.0] + [one["value"] if one["low"] is None else one["low"] for _, one in there]
    high = [0.0] + [one["value"] if one["high"] is None else one["high"] for _, one in there]
    axes.fill_between(at, low, high, color=BLUE, alpha=0.22, linewidth=0)
    values = [0.0] + [one["value"] for _, one in there]
    axes.plot(at, values, "o-", color=BLUE, markersize=3.5, linewidth=1.4)


def _y(curve: dict[str, Any]) -> list[dict[str, Any]]:
    """Mean drops, beside which the control's can be drawn; of a swap T."""
    return list(curve["effects"] if curve["effect"] == "T" else curve["drops"])


def _drop(entry: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    return entry["drop"], (entry["control"] or {}).get("drop")


def _share(entry: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """T, and what the way there and back moves by itself: T+ less T."""
    control = entry["control"] or {}
    share, raw = control.get("T"), control.get("T+")
    if share is None or raw is None or share["value"] is None or raw["value"] is None:
        return share, None
    return share, {"value": raw["value"] - share["value"]}


def _kind(entry: dict[str, Any]) -> str | None:
    return entry["compared_with"] if entry["control"] else None


def _broken(name: str, width: int) -> str:
    """A condition's name in lines of at most `width`, broken before its brackets and at commas."""
    lines = [""]
    for part in re.split(r"(?=[\[(])|(?<=,)", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
