"""Maps without values: zero everywhere, or not finite. They are named, and drawn without colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

ZERO = "the map is zero everywhere"
BROKEN = "the map is not finite: it is left out"
ROUNDING = 2e-6
"""Values in units of a score that are rounding of single precision, over the root of the number of
cells: the errors of many cells add up by chance, and a map of many cells has small values."""
LISTED = 5
"""Largest number of images that a note names."""


def blank(signed: Any) -> str:
    """Return what is said in place of a map (h, w) without values; empty for other maps.

    Values that are `within_rounding` count as zero.

    >>> blank(np.zeros((2, 2))), blank(np.ones((2, 2)))
    ('the map is zero everywhere', '')
    """
    values = np.asarray(signed)
    if not np.isfinite(values).all():
        return BROKEN
    return ZERO if within_rounding(np.abs(values).max(initial=0), values.size) else ""


def within_rounding(largest: float, cells: int) -> bool:
    """Return whether the largest absolute value of a map of so many cells is rounding."""
    return bool(largest <= ROUNDING / math.sqrt(max(cells, 1)))


def blank_notes(method: str, arrays: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each kind of map without values, naming the images.

    Args:
        method: name of the method.
        arrays: content of `maps/METHOD.npz`, of which `id` and `maps` are used.
    """
    found: dict[str, list[str]] = {BROKEN: [], ZERO: []}
    for name, signed in zip(arrays["id"], arrays["maps"], strict=True):
        if said := blank(signed):
            found[said].append(str(name))
    every = len(arrays["id"])
    words = {
        BROKEN: "not finite and left out",
        ZERO: "zero everywhere and drawn without colour",
    }
    return [
        f"{method}: maps of {len(names)} of {every} images are {words[kind]}: {listed(names)}."
        for kind, names in found.items()
        if names
    ]


def listed(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are."""
    every = list(names)
    more = len(every) - LISTED
    return ", ".join(every[:LISTED]) + (f" and {more} more" if more > 0 else "")
