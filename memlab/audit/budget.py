"""Budget of an audit: a time or a number of forward passes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memlab.errors import MemlabError

_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_COUNTS = {"": 1.0, "k": 1e3, "M": 1e6}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


@dataclass(frozen=True)
class Budget:
    """Limit of an audit; both are None for no limit.

    Args:
        seconds: time on this machine.
        forwards: number of forward passes of the model.
    """

    seconds: float | None = None
    forwards: int | None = None

    def allows(self, seconds: float, forwards: int) -> bool:
        """Return whether an amount of work lies within the budget."""
        return (self.seconds is None or seconds <= self.seconds) and (
            self.forwards is None or forwards <= self.forwards
        )


def parse_budget(text: str | None) -> Budget:
    """Return the budget that a text states: `30min`, `90s`, `2h`, `300k`, `1.5M` or `20000`.

    >>> parse_budget("30min").seconds, parse_budget("300k").forwards
    (1800.0, 300000)

    Raises:
        MemlabError: if it has another form, or is 0.
    """
    if text is None:
        return Budget()
    found = _FORM.fullmatch(text.strip())
    if found is not None and float(found[1]) > 0:
        number, unit = float(found[1]), found[2]
        if unit in _UNITS:
            return Budget(seconds=number * _UNITS[unit])
        if unit in _COUNTS:
            return Budget(forwards=round(number * _COUNTS[unit]))
    raise MemlabError(
        f"--budget {text}: write a time (90s, 30min, 2h) or a number of forward passes (20000, "
        "300k, 1.5M)"
    )


def in_words(seconds: float, forwards: int) -> str:
    """Return an amount of work in words: `12,300 forward passes, 4 min`."""
    return f"{forwards:,} forward passes, {duration(seconds)}"


def duration(seconds: float) -> str:
    """Return a time in words: `40 s`, `4 min`, `2.5 h`.

    >>> duration(41), duration(250), duration(9000)
    ('41 s', '4.2 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.2g} min"
    return f"{seconds / 3600:.2g} h"
