"""Terminal tables of repeated and compared runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.analysis.comparison import Comparison, condition_of, named_differences
from memlab.analysis.over_members import OverMembers
from memlab.analysis.paired import Difference, EffectDifferences, MetricDifferences
from memlab.analysis.repeated import RepeatSummary
from memlab.metrics.metric import METRICS
from memlab.numbers import number
from memlab.reports.terminal import interval_text, plain_console, value_text
from memlab.stats.measures import Statistic

_ABSENT = Statistic(None, 0, reason="not there")


def print_summary(summary: RepeatSummary, folder: Path, console: Console | None = None) -> None:
    """Print the summary of repeated runs: each run, then mean ± SD."""
    console = console or plain_console()
    console.print(members_table(summary))
    effects = [entry for entry in summary.across if entry.condition]
    if effects:
        table = Table(
            title="ablations: effect = clean − ablated, over members", title_justify="left"
        )
        for name in ("ablation", "mean ± SD", "least", "most"):
            table.add_column(name, justify="left" if name == "ablation" else "right")
        for entry in effects:
            ends = _ends(entry)
            table.add_row(escape(entry.condition or ""), mean_and_sd(entry, signed=True), *ends)
        console.print(table)
    for note in summary.notes:
        console.print(f"note: {note}")
    if summary.out_of_fold is not None and summary.out_of_fold.reason:
        console.print(f"no out-of-fold result: {escape(summary.out_of_fold.reason)}")
    if summary.missing:
        console.print(f"not finished: {', '.join(summary.missing)}")
    files = "summary.json, summary.csv"
    files += ", predictions.csv" if summary.out_of_fold is not None else ""
    console.print(f"results   {folder}/{files}", highlight=False, soft_wrap=True)
    for figure in summary.figures:
        console.print(f"figure    {folder}/{figure}", highlight=False, soft_wrap=True)


def members_table(summary: RepeatSummary) -> Table:
    """Return a table: each run, then mean ± SD, minimum and maximum, then the pooled folds."""
    entries = [entry for entry in summary.across if not entry.condition]
    count = len(summary.members)
    table = Table(title=f"test over {count} {summary.over}s", title_justify="left")
    table.add_column(summary.over, no_wrap=True)
    table.add_column("n", justify="right")
    for entry in entries:
        table.add_column(
            METRICS[entry.metric].symbol if entry.metric in METRICS else entry.metric,
            justify="right",
        )
        if entry.metric == "spearman":
            table.add_column("95 % interval")
    for member in summary.members:
        by_metric = {
            entry.metric: entry.statistic for entry in member.statistics if not entry.condition
        }
        short = summary.out_of_fold is not None
        table.add_row(member.member, str(member.n), *_cells(entries, by_metric, short))
    table.add_section()
    for title, name in (("mean", "mean"), ("SD", "sd"), ("least", "min"), ("most", "max")):
        cells = [title, ""]
        for entry in entries:
            value = getattr(entry, name)
            cells.append(number(value) if value is not None else "none")
            if entry.metric == "spearman":
                cells.append("")
        table.add_row(*cells)
    pooled = summary.out_of_fold
    if pooled is not None and pooled.metrics:
        table.add_section()
        table.add_row("out of fold", str(pooled.n), *_cells(entries, pooled.metrics))
    return table


def _cells(
    entries: Sequence[OverMembers], statistics: dict[str, Statistic], short: bool = False
) -> list[str]:
    """Return the values of the metrics, with the interval of Spearman's rho.

    Args:
        entries: the metrics.
        statistics: metric to its value.
        short: whether to leave out the reason for a missing value.
    """
    cells = []
    for entry in entries:
        statistic = statistics.get(entry.metric, _ABSENT)
        cells.append("none" if short and statistic.value is None else value_text(statistic))
        if entry.metric == "spearman":
            cells.append(interval_text(statistic) if statistic.value is not None else "")
    return cells


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print the runs, their differences, and the differences of their ablation effects."""
    console = console or plain_console()
    table = Table(title="runs", title_justify="left")
    for name in ("", "run", "n", "ρ", "95 % interval", "R²", "MSE", "MAE", "SD pred."):
        is_text = name in ("", "run")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=not is_text)
    for run in comparison.runs:
        statistics = [run.metrics[name] for name in ("spearman", "r2", "mse", "mae")]
        values = [value_text(statistic) for statistic in statistics]
        table.add_row(
            run.letter, escape(run.run), str(run.n), values[0], interval_text(statistics[0]),
            *values[1:], number(run.sd_predicted),
        )  # fmt: skip
    console.print(table)
    letters = {run.run: run.letter for run in comparison.runs}
    metrics = {name: METRICS[name].symbol for name in ("spearman", "mse", "mae")}
    title = "differences on the same images"
    _print_differences(console, title, comparison.differences, metrics, letters)
    effects = {"effect": "{}", "effect_in_sd": "{} /SD"}
    title = "differences of effects, same images (/SD: in SDs of the model's predictions)"
    _print_differences(console, title, comparison.conditions, effects, letters)
    for entry in comparison.differences:
        pair = f"{letters[entry.second]} and {letters[entry.first]}"
        agreement = entry.agreement
        console.print(
            f"predictions of {pair} over {entry.common} common images: "
            f"ρ = {value_text(agreement)} {interval_text(agreement)}"
        )
    if comparison.across:
        table = Table(title="the same differences over repetitions", title_justify="left")
        for name in ("", "mean ± SD", "least", "most"):
            table.add_column(name, justify="right" if name else "left")
        for over in comparison.across:
            ends = _ends(over)
            title = f"{over.metric.replace('_', ' ')} {over.condition or ''}"
            table.add_row(escape(title.strip()), mean_and_sd(over, signed=True), *ends)
        console.print(table)
    for note in comparison.notes:
        console.print(f"note: {escape(note)}")


