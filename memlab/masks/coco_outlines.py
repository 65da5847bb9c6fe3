"""Outlines of annotations in a COCO file, validated before memory is allocated for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.masks.outlines import polygon, run_lengths, uncompressed

Outline = NDArray[np.float64] | dict[str, Any]
"""Corners of a polygon, or run lengths in COCO's format."""

LARGEST = 2**26
"""Maximum number of pixels of a mask, unless its image is larger: 8192 x 8192."""

_LONGEST_SIDE = 10**6

_SHARES = "are these shares of the image? give pixels: multiply by its width and height"


def outlines_of(annotation: dict[str, Any]) -> list[Outline]:
    """Return the outlines of an annotation: its segmentation, else its bounding box.

    Raises:
        ValueError: if it has neither, a value is not a number, a box has no area, or all values are
            fractions of 1 instead of pixels; the message says which.
    """
    drawn = annotation.get("segmentation")
    if isinstance(drawn, dict):
        return [_runs(drawn)]
    if drawn is None or drawn == []:
        return [_box(annotation["bbox"])]
    if not isinstance(drawn, list):
        raise ValueError(f"segmentation is {drawn!r:.40}: give polygons, or run lengths")
    if not isinstance(drawn[0], list):
        raise ValueError("segmentation is one list of numbers: give a list of polygons")
    corners = [_corners(points) for points in drawn]
    if all(_all_shares(points) for points in corners):
        raise ValueError(f"all points of its polygons lie between 0 and 1: {_SHARES}")
    return list(corners)


def size_of(width: Any, height: Any) -> tuple[int, int] | None:
    """Return (height, width) of an image in a COCO file; None where the file does not say.

    Raises:
        ValueError: if width or height is not a whole number of pixels.
    """
    if width is None or height is None or (width == 0 and height == 0):
        return None
    sides = []
    for name, side in (("width", width), ("height", height)):
        number = int(side) if isinstance(side, str) else side
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"{name} {side!r:.40} is no number")
        if not 1 <= number <= _LONGEST_SIDE or number != int(number):
            raise ValueError(f"{name} {side!r:.40} is no number of pixels")
        sides.append(int(number))
    return sides[1], sides[0]


def united(outlines: Sequence[Outline], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw outlines into one mask.

    Args:
        outlines: polygons and run lengths.
        size: height and width of the mask, already compared with the image.

    Returns:
        (height, width).

    Raises:
        ValueError: if run lengths have another size, or a polygon lies outside the image.
    """
    inside = np.zeros(size, dtype=bool)
    for outline in outlines:
        if isinstance(outline, dict):
            if outline["size"] != size:
                stated_size = f"{outline['size'][1]} x {outline['size'][0]}"
                raise ValueError(
                    f"its run lengths are of {stated_size} pixels, "
                    f"its image of {size[1]} x {size[0]}"
                )
            counts = outline["counts"]
            runs = uncompressed(counts) if isinstance(counts, str) else counts
            inside |= run_lengths(runs, *size)
        else:
            (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
            if right <= 0 or bottom <= 0 or left >= size[1] or top >= size[0]:
                raise ValueError(
                    f"an outline from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) lies beside "
                    f"the image of {size[1]} x {size[0]} pixels"
                )
            inside |= polygon(outline.ravel().tolist(), *size)
    return inside


def holds_pixels(outlines: Sequence[Outline], size: tuple[int, int]) -> bool:
    """Return whether outlines contain the centre of any pixel, mostly without drawing them.

    Outlines that cannot be drawn count as non-empty; reading them raises the error.
    """
    try:
        return any(_holds(outline, size) for outline in outlines)
    except (ValueError, TypeError, KeyError):
        return True


def _holds(outline: Outline, size: tuple[int, int]) -> bool:
    if isinstance(outline, dict):
        counts = outline["counts"]
        runs = uncompressed(counts) if isinstance(counts, str) else counts
        return any(runs[1::2])
    x, y = outline.T
    row = np.clip(np.floor(y.mean()), 0, size[0] - 1) + 0.5  # for most polygons one row is enough
    below = y < row
    crossed = below != np.roll(below, -1)
    ends = np.roll(x, -1), np.roll(y, -1)
    share = (row - y[crossed]) / (ends[1] - y)[crossed]
    at = np.sort(x[crossed] + share * (ends[0] - x)[crossed])
    first, last = (np.clip(np.ceil(end - 0.5), 0, size[1]) for end in (at[::2], at[1::2]))
    return bool((first < last).any()) or bool(united([outline], size).any())


def _runs(drawn: dict[str, Any]) -> dict[str, Any]:
    size, counts = drawn["size"], drawn["counts"]
    if not isinstance(size, list) or len(size) != 2:
        raise ValueError(f"the size of its run lengths is {size!r:.40}: give [height, width]")
    if not isinstance(counts, str | list):
        raise ValueError("the counts of its run lengths are no list and no text")
    return {"size": size_of(size[1], size[0]), "counts": counts}


def _box(numbers: Any) -> NDArray[np.float64]:
    if not isinstance(numbers, list) or len(numbers) != 4:
        raise ValueError(f"bbox {numbers!r:.60} is not [x, y, width, height]")
    left, top, width, height = sides = [_number(side) for side in numbers]
    if width <= 0 or height <= 0:
        raise ValueError(f"bbox {numbers!r:.60} has no area; correct it, or leave it out")
    if max(map(abs, sides)) <= 1:
        raise ValueError(f"all of bbox {numbers!r:.60} lies between 0 and 1: {_SHARES}")
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _corners(points: Any) -> NDArray[np.float64]:
    if not isinstance(points, list) or len(points) < 6 or len(points) % 2:
        raise ValueError("a polygon has at least three points x, y")
    numbers = np.asarray(points) if all(type(value) in (int, float) for value in points) else None
    if numbers is None or numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
        numbers = np.array([_number(value) for value in points])
    return numbers.astype(np.float64).reshape(-1, 2)


def _all_shares(corners: NDArray[np.float64]) -> bool:
    return bool((np.abs(corners) <= 1).all())


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r:.40} is no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.40} is no number of pixels")
    return number
