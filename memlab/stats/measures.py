"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONSTANT = 1e-7
"""Spread below which predictions count as constant: the resolution of single precision."""


@dataclass(frozen=True)
class Statistic:
    """Number with its interval, or the reason why there is none.

    Args:
        value: the number, or None.
        n: number of images.
        low: lower end of the interval, if one was computed.
        high: upper end of the interval.
        level: level of the interval, usually 0.95.
        method: how the interval was computed.
        reason: why `value` is None.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str | None = None
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)


def constant(values: Array) -> bool:
    """Return whether values spread by no more than rounding."""
    return bool(np.ptp(values) <= CONSTANT)
