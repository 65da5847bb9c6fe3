"""Style B's colours: a few clear poster colours, on backgrounds of two opposite hues."""

from __future__ import annotations

import colorsys

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Colour

INK: Colour = (0.09, 0.08, 0.12)
"""Colour of eyes and of the mark; edges have inks of their own."""


def ink_of(rng: np.random.Generator) -> Colour:
    """Draw a dark colour for the edges of one figure; constant black would reveal figures."""
    return colours.shade(colours.paint(rng), rng.uniform(0.15, 0.45))


def poster(rng: np.random.Generator) -> Colour:
    """Draw a colour of cloth or paper: one of ten clear hues, sometimes that of skin or hair."""
    kind = rng.random()
    if kind < 0.2:
        return colours.skin(rng)
    if kind < 0.3:
        return colours.hair(rng)
    number = int(rng.integers(90))
    saturation, value = (0.25, 0.5, 0.75)[number % 3], (0.35, 0.6, 0.9)[number // 3 % 3]
    return colorsys.hsv_to_rgb(number // 9 / 10.0, saturation, value)


def mane(rng: np.random.Generator) -> Colour:
    """Draw a hair colour, natural or dyed."""
    return colours.hair(rng) if rng.random() < 0.7 else poster(rng)


def surfaces(rng: np.random.Generator, hue: float) -> tuple[Colour, Colour]:
    """Draw two colours of any lightness: one of this hue, one of about the opposite hue."""
    deep = rng.uniform(0.15, 0.6), rng.uniform(0.15, 0.9)
    first = colorsys.hsv_to_rgb((hue + rng.normal(0.0, 0.02)) % 1.0, *deep)
    other = (hue + 0.5 + rng.normal(0.0, 0.06)) % 1.0
    return first, colorsys.hsv_to_rgb(other, rng.uniform(0.05, 0.5), rng.uniform(0.2, 0.97))
