"""Results as people read them in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.reports.results import FILE, Results

_SHORT = {"spearman": "ρ", "r2": "R²", "mse": "MSE", "mae": "MAE", "calibration_slope": "slope"}
"""Names that fit where every statistic is a column."""


def print_results(results: Results, folder: Path, console: Console | None = None) -> None:
    """Print metrics, ablations, and where the files and pictures are."""
    console = console or plain_console()
    title = f"{results.command}: {results.n} pictures"
    skipped = results.data["skipped"]
    if skipped:
        title += f"; {len(skipped)} of the data set skipped (listed in {FILE})"
    if results.metrics:
        console.print(metrics_table(results, title))
    else:
        console.print(title)
    if results.conditions:
        console.print(conditions_table(results))
    for note in results.notes:
        console.print(f"note: {note}")
    console.print(f"results   {folder}/{FILE}, rows.csv", highlight=False, soft_wrap=True)
    for figure in results.figures:
        console.print(f"picture   {folder}/{figure}", highlight=False, soft_wrap=True)


def plain_console() -> Console:
    """A console for standard output: as wide as the terminal, or 100 columns in a file."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def metrics_table(results: Results, title: str) -> Table:
    """One line per metric: value and interval, or the reason why there is none."""
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name, statistic in results.metrics.items():
        table.add_row(name.replace("_", " "), _value(statistic), _interval(statistic))
    return table


def conditions_table(results: Results) -> Table:
    """One line per ablation: pictures, drop with interval, correlation before and after."""
    table = Table(
        title="ablations: drop = clean − ablated, positive where the score falls",
        title_justify="left",
    )
    for name in ("ablation", "n", "drop", "95 % interval", "ρ clean", "ρ ablated"):
        table.add_column(name, justify="left" if name in ("ablation",) else "right")
    for entry in results.conditions:
        of_all = "" if entry["eligible"] == entry["n"] else f" of {entry['n']}"
        table.add_row(
            escape(f"{entry['condition']} {entry['unit']}"),
            f"{entry['eligible']}{of_all}",
            _value(entry["drop"], signed=True),
            _interval(entry["drop"], signed=True),
            _value(entry["spearman_clean"]),
            _value(entry["spearman"]),
        )
    return table


def print_summary(summary: dict[str, Any], folder: Path, console: Console | None = None) -> None:
    """Print what repeated runs say together: each run, then mean ± SD."""
    console = console or plain_console()
    console.print(members_table(summary))
    drops = [entry for entry in summary["across"] if entry["condition"]]
    if drops:
        table = Table(title="ablations: drop = clean − ablated, over members", title_justify="left")
        for name in ("ablation", "mean ± SD", "least", "most"):
            table.add_column(name, justify="left" if name == "ablation" else "right")
        for entry in drops:
            ends = [
                f"{entry[end]:+.4f}" if entry[end] is not None else "" for end in ("min", "max")
            ]
            table.add_row(escape(entry["condition"]), mean_and_sd(entry, signed=True), *ends)
        console.print(table)
    for note in summary["notes"]:
        console.print(f"note: {note}")
    if summary["missing"]:
        console.print(f"not finished: {', '.join(summary['missing'])}")
    console.print(f"results   {folder}/summary.json, summary.csv", highlight=False, soft_wrap=True)
    for figure in summary["figures"]:
        console.print(f"picture   {folder}/{figure}", highlight=False, soft_wrap=True)


def members_table(summary: dict[str, Any]) -> Table:
    """One line per repeated run, then mean ± SD, least and most of each statistic."""
    shown = [entry for entry in summary["across"] if not entry["condition"]]
    count = len(summary["members"])
    table = Table(title=f"test over {count} {summary['over']}s", title_justify="left")
    table.add_column(summary["over"])
    table.add_column("n", justify="right")
    for entry in shown:
        table.add_column(_SHORT.get(entry["metric"], entry["metric"]), justify="right")
        if entry["metric"] == "spearman":
            table.add_column("95 % interval")
    for member in summary["members"]:
        found = {each["metric"]: each for each in member["statistics"] if not each["condition"]}
        cells = [member["member"], str(member["n"])]
        for entry in shown:
            statistic = found.get(entry["metric"], {"value": None, "reason": "not there"})
            cells.append(_value(statistic))
            if entry["metric"] == "spearman":
                cells.append(_interval(statistic) if statistic["value"] is not None else "")
        table.add_row(*cells)
    table.add_section()
    for title, name in (("mean", "mean"), ("SD", "sd"), ("least", "min"), ("most", "max")):
        cells = [title, ""]
        for entry in shown:
            cells.append(f"{entry[name]:.4f}" if entry[name] is not None else "none")
            if entry["metric"] == "spearman":
                cells.append("")
        table.add_row(*cells)
    return table


def mean_and_sd(entry: dict[str, Any], signed: bool = False) -> str:
    """`0.6812 ± 0.0041`, or the reason why there is none."""
    if entry["mean"] is None:
        return escape(f"none: {entry['reason']}")
    spread = "" if entry["sd"] is None else f" ± {entry['sd']:.4f}"
    return f"{entry['mean']:{'+' if signed else ''}.4f}{spread}"


def _value(statistic: dict[str, Any], signed: bool = False) -> str:
    if statistic["value"] is None:
        return escape(f"none: {statistic['reason']}")
    return f"{statistic['value']:{'+' if signed else ''}.4f}"


def _interval(statistic: dict[str, Any], signed: bool = False) -> str:
    if statistic["low"] is None:
        return statistic["reason"] or "" if statistic["value"] is not None else ""
    sign = "+" if signed else ""
    return escape(f"[{statistic['low']:{sign}.4f}, {statistic['high']:{sign}.4f}]")
