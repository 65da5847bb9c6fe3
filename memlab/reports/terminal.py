"""Terminal output of results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from memlab.analysis.results import FILE, Results
from memlab.numbers import interval, number, with_n
from memlab.reports.effect_table import print_effects
from memlab.reports.scan import scan_lines
from memlab.stats.measures import Statistic

_CONTROLS = {code: "?" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def print_results(results: Results, folder: Path, console: Console | None = None) -> None:
    """Print metrics, ablations, and the paths of files and figures."""
    console = console or plain_console()
    title = f"{results.command}: {results.n} images"
    skipped = results.data.skipped
    if skipped:
        title += f"; {len(skipped)} of the data set skipped (listed in {FILE})"
    if results.metrics:
        console.print(metrics_table(results, title))
    else:
        console.print(title)
    if results.conditions:
        print_effects(results.conditions, console)
    for line in scan_lines(results.scan) if results.scan else []:
        console.print(escape(line))
    for note in results.notes:
        console.print(f"note: {note}", markup=False)  # [faces] must not be parsed as markup
    console.print(f"results   {folder}/{FILE}, rows.csv", highlight=False, soft_wrap=True)
    for figure in results.figures:
        console.print(f"figure    {folder}/{figure}", highlight=False, soft_wrap=True)
    for page in dict.fromkeys(maps.page for maps in results.maps if maps.page):
        console.print(f"maps      {folder}/{page}", highlight=False, soft_wrap=True)


def plain_console() -> Console:
    """Return a console for standard output: as wide as the terminal, or 100 columns in a file.

    Results may come from others: control characters in them, which could steer the terminal, are
    printed as `?`.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100)
    console.push_render_hook(_WithoutControls())
    return console


class _WithoutControls(RenderHook):
    """Hook that replaces control characters in everything that is printed."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return the renderables without control characters."""
        return [_Harmless(one) for one in renderables]


@dataclass(frozen=True)
class _Harmless:
    """Renderable whose text has no control characters but line breaks and tabs."""

    inner: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.inner, options):
            text = segment.text.translate(_CONTROLS)
            yield segment if segment.control else Segment(text, segment.style)


def metrics_table(results: Results, title: str) -> Table:
    """Return a table with one line per metric: value and interval, or why there is none."""
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name, statistic in results.metrics.items():
        ends = with_n(interval_text(statistic), statistic.n, results.n)
        table.add_row(name.replace("_", " "), value_text(statistic), ends)
    if results.interval:
        level = f"{100 * results.interval.level:g} % intervals"
        for name in ("coverage", "mean_width"):
            part: Statistic = getattr(results.interval, name)
            label = f"{name.replace('_', ' ')} of {level}"
            table.add_row(label, value_text(part), interval_text(part))
            expected = results.interval.expected_coverage if name == "coverage" else None
            if expected:
                table.add_row("  to be expected", "", interval(*expected))
    return table


def value_text(statistic: Statistic, signed: bool = False) -> str:
    """Return a statistic's value as text, or the reason why there is none."""
    if statistic.value is None:
        return escape(f"none: {statistic.reason}")
    return number(statistic.value, signed=signed)


def interval_text(statistic: Statistic, signed: bool = False) -> str:
    """Return a statistic's interval as text; if only the interval is missing, the reason."""
    if statistic.low is None:
        return statistic.reason or "" if statistic.value is not None else ""
    return escape(interval(statistic.low, statistic.high, signed=signed))
