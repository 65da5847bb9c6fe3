"""COCO's ways to write a mask down: polygons and run lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def polygon(points: Sequence[float], height: int, width: int) -> NDArray[np.bool_]:
    """Fill a polygon: pixels whose middle lies inside by the even-odd rule.

    Where the outline crosses itself, or runs back to go around a hole, what it encloses twice is
    outside.

    Args:
        points: x, y, x, y, ... in pixels; (0, 0) is the upper left corner of the first pixel.
        height: of the mask in pixels.
        width: of the mask in pixels.

    Returns:
        (height, width).

    Raises:
        ValueError: if these are not three points or more.
    """
    corners = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError("a polygon has at least three points x, y")
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        (xa, ya), (xb, yb) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
        first, last = (int(np.clip(np.ceil(y - 0.5), 0, height)) for y in (ya, yb))
        rows = np.arange(first, last)  # those whose middle the edge passes
        if rows.size == 0:
            continue
        x = xa + (rows + 0.5 - ya) * (xb - xa) / (yb - ya)
        columns = np.clip(np.ceil(x - 0.5), 0, width).astype(int)
        crossings[rows, columns] += 1
    inside: NDArray[np.bool_] = crossings.cumsum(axis=1)[:, :width] % 2 == 1
    return inside


def run_lengths(counts: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """Decode run lengths: column by column, outside first.

    Args:
        counts: pixels outside, inside, outside, ... in turn.
        height: of the mask in pixels.
        width: of the mask in pixels.

    Returns:
        (height, width).

    Raises:
        ValueError: if the runs do not fill the mask.
    """
    runs = np.asarray(counts, dtype=np.int64)
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"its runs fill {runs.sum()} pixels, not {width} x {height}")
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(width, height).T


def uncompressed(text: str) -> list[int]:
    """Run lengths from COCO's compressed text.

    Each is a number in groups of five bits, the lowest first, a sixth bit saying that more follow;
    from the fourth on, the difference to the one two before (`rleFrString` in cocoapi's maskApi.c).

    Raises:
        ValueError: if the text ends within a number, or holds other characters.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} does not belong into compressed run lengths")
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
