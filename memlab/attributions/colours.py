"""Colours of signed values over a muted image: equal steps of value look equally large."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOWERS, RAISES = np.deg2rad(259), np.deg2rad(25)
"""Hues of the ends in OKLCh, blue and red: distinct for colour-blind readers."""
LIGHTNESS, CHROMA = 0.48, 0.18
"""Lightness and chroma of both ends, within sRGB for both hues."""
OPACITY = 0.85
"""Opacity of full colour; the image stays visible below it."""
PALEST, DARKEST = 0.9, 0.5
"""Grey levels of white and black in a muted image."""

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def muted(image: Any) -> Array:
    """Return an image as pale grey: (H, W, 3) uint8 to (H, W, 3) in [`DARKEST`, `PALEST`]."""
    grey = np.asarray(image, dtype=float).mean(axis=-1, keepdims=True) / 255
    return np.repeat(DARKEST + (PALEST - DARKEST) * grey, 3, axis=-1)


def coloured(values: Any, below: Any) -> Array:
    """Return signed values as red and blue over grey.

    The mixture is linear in OKLab (Ottosson 2020, "A perceptual color space for image processing"),
    where distances follow perceived differences. Over the same grey, equal steps of value are equal
    steps of colour, and both signs are equally strong. Zero is transparent.

    Args:
        values: (...), -1 (lowers) to 1 (raises); larger ones are clipped.
        below: (..., 3), grey levels below, in [0, 1].

    Returns:
        (..., 3) RGB in [0, 1].

    >>> coloured([0.0, 1.0], [[0.7, 0.7, 0.7]] * 2).round(2).tolist()
    [[0.7, 0.7, 0.7], [0.69, 0.23, 0.23]]
    """
    signed = np.clip(np.asarray(values, dtype=float), -1, 1)[..., None]
    hue = np.where(signed < 0, LOWERS, RAISES)
    ends = [np.full_like(hue, LIGHTNESS), CHROMA * np.cos(hue), CHROMA * np.sin(hue)]
    opacity = OPACITY * np.abs(signed)
    light = np.asarray(below, dtype=float)
    mixed = opacity * np.concatenate(ends, axis=-1) + (1 - opacity) * _oklab(light)
    return np.where(signed == 0, light, _rgb(mixed))


def scale_colours(count: int = 255) -> Array:
    """Return the colours of a colour bar, (count, 3): values from -1 to 1 over medium grey."""
    grey = np.full((count, 3), (PALEST + DARKEST) / 2)
    return coloured(np.linspace(-1, 1, count), grey)


def _oklab(rgb: Array) -> Array:
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(light @ _TO_CONES.T) @ _TO_OKLAB.T)


def _rgb(oklab: Array) -> Array:
    light = (oklab @ np.linalg.inv(_TO_OKLAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
