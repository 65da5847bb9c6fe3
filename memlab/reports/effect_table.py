"""The table of ablations as people read it in a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from memlab.reports.control_notes import FEW, few
from memlab.reports.results import FILE, Results

MOST = 40
"""Lines from which on only primary doses are printed."""
COLUMNS: dict[str, JustifyMethod] = {
    "ablation": "left",
    "n": "right",
    "effect  [95 %]": "right",
    "p": "right",
    "compared with": "left",
}
LAYOUTS = ((True, True), (False, True), (False, False))
"""With units, and with ρ: the first that the console has room for is printed."""
COMPARED = {
    "placed": "elsewhere",
    "windows": "windows",
    "patch": "patch",
}
"""Controls of an effect's own, S being the difference."""


def print_effects(results: Results, console: Console) -> None:
    """Print a line per ablation: pictures, effect, p, what it is compared with, ρ; then a legend.

    The effect is what p is about, and n its pictures: S beyond controls, T of a swap, else the mean
    drop. Of the nuisance changes that others are compared with the largest is named; they have
    lines of their own where nothing else was asked for.
    """
    entries = [
        entry
        for entry in results.conditions
        if entry["role"] != "floor" or not entry.get("yardstick", True)
    ]
    entries = entries or results.conditions
    every = len(entries)
    if every > MOST:
        entries = [entry for entry in entries if entry["primary"]]
    for units, correlations in LAYOUTS:
        table = _table(entries, units, correlations)
        if _fits(table, console):
            break
    console.print(table)
    lines = _legend(entries)
    if not units:
        lines.append(f"units of the doses{'' if correlations else ', and ρ'}: {FILE}")
    if len(entries) < every:
        lines.append(f"{every - len(entries)} other doses: {FILE}, dose-curves.png")
    for line in lines:
        console.print(line, markup=False, style="dim" if console.is_terminal else "")


def _table(entries: list[dict[str, Any]], units: bool, correlations: bool) -> Table:
    table = Table(
        title="ablations: what taking something out does to the score",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name, justify in COLUMNS.items():
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name in ("n", "p"))
    if correlations:
        table.add_column("ρ clean → ablated", justify="right", overflow="fold")
    for entry in entries:
        count = _statistic(entry)[1]["n"]
        of_all = "" if count == entry["n"] else f"/{entry['n']}"
        name = entry["condition"].removesuffix(f":{entry['role']}")
        cells = [
            escape(f"{name} {entry['unit']}" if units else name),
            f"{count}{of_all}",
            escape(effect_text(entry)),
            p_text(entry),
            escape(compared_text(entry)),
        ]
        table.add_row(*cells, *([_correlations(entry)] if correlations else []))
    return table


def _fits(table: Table, console: Console) -> bool:
    """Whether the table has room without a line that wraps."""
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, table).maximum <= console.width


def _statistic(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What p is about, and its name: S or T; else the mean drop, which needs none."""
    for name in ("S", "T"):
        statistic = (entry["control"] or {}).get(name)
        if statistic and statistic["value"] is not None:
            return name, statistic
    return "", entry["drop"]


def effect_text(entry: dict[str, Any]) -> str:
    """The effect with its interval, or why there is none."""
    name, statistic = _statistic(entry)
    if statistic["value"] is None:
        return str(statistic["reason"])
    signed = name != "T"
    text = f"{name} {short(statistic['value'], signed=signed)}".lstrip()
    if statistic["low"] is None:
        return text
    ends = [short(statistic[end], signed=signed) for end in ("low", "high")]
    return f"{text} [{ends[0]}, {ends[1]}]"


def p_text(entry: dict[str, Any]) -> str:
    """The corrected p, or a dash."""
    p = entry["p_corrected"]
    if p is None:
        return "–"
    return "<.001" if p < 0.001 else short(p, digits=3)


def compared_text(entry: dict[str, Any]) -> str:
    """What the effect is compared with, or why with nothing."""
    control = entry["control"]
    if control is None or entry["drop"]["value"] is None:  # why is said once, as the effect
        return ""
    if control["reason"]:
        return f"none: {control['reason']}"
    kind = control["kind"]
    if kind == "floor":
        ratio, floor = control["ratio"]["value"], control["rms"]["value"]
        if floor is None:
            return f"none: {control['rms']['reason']}"
        times = "" if ratio is None else f"{ratio:.{0 if ratio >= 10 else 1}f} × "
        return f"{times}floor {short(floor)}"
    if kind == "there-and-back":
        return "there and back"
    own, other = (short(control[one]["value"], signed=True) for one in ("own_drop", "drop"))
    return f"{own}, {COMPARED[kind]} {other}"


def _correlations(entry: dict[str, Any]) -> str:
    values = [entry[name]["value"] for name in ("spearman_clean", "spearman")]
    if entry["drop"]["value"] is None:
        return ""
    if values == [None, None]:
        return str(entry["spearman"]["reason"] or "")
    return " → ".join("none" if value is None else short(value, digits=3) for value in values)


def _legend(entries: list[dict[str, Any]]) -> list[str]:
    """Short lines on what the columns mean, of what is in the table alone."""
    kinds = {(entry["control"] or {}).get("kind") for entry in entries}
    tests = sum(entry["p"] is not None for entry in entries)
    lines = ["effect: mean of clean − ablated, positive where the score falls"]
    beside = [name for kind, name in COMPARED.items() if kind in kinds]
    if beside:
        lines[0] += "; S: less that of the control"
    if "there-and-back" in kinds:
        lines[0] += "; T of a swap: share of the predictions' variance"
    if tests:
        lines.append(f"p: corrected for {tests} test{'s' * (tests > 1)} (Holm)")
        if "floor" in kinds:
            lines[-1] += "; of a change of the whole picture: that it has any effect at all"
        if "placed" in kinds:
            lines[-1] += "; of a region: that it matters more than other places do, on average (S) "
            lines[-1] += "or up here and down there"
    largest = [
        (entry["control"]["rms"]["value"], entry["control"]["condition"])
        for entry in entries
        if (entry["control"] or {}).get("kind") == "floor" and entry["control"].get("condition")
    ]
    if largest:
        name = max(largest)[1].removesuffix(":floor")
        lines.append(
            f"floor: RMS of the drop by the largest nuisance change, {name}; "
            "×: the ablation's RMS over it"
        )
    if beside:
        lines.append(
            f"{', '.join(beside)}: drop by the ablation, and by its control, of the same n pictures"
        )
    scarce = min((entry["test"]["n"] for entry in entries if few(entry)), default=None)
    if scarce is not None:
        lines.append(
            f"n from {scarce}, below {FEW}: p of a mean drop finds too much "
            "(.11 at .05 for 10 pictures, .08 for 20)"
        )
    return lines


def short(value: float, digits: int = 4, signed: bool = False) -> str:
    """A number without the 0 before its point: `+.0126`."""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text
