"""Progress for people: a bar on a terminal, a line now and then where output is a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

EVERY = 30.0
"""Seconds between two lines in a file; what is done sooner says nothing."""


class Advance(Protocol):
    """Called as work goes on."""

    def __call__(self, steps: int, now: str = "", /) -> None:
        """Say that steps were done since the last call, and what was done."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_rate(task.speed) if task.speed else "", style="progress.data.speed")


@contextmanager
def progress(title: str, total: int, shown: bool = True) -> Iterator[Advance]:
    """Show on stderr how far the block is while it runs, how fast, and how long it will take.

    Args:
        title: what is being done.
        total: how many steps there are.
        shown: false for nothing.

    Yields:
        A function to call with the number of steps done since the last call, and what was done.
    """
    if not shown:
        yield lambda _steps, _now="": None
    elif sys.stderr.isatty():
        with _bar(title, total) as advance:
            yield advance
    else:
        yield _lines(title, total)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Advance]:
    columns = (
        # what is being done gives way where the terminal is narrow: one line, whatever it is called
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=16),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=total)

        def advance(steps: int, now: str = "") -> None:
            bar.update(task, advance=steps, description=escape(f"{title} {now}".rstrip()))

        yield advance


def _lines(title: str, total: int) -> Advance:
    start = time.monotonic()
    said, done = start, 0

    def advance(steps: int, now: str = "") -> None:
        nonlocal said, done
        done += steps
        moment = time.monotonic()
        if moment - said < EVERY or done == 0:
            return
        said = moment
        speed = done / (moment - start)
        left = timedelta(seconds=round(max(total - done, 0) / speed))
        doing = f" ({now})" if now else ""
        line = f"memlab: {title}: {done} of {total}, {_rate(speed)}, {left} left{doing}"
        print(line, file=sys.stderr, flush=True)  # noqa: T201

    return advance


def _rate(speed: float) -> str:
    return f"{speed:.0f}/s" if speed >= 10 else f"{speed:.2g}/s"
