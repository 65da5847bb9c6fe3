"""Figures of ablations, drawn from results alone: a forest plot, and a panel per dose curve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ablations import FAMILIES
from memlab.drawing import BLUE, GREY, ORANGE, save
from memlab.reports.effect_table import too_few
from memlab.reports.figures import dose_axis

HOLLOW = {
    "placed": ("o", "matched control"),
    "windows": ("s", "off-centre crops"),
    "patch": ("^", "neutral patch"),
    "floor": ("D", "± nuisance baseline (RMS)"),
}
"""Marker and label of each kind of comparison."""
HEADED = 8
"""Number of lines from which families get headings."""

Line = tuple[str, dict[str, Any] | None, dict[str, Any] | None, str | None]
"""Label, effect, its control and the control's kind; a heading has only a label."""


def forest(conditions: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """Draw a forest plot of all primary ablations: mean effects with comparisons, S, and T.

    The hollow mark beside a mean effect is the mean effect of the control on the same images. S is
    the difference of the two. The band is the nuisance baseline: the RMS effect, in either
    direction, of the nuisance change that moves the same images most. T is shown after subtracting
    the round-trip control. An ablation without a number, e.g. with fewer than three images, has a
    line with the reason.
    """
    primary = [entry for entry in conditions if entry["primary"]]
    targets = [entry for entry in primary if entry["role"] == "target"]
    swaps = [entry for entry in primary if entry["role"] == "swap"]
    if not targets and not swaps:
        targets = primary
    controlled = [entry for entry in targets if (entry["control"] or {}).get("S")]
    panels = [
        ("mean effect on the score: clean − ablated", _lines(targets, _drop)),
        ("S: specific effect, the effect less that of the control", _lines(controlled, _specific)),
        ("T: variance share of the predictions that a swap moves", _lines(swaps, _share)),
    ]
    panels = [panel for panel in panels if panel[1]]
    if not panels:
        return []
    heights = [0.8 + 0.25 * len(lines) for _, lines in panels]
    longest = max(len(line[0]) for _, lines in panels for line in lines)
    width = 8.2 + 0.065 * max(0, longest - 60)  # leave room for the marks
    figure = Figure(figsize=(width, sum(heights) + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, lines) in zip(every, panels, strict=True):
        _draw(axes, lines)
        axes.set_xlabel(title, fontsize=9)
    kinds = {
        kind
        for _, lines in panels
        for _, effect, other, kind in lines
        if other and kind and effect and effect["value"] is not None
    }
    _legend(figure, kinds, band=True)
    return [save(figure, folder, "ablation-effects.png")]


def curves(
    dose_curves: Sequence[dict[str, Any]], conditions: Sequence[dict[str, Any]], folder: Path
) -> list[str]:
    """Draw a panel per ablation: mean effect, or T of swaps, over the doses, with controls.

    Args:
        dose_curves: an entry per ablation at several doses, as in the results.
        conditions: an entry per condition, as in the results; the curves' controls are among them.
        folder: output folder.
    """
    if not dose_curves:
        return []
    there = dose_curves
    by_key = {entry["condition"]: entry for entry in conditions}
    order = {key: place for place, key in enumerate(by_key)}
    shown = sorted(
        there,
        key=lambda one: (list(FAMILIES).index(one["family"]), order[one["conditions"][0]]),
    )
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure = Figure(figsize=(3.1 * columns + 0.4, 2.4 * lines + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in every[len(shown) :]:
        axes.set_axis_off()
    kinds = set()
    for axes, curve in zip(every, shown, strict=False):
        steps = [by_key[key] for key in curve["conditions"]]
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color=GREY, linewidth=0.8)
        kind = _beside(axes, curve, steps)
        if kind:
            kinds.add(kind)
        _band(axes, curve["doses"], _y(curve), [step["primary"] for step in steps])
        counts, n = {one["n"] for one in _y(curve)}, max(step["n"] for step in steps)
        span = "–".join(str(count) for count in sorted({min(counts), max(counts)}))
        of_all = "" if counts == {n} else f" of {n}"
        axes.set_title(f"{_broken(curve['curve'], 40)}\n(n = {span}{of_all})", fontsize=9)
        if all(one["value"] is None for one in _y(curve)):
            _say(axes, 0.5, _why(_y(curve)[-1]), "center", axes.transAxes)
        axes.set_xlabel(dose_axis(curve["unit"]), fontsize=8)
        axes.set_ylabel("T" if curve["effect"] == "T" else "mean effect", fontsize=8)
        axes.tick_params(labelsize=7.5)
        axes.locator_params(axis="y", nbins=5)
        ticks = _apart([0.0, *curve["doses"]])
        axes.set_xticks(ticks, [f"{dose:g}" for dose in ticks])
        axes.set_xlim(0, 1.03 * curve["doses"][-1])
    _legend(figure, kinds, min(columns + 1, 4), "effect, 95 % interval; large: primary dose")
    return [save(figure, folder, "dose-curves.png")]


def _beside(axes: Any, curve: dict[str, Any], steps: Sequence[dict[str, Any]]) -> str | None:
    """Draw the comparison of a curve's effects; return its kind, or None if there is none."""
    others = [(_share if curve["effect"] == "T" else _drop)(step)[1] for step in steps]
    drawn = [
        (step["dose"], other)
        for step, other in zip(steps, others, strict=True)
        if other is not None and other["value"] is not None
    ]
    if not drawn:
        return None
    kind = str(_kind(steps[-1]))
    if kind == "floor":
        limit = max(other["value"] for _, other in drawn)
        axes.axhspan(-limit, limit, color=ORANGE, alpha=0.1, linewidth=0)
        for end in (-limit, limit):
            axes.axhline(end, color=ORANGE, linestyle=":", linewidth=1)
            axes.plot([drawn[-1][0]], [end], HOLLOW[kind][0], **_hollow())
        return kind
    for dose, other in drawn:
        if other.get("low") is not None:
            axes.plot([dose] * 2, [other["low"], other["high"]], color=ORANGE, linewidth=0.9)
    values = [(dose, other["value"]) for dose, other in drawn]
    axes.plot(*zip(*values, strict=True), HOLLOW[kind][0], linestyle=":", linewidth=1, **_hollow())
    return kind


def _apart(doses: Sequence[float]) -> list[float]:
    """Return the doses, largest first, that are far enough apart to be labelled."""
    kept: list[float] = []
    for dose in sorted(doses, reverse=True):
        if not kept or kept[-1] - dose > 0.12 * max(doses):
            kept.append(dose)
    return kept


def _hollow() -> dict[str, Any]:
    return {"color": ORANGE, "markerfacecolor": "white", "markersize": 4.5}


def _lines(entries: Sequence[dict[str, Any]], of: Any) -> list[Line]:
    """Return the lines, largest effect first within a family; many lines get headings."""
    families: dict[str, list[Line]] = {}
    for entry in entries:
        effect, other = of(entry)
        if effect is None:
            continue
        of_all = "" if effect["n"] == entry["n"] else f" of {entry['n']}"
        name = entry["condition"].removesuffix(f":{entry['role']}")
        label = f"{name} {entry['unit']}  (n = {effect['n']}{of_all})"
        families.setdefault(entry["family"], []).append((label, effect, other, _kind(entry)))
    headed = len(families) > 1 and sum(map(len, families.values())) > HEADED
    found: list[Line] = []
    for family in sorted(families, key=list(FAMILIES).index):
        lines = families[family]
        if headed:
            found.append((family, None, None, None))
        found += sorted(lines, key=lambda line: -_magnitude(line[1]))
    return found


def _draw(axes: Any, lines: Sequence[Line]) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.axvline(0, color=GREY, linewidth=1)
    for place, (_, effect, other, kind) in enumerate(lines):
        if effect is None:
            continue
        axes.axhline(place, color="#e8e8e8", linewidth=0.6, zorder=0)
        if effect["value"] is None:
            _say(axes, place, _why(effect), "left", axes.get_yaxis_transform())
            continue
        beside = None if other is None else other["value"]
        if beside is not None and kind == "floor":
            ends = [-beside, beside]
            axes.fill_betweenx([place - 0.4, place + 0.4], *ends, color=ORANGE, alpha=0.2, lw=0)
        if effect["low"] is not None:
            axes.plot([effect["low"], effect["high"]], [place] * 2, color=BLUE, linewidth=1.8)
        axes.plot([effect["value"]], [place], "o", color=BLUE, markersize=5)
        if beside is not None and kind not in (None, "floor"):
            axes.plot([beside], [place], HOLLOW[kind][0], **_hollow())
    axes.set_yticks(range(len(lines)), [line[0] for line in lines], fontsize=8)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        if line[1] is None:
            label.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(len(lines) - 0.4, -0.6)


def _magnitude(effect: dict[str, Any] | None) -> float:
    """Return the sort key of lines; lines without a number come last."""
    value = None if effect is None else effect["value"]
    return -1.0 if value is None else abs(float(value))


def _why(effect: dict[str, Any]) -> str:
    """Return why there is no number: `n = 2: too few`."""
    return too_few(effect) or str(effect["reason"])


def _say(axes: Any, y: float, text: str, align: str, transform: Any) -> None:
    """Write text where no mark can be drawn."""
    x = 0.5 if align == "center" else 0.02
    axes.text(
        x, y, text, color=GREY, fontsize=8, style="italic", ha=align, va="center",
        transform=transform,
    )  # fmt: skip


def _legend(
    figure: Figure,
    kinds: set[str],
    columns: int = 3,
    effect: str = "effect, 95 % interval",
    band: bool = False,
) -> None:
    axes = figure.axes[0]
    handles = axes.plot([], [], "o-", color=BLUE, markersize=5, label=effect)
    alike = {HOLLOW[kind]: None for kind in HOLLOW if kind in kinds}
    for marker, words in alike:
        if band and marker == HOLLOW["floor"][0]:
            handles += axes.plot([], [], color=ORANGE, alpha=0.3, linewidth=7, label=words)
        else:
            handles += axes.plot([], [], marker, label=words, **_hollow())
    figure.legend(
        handles=handles, loc="outside upper center", ncols=columns, frameon=False, fontsize=8
    )


def _band(
    axes: Any, doses: Sequence[float], effects: Sequence[dict[str, Any]], primary: Sequence[bool]
) -> None:
    every = zip(doses, effects, primary, strict=True)
    there = [(dose, one, main) for dose, one, main in every if one["value"] is not None]
    at = [0.0] + [dose for dose, _, _ in there]
    low = [0.0] + [one["value"] if one["low"] is None else one["low"] for _, one, _ in there]
    high = [0.0] + [one["value"] if one["high"] is None else one["high"] for _, one, _ in there]
    axes.fill_between(at, low, high, color=BLUE, alpha=0.22, linewidth=0)
    values = [0.0] + [one["value"] for _, one, _ in there]
    axes.plot(at, values, "o-", color=BLUE, markersize=3.5, linewidth=1.4)
    for dose, one, main in there:
        if main:
            axes.plot([dose], [one["value"]], "o", color=BLUE, markersize=6.5)


def _y(curve: dict[str, Any]) -> list[dict[str, Any]]:
    """Return mean effects, beside which the control's can be drawn; for a swap, return T."""
    return list(curve["effects"] if curve["effect"] == "T" else curve["drops"])


Shown = tuple[dict[str, Any] | None, dict[str, Any] | None]


def _control(entry: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a part of an entry's control, or None if it has no value."""
    found: dict[str, Any] | None = (entry["control"] or {}).get(name)
    return found if found and found["value"] is not None else None


def _specific(entry: dict[str, Any]) -> Shown:
    """Return S: the effect minus the control's."""
    return entry["control"]["S"], None


def _drop(entry: dict[str, Any]) -> Shown:
    """Return the mean effect, and the control's on the same images or the baseline's RMS."""
    control = entry["control"] or {}
    if _kind(entry) == "floor":
        rms = (control.get("baseline") or control).get("rms")
        return entry["drop"], None if rms is None else {"value": rms["value"]}
    return _control(entry, "own_drop") or entry["drop"], _control(entry, "drop")


def _share(entry: dict[str, Any]) -> Shown:
    """Return T after subtracting the round-trip control."""
    return (entry["control"] or {}).get("T"), None


def _kind(entry: dict[str, Any]) -> str | None:
    """Return the kind of comparison: the nuisance baseline if no control could be made."""
    control = entry["control"] or {}
    return "floor" if control.get("baseline") else entry["compared_with"] if control else None


def _broken(name: str, width: int) -> str:
    """Break a condition's name into lines of at most `width`, before brackets and at commas."""
    lines = [""]
    for part in re.split(r"(?=[\[(])|(?<=,)", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
