"""Decoding of COCO's mask formats: polygons and run lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST = 60
"""Maximum number of bits of a number in compressed run lengths; no image needs more."""


def polygon(points: Sequence[float], height: int, width: int) -> NDArray[np.bool_]:
    """Fill a polygon: the pixels whose centre lies inside by the even-odd rule.

    Where the outline crosses itself, or runs back to go around a hole, an area enclosed twice is
    outside.

    Args:
        points: x, y, x, y, ... in pixels; (0, 0) is the upper left corner of the first pixel.
        height: height of the mask in pixels.
        width: width of the mask in pixels.

    Returns:
        (height, width).

    Raises:
        ValueError: if there are fewer than three points, or a coordinate is not finite.
    """
    corners = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError("a polygon has at least three points x, y")
    # only the bounding box is filled, with one byte per pixel
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    rows, columns = _middles(top, bottom, height), _middles(left, right, width)
    inside = np.zeros((height, width), dtype=bool)
    crossings = np.zeros((max(0, rows[1] - rows[0]), max(0, columns[1] - columns[0]) + 1), np.uint8)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        (xa, ya), (xb, yb) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
        first, last = _middles(ya, yb, height)
        passed = np.arange(first, last)  # the rows whose centre the edge crosses
        if passed.size == 0:
            continue
        x = xa + (passed + 0.5 - ya) * (xb - xa) / (yb - ya)
        at = np.clip(np.ceil(x - 0.5), columns[0], columns[0] + crossings.shape[1] - 1)
        crossings[passed - rows[0], at.astype(np.int64) - columns[0]] ^= 1
    filled = np.bitwise_xor.accumulate(crossings, axis=1)[:, :-1]
    inside[rows[0] : rows[0] + filled.shape[0], columns[0] : columns[0] + filled.shape[1]] = filled
    return inside


def _middles(low: float, high: float, count: int) -> tuple[int, int]:
    """Return first and end index of the pixels, of `count`, whose centre lies in [low, high)."""
    first, last = (int(np.clip(np.ceil(end - 0.5), 0, count)) for end in (low, high))
    return first, last


def run_lengths(counts: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """Decode run lengths: column by column, outside first.

    Args:
        counts: alternating numbers of pixels outside and inside.
        height: height of the mask in pixels.
        width: width of the mask in pixels.

    Returns:
        (height, width).

    Raises:
        ValueError: if the runs do not fill the mask, or are not whole numbers from 0.
    """
    runs = [int(count) for count in counts]
    if any(count != run or run < 0 for count, run in zip(counts, runs, strict=True)):
        raise ValueError("its runs are not whole numbers from 0")
    total = sum(runs)  # before allocation: Python integers do not overflow
    if total != height * width:
        raise ValueError(f"its runs fill {total:.6g} pixels, not {width} x {height}")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(width, height).T


def uncompressed(text: str) -> list[int]:
    """Decode COCO's compressed text to run lengths.

    Each number is a sequence of groups of five bits, the lowest first; a sixth bit marks that more
    groups follow. From the fourth number on, each is the difference to the number two before
    (`rleFrString` in cocoapi's maskApi.c).

    Raises:
        ValueError: if the text ends within a number, or holds other characters.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} does not belong into compressed run lengths")
        if shift > _LONGEST:
            raise ValueError("a number in compressed run lengths has no end")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:  # negative
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise ValueError("compressed run lengths end within a number")
    return runs
