"""Terminal tables of repeated and compared runs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.numbers import number
from memlab.reports.terminal import interval_text, plain_console, value_text
from memlab.stats.measures import Statistic

_ABSENT = {"value": None, "n": 0, "reason": "not there"}
_SHORT = {"spearman": "ρ", "r2": "R²", "mse": "MSE", "mae": "MAE", "calibration_slope": "slope"}
"""Short names for tables in which every statistic is a column."""


def print_summary(summary: dict[str, Any], folder: Path, console: Console | None = None) -> None:
    """Print the summary of repeated runs: each run, then mean ± SD."""
    console = console or plain_console()
    console.print(members_table(summary))
    drops = [entry for entry in summary["across"] if entry["condition"]]
    if drops:
        table = Table(
            title="ablations: effect = clean − ablated, over members", title_justify="left"
        )
        for name in ("ablation", "mean ± SD", "least", "most"):
            table.add_column(name, justify="left" if name == "ablation" else "right")
        for entry in drops:
            ends = _ends(entry)
            table.add_row(escape(entry["condition"]), mean_and_sd(entry, signed=True), *ends)
        console.print(table)
    for note in summary["notes"]:
        console.print(f"note: {note}")
    if summary["missing"]:
        console.print(f"not finished: {', '.join(summary['missing'])}")
    console.print(f"results   {folder}/summary.json, summary.csv", highlight=False, soft_wrap=True)
    for figure in summary["figures"]:
        console.print(f"figure    {folder}/{figure}", highlight=False, soft_wrap=True)


def members_table(summary: dict[str, Any]) -> Table:
    """Return a table with one line per repeated run, then mean ± SD, minimum and maximum."""
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
            statistic = _statistic(found.get(entry["metric"], _ABSENT))
            cells.append(value_text(statistic))
            if entry["metric"] == "spearman":
                cells.append(interval_text(statistic) if statistic.value is not None else "")
        table.add_row(*cells)
    table.add_section()
    for title, name in (("mean", "mean"), ("SD", "sd"), ("least", "min"), ("most", "max")):
        cells = [title, ""]
        for entry in shown:
            cells.append(number(entry[name]) if entry[name] is not None else "none")
            if entry["metric"] == "spearman":
                cells.append("")
        table.add_row(*cells)
    return table


def print_comparison(comparison: dict[str, Any], console: Console | None = None) -> None:
    """Print the runs, their differences, and the differences of their ablation effects."""
    console = console or plain_console()
    table = Table(title="runs", title_justify="left")
    for name in ("", "run", "n", "ρ", "95 % interval", "R²", "MSE", "MAE", "SD pred."):
        left = name in ("", "run")
        table.add_column(name, justify="left" if left else "right", no_wrap=not left)
    for run in comparison["runs"]:
        found = [_statistic(run["metrics"][name]) for name in ("spearman", "r2", "mse", "mae")]
        values = [value_text(statistic) for statistic in found]
        table.add_row(
            run["letter"], escape(run["run"]), str(run["n"]), values[0], interval_text(found[0]),
            *values[1:], number(run["sd_predicted"]),
        )  # fmt: skip
    console.print(table)
    letters = {run["run"]: run["letter"] for run in comparison["runs"]}
    metrics = {"spearman": "ρ", "mse": "MSE", "mae": "MAE"}
    title = "differences on the same images"
    _print_differences(console, title, comparison["differences"], metrics, letters)
    effects = {"effect": "{}", "effect_in_sd": "{} /SD"}
    title = "differences of effects, same images (/SD: in SDs of the model's predictions)"
    _print_differences(console, title, comparison["conditions"], effects, letters)
    for entry in comparison["differences"]:
        pair = f"{letters[entry['second']]} and {letters[entry['first']]}"
        agreement = _statistic(entry["agreement"])
        console.print(
            f"predictions of {pair} over {entry['common']} common images: "
            f"ρ = {value_text(agreement)} {interval_text(agreement)}"
        )
    if comparison["across"]:
        table = Table(title="the same differences over repetitions", title_justify="left")
        for name in ("", "mean ± SD", "least", "most"):
            table.add_column(name, justify="right" if name else "left")
        for entry in comparison["across"]:
            ends = _ends(entry)
            title = f"{entry['metric'].replace('_', ' ')} {entry['condition'] or ''}"
            table.add_row(escape(title.strip()), mean_and_sd(entry, signed=True), *ends)
        console.print(table)
    for note in comparison["notes"]:
        console.print(f"note: {escape(note)}")


def _print_differences(
    console: Console,
    title: str,
    entries: list[dict[str, Any]],
    names: dict[str, str],
    letters: dict[str, str],
) -> None:
    if not entries:
        return
    several = any(entry[name]["for_all"] for entry in entries for name in names)
    table = Table(title=title, title_justify="left")
    for name in ("", "of", "n", "first", "second", "diff."):
        left = name in ("", "of")  # fold a long condition instead of cutting it
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    for name in ("95 % interval", *(["for all"] if several else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in entries:
        ends = {end: letters[entry[end]] for end in ("first", "second")}
        for key, name in names.items():
            found, wide = entry[key], entry[key]["for_all"]
            table.add_row(
                f"{ends['second']} − {ends['first']}",
                escape(name.format(entry.get("condition"))),
                str(found["difference"]["n"]),
                *(
                    f"{letter} {number(found[end])}" if found[end] is not None else ""
                    for end, letter in ends.items()
                ),
                value_text(_statistic(found["difference"]), signed=True),
                interval_text(_statistic(found["difference"]), signed=True),
                *(
                    [interval_text(_statistic(wide), signed=True) if wide else ""]
                    if several
                    else []
                ),
            )
    console.print(table)


def mean_and_sd(entry: dict[str, Any], signed: bool = False) -> str:
    """Return `0.6812 ± 0.0041`, or the reason why there is no value."""
    if entry["mean"] is None:
        return escape(f"none: {entry['reason']}")
    spread = "" if entry["sd"] is None else f" ± {number(entry['sd'])}"
    return number(entry["mean"], signed=signed) + spread


def _ends(entry: dict[str, Any]) -> list[str]:
    return [
        number(entry[end], signed=True) if entry[end] is not None else "" for end in ("min", "max")
    ]


def _ends_text(found: dict[str, Any] | None) -> str:
    return interval_text(_statistic(found), signed=True) if found else ""


def _statistic(found: dict[str, Any]) -> Statistic:
    parts: dict[str, Any] = {part.name: found.get(part.name) for part in fields(Statistic)}
    return Statistic(**parts)
