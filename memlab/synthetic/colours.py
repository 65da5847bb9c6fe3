"""Colours of skin, hair, cloth and surfaces; no colour belongs to one cause alone."""

from __future__ import annotations

import colorsys

import numpy as np

from memlab.synthetic.canvas import Colour
from memlab.synthetic.develop import LUMA

_FLUSH = 0.13  # change of red's excess over green and blue; valid for every skin tone


def shade(colour: Colour, factor: float) -> Colour:
    """Return ``colour`` darker (``factor`` < 1) or, towards white, lighter (> 1)."""
    if factor <= 1.0:
        red, green, blue = (band * factor for band in colour)
    else:
        red, green, blue = (1.0 - (1.0 - band) * (2.0 - factor) for band in colour)
    return red, green, blue


def flushed(colour: Colour, amount: float) -> Colour:
    """Return ``colour`` with its chroma moved at equal luma: pallid for −1, flushed for 1."""
    step = _FLUSH * amount
    red = LUMA[0]
    return colour[0] + (1.0 - red) * step, colour[1] - red * step, colour[2] - red * step


def skin(rng: np.random.Generator) -> Colour:
    """Draw a skin tone, from very dark to very light."""
    depth = rng.random()
    value = 0.30 + 0.58 * depth
    saturation = 0.60 - 0.30 * depth + rng.normal(0.0, 0.04)
    return colorsys.hsv_to_rgb(0.065 + rng.normal(0.0, 0.012), saturation, value)


def hair(rng: np.random.Generator) -> Colour:
    """Draw a hair colour: black, brown, red, blond, grey."""
    value = (0.10, 0.22, 0.38, 0.62, 0.85)[rng.integers(5)] + rng.uniform(-0.04, 0.04)
    saturation = rng.uniform(0.05, 0.15) if rng.random() < 0.2 else rng.uniform(0.35, 0.65)
    return colorsys.hsv_to_rgb(rng.uniform(0.03, 0.12), saturation, value)


def paint(rng: np.random.Generator) -> Colour:
    """Draw a colour of cloth or of a painted surface: any hue, sometimes that of skin or hair."""
    kind = rng.random()
    if kind < 0.2:
        return skin(rng)
    if kind < 0.35:
        return hair(rng)
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.25, 0.95))


def accent(rng: np.random.Generator) -> Colour:
    """Draw the colour of a small part: near white like eyes and signs, near black, or any paint."""
    kind = rng.random()
    if kind < 0.3:
        return shade(paint(rng), 1.85)
    return shade(paint(rng), 0.3) if kind < 0.6 else paint(rng)


def surface(rng: np.random.Generator, hue: float) -> Colour:
    """Draw a colour of the background: near ``hue`` (turns), as light and dull as skin."""
    depth = rng.random()
    near = (hue + rng.normal(0.0, 0.04)) % 1.0
    return colorsys.hsv_to_rgb(near, rng.uniform(0.1, 0.65), 0.2 + 0.78 * depth)