def _print_differences(
    console: Console,
    title: str,
    entries: Sequence[MetricDifferences | EffectDifferences],
    names: dict[str, str],
    letters: dict[str, str],
) -> None:
    if not entries:
        return
    several = any(named_differences(entry)[name].for_all for entry in entries for name in names)
    table = Table(title=title, title_justify="left")
    for name in ("", "of", "n", "first", "second", "diff."):
        is_text = name in ("", "of")  # fold a long condition instead of cutting it
        table.add_column(name, justify="left" if is_text else "right", overflow="fold")
    for name in ("95 % interval", *(["for all"] if several else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in entries:
        ends = {"first": letters[entry.first], "second": letters[entry.second]}
        for key, name in names.items():
            difference = named_differences(entry)[key]
            table.add_row(
                f"{ends['second']} − {ends['first']}",
                escape(name.format(condition_of(entry))),
                str(difference.difference.n),
                *(_side(letter, getattr(difference, end)) for end, letter in ends.items()),
                value_text(difference.difference, signed=True),
                interval_text(difference.difference, signed=True),
                *([_for_all(difference)] if several else []),
            )
    console.print(table)


def mean_and_sd(entry: OverMembers, signed: bool = False) -> str:
    """Return `0.6812 ± 0.0041`, or the reason why there is no value."""
    if entry.mean is None:
        return escape(f"none: {entry.reason}")
    spread = "" if entry.sd is None else f" ± {number(entry.sd)}"
    return number(entry.mean, signed=signed) + spread


def _ends(entry: OverMembers) -> list[str]:
    return [number(end, signed=True) if end is not None else "" for end in (entry.min, entry.max)]


def _side(letter: str, value: float | None) -> str:
    return f"{letter} {number(value)}" if value is not None else ""


def _for_all(difference: Difference) -> str:
    return interval_text(difference.for_all, signed=True) if difference.for_all else ""
