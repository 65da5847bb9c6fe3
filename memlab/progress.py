"""Progress for people: a bar on a terminal, nothing where output is a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="progress.data.speed")


@contextmanager
def progress(title: str, total: int, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while the block runs.

    Args:
        title: what is being done.
        total: how many steps there are.
        shown: false for none.

    Yields:
        A function to call with the number of steps done since the last call.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    hidden = not (shown and sys.stderr.isatty())
    bar = Progress(*columns, console=console, disable=hidden, transient=True)
    with bar:
        task = bar.add_task(title, total=total)
        yield lambda steps: bar.advance(task, steps)
