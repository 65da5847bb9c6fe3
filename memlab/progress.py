"""Progress display: a bar on a terminal, occasional lines where the output is a file."""

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
from rich.text import Text

EVERY = 30.0
"""Seconds between two lines in a file; shorter work prints nothing."""


BAR = 16
"""Width of the bar in columns."""


class Advance(Protocol):
    """Signature of the function that reports progress."""

    def __call__(self, steps: int, now: str = "", /) -> None:
        """Report the number of steps done since the last call, and the current activity."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_rate(task.speed) if task.speed else "", style="progress.data.speed")


@contextmanager
def progress(title: str, total: int, shown: bool = True) -> Iterator[Advance]:
    """Show progress on stderr while the block runs: steps done, speed and remaining time.

    Args:
        title: name of the work.
        total: total number of steps.
        shown: whether to show anything.

    Yields:
        A function to call with the number of steps done since the last call and the current
        activity.
    """
    if not shown:
        yield lambda _steps, _now="": None
    elif sys.stderr.isatty():
        with _bar(title, total) as advance:
            yield advance
    else:
        yield occasional_lines(title, total)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Advance]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=BAR),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}", markup=False),
    )
    taken = len(title) + BAR + 2 * len(f"{total}") + len("/ 1234/s 0:00:00     ")
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(escape(title), total=total, now="")

        def advance(steps: int, now: str = "") -> None:
            # Cut the text here: a table would also cut the numbers, or use a second line.
            room = max(console.width - taken, 0)
            short = now if len(now) <= room else f"{now[: max(room - 1, 0)]}…"[:room]
            bar.update(task, advance=steps, now=short)

        yield advance


def occasional_lines(title: str, total: int) -> Advance:
    """Return a function that reports progress in lines; for use while another bar is shown.

    Args:
        title: name of the work.
        total: total number of steps.
    """
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
