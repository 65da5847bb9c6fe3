"""Formatting of numbers: the only code that turns statistics into text."""

from __future__ import annotations

import math
from typing import Protocol

NOTHING = "–"
"""Text for a missing number."""


def number(value: float | None, digits: int = 4, *, signed: bool = False, zero: bool = True) -> str:
    """Format a number with a fixed number of decimals; a value that is not 0 never prints as 0.

    Exactly 0 is `0`. A value that would round to 0 is `<0.0001`, or `>-0.0001` below 0.

    Args:
        value: the number; None and NaN give a dash.
        digits: decimals.
        signed: write `+` before numbers above 0.
        zero: write the 0 before the point.

    >>> number(0.0126, signed=True), number(0.0), number(-0.00001), number(0.5, 2, zero=False)
    ('+0.0126', '0', '>-0.0001', '.50')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if value == 0:
        return "0"
    text = f"{abs(value):.{digits}f}"
    sign = "-" if value < 0 else "+" if signed else ""
    if math.isfinite(value) and float(text) == 0:
        text = f"{10.0**-digits:.{digits}f}"
        sign = "<" if value > 0 else ">-"
    return sign + (text[1:] if text.startswith("0.") and not zero else text)


def interval(
    low: float | None,
    high: float | None,
    digits: int = 4,
    *,
    signed: bool = False,
    zero: bool = True,
) -> str:
    """Format an interval as `[low, high]`; empty if an end is missing.

    >>> interval(-0.00002, 0.0113, signed=True, zero=False)
    '[>-.0001, +.0113]'
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    ends = (number(end, digits, signed=signed, zero=zero) for end in (low, high))
    return f"[{', '.join(ends)}]"


def p_value(p: float | None) -> str:
    """Format a p-value with three decimals, `<.001` below .001; never `0` or `.000`.

    >>> p_value(0.00004), p_value(0.0317), p_value(1.0), p_value(None)
    ('<.001', '.032', '1.000', '–')
    """
    if p is None or math.isnan(p):
        return NOTHING
    return "<.001" if p < 0.001 else number(p, 3, zero=False)


class Estimated(Protocol):
    """Number with an interval, or the reason why it is missing."""

    @property
    def value(self) -> float | None: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102


def statistic(
    found: Estimated | None,
    digits: int = 4,
    *,
    signed: bool = False,
    zero: bool = True,
    n: int | None = None,
) -> str:
    """Format the value and interval of a statistic, or the reason why it is missing.

    Args:
        found: the statistic; None gives a dash.
        digits: decimals.
        signed: write `+` before numbers above 0.
        zero: write the 0 before the point.
        n: number of images printed elsewhere; the statistic's own `n` is appended if it differs.

    >>> from memlab.stats.measures import Statistic
    >>> statistic(Statistic(0.25, 9), 2, n=12)
    '0.25 (n 9)'
    """
    if found is None:
        return NOTHING
    if found.value is None:
        return f"none: {found.reason}"
    text = number(found.value, digits, signed=signed, zero=zero)
    ends = interval(found.low, found.high, digits, signed=signed, zero=zero)
    return with_n(f"{text} {ends}".rstrip(), found.n, n)


def with_n(text: str, n: int, beside: int | None) -> str:
    """Append the number of images to a text if it differs from the number printed elsewhere."""
    return text if beside is None or n == beside else f"{text} (n {n})"
