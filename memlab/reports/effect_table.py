"""The table of ablations as people read it in a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

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


def print_effects(results: Results, console: Console) -> None:
    """Print a line per ablation: pictures, effect, p, what it is compared with, ρ; then a legend.

    Of nuisance changes the largest that anything is compared with is named; they have lines of
    their own where nothing else was asked for.
    """
    entries = [entry for entry in results.conditions if entry["role"] != "floor"]
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
        of_all = "" if entry["eligible"] == entry["n"] else f"/{entry['n']}"
        name = entry["condition"].removesuffix(f":{entry['role']}")
        cells = [
            escape(f"{name} {entry['unit']}" if units else name),
            f"{entry['eligible']}{of_all}",
            escape(_effect(entry)),
            _p(entry),
            escape(_compared(entry)),
        ]
        table.add_row(*cells, *([_correlations(entry)] if correlations else []))
    return table


def _fits(table: Table, console: Console) -> bool:
    """Whether the table has room without a line that wraps."""
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, table).maximum <= console.width


def _effect(entry: dict[str, Any]) -> str:
    """The mean drop, or T of a swap, with its interval, or why there is none."""
    control = entry["control"] or {}
    swapped = entry["role"] == "swap" and control.get("T")
    statistic = control["T"] if swapped else entry["drop"]
    if statistic["value"] is None:
        return str(statistic["reason"])
    text = f"{'T ' if swapped else ''}{short(statistic['value'], signed=not swapped)}"
    if statistic["low"] is None:
        return text
    ends = [short(statistic[end], signed=not swapped) for end in ("low", "high")]
    return f"{text} [{ends[0]}, {ends[1]}]"


def _p(entry: dict[str, Any]) -> str:
    p = entry["p_corrected"]
    if p is None:
        return "–"
    return "<.001" if p < 0.001 else short(p, digits=3)


def _compared(entry: dict[str, Any]) -> str:
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
    placed = f", n {entry['eligible'] - control['without']}" if control["without"] else ""
    return f"{COMPARED[kind]} {short(control['drop']['value'], signed=True)}{placed}"


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
    if "there-and-back" in kinds:
        lines[0] += "; T of a swap: share of the predictions' variance"
    if tests:
        lines.append(f"p: corrected for {tests} test{'s' * (tests > 1)} (Holm)")
        if "floor" in kinds:
            lines[-1] += "; of a change of the whole picture: that it has any effect at all"
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
    beside = [name for kind, name in COMPARED.items() if kind in kinds]
    if beside:
        lines.append(f"{', '.join(beside)}: mean drop by the control, which p is against")
    return lines


def short(value: float, digits: int = 4, signed: bool = False) -> str:
    """A number without the 0 before its point: `+.0126`."""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text
