"""Maps in words and as a table: where what raises a score lies, and where what lowers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memlab.attributions.blanks import blank
from memlab.attributions.coarse import on_grid
from memlab.numbers import number

PREFIX = "check_"
"""Start of the names of checks in `maps/METHOD.npz`."""
NINTHS = (
    ("upper left", "top", "upper right"),
    ("left", "middle", "right"),
    ("lower left", "bottom", "lower right"),
)
SCORES = ("predicted", "score")
FIGURES = ("reference", "unlocated", "residual", "steps")


def map_table(arrays: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per map: what it says in numbers and in words.

    Args:
        arrays: the content of `maps/METHOD.npz`.

    Returns:
        `id`, `predicted`, `score`; `raises` and `lowers`, sums of the positive and of the negative
        values, in the unit of the map; figures of the map and its checks; `text`.
    """
    maps = np.asarray(arrays["maps"], dtype=float)
    table = {"id": [str(name) for name in arrays["id"]]}
    table |= {name: arrays[name] for name in SCORES if name in arrays}
    table["raises"] = np.clip(maps, 0, None).sum(axis=(1, 2))
    table["lowers"] = np.clip(maps, None, 0).sum(axis=(1, 2))
    table |= {name: arrays[name] for name in FIGURES if name in arrays}
    table |= {
        name.removeprefix(PREFIX): values
        for name, values in arrays.items()
        if name.startswith(PREFIX)
    }
    in_score = "residual" in arrays  # only contrasts sum to a difference of scores
    table["text"] = [map_text(one, amounts=in_score) for one in maps]
    return pd.DataFrame(table)


def stretched(values: Any, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return a map (h, w) resized bilinearly to the height and width of an image.

    Args:
        values: (h, w).
        shape: height, width, and perhaps more, of the image.
    """
    from PIL import Image

    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def map_text(signed: NDArray[np.float64], amounts: bool = False) -> str:
    """Return a sentence on a map (h, w): in which ninth of the image its values lie.

    Shares are of the sum of the positive, or negative, values, the larger sum first; a ninth is
    11 % of the image.

    Args:
        signed: the map.
        amounts: whether to say the sums, which are parts of a score for contrasts.

    >>> map_text(np.array([[0.0, 0, 0], [0, 0.2, 0], [0, 0, -0.3]]), amounts=True)
    '100 % of what lowers the score (.300) lies in the lower right; 100 % of what raises the score \
(.200) lies in the middle'
    """
    if said := blank(signed):
        return said
    sides = [(verb, np.clip(values, 0, None)) for verb, values in _signs(signed)]
    sides.sort(key=lambda side: -float(side[1].sum()))
    found = [
        f"{100 * share:.0f} % of what {verb} the score{_sum(values) if amounts else ''} lies "
        f"{_at(place)}"
        for verb, values in sides
        for share, place in _densest(values)
    ]
    return "; ".join(found)


def _signs(signed: NDArray[np.float64]) -> list[tuple[str, NDArray[np.float64]]]:
    return [("raises", signed), ("lowers", -signed)]


def _sum(values: NDArray[np.float64]) -> str:
    return f" ({number(float(values.sum()), 3, zero=False)})"


def _densest(values: NDArray[np.float64]) -> list[tuple[float, str]]:
    """Return the ninth with the largest share, and the share; nothing for a map of zeros."""
    total = values.sum()
    if not total > 0:
        return []
    shares = on_grid(values, (3, 3)) / total
    row, column = np.unravel_index(int(shares.argmax()), shares.shape)
    return [(float(shares[row, column]), NINTHS[row][column])]


def _at(place: str) -> str:
    return f"at the {place}" if place in ("top", "bottom", "left", "right") else f"in the {place}"
