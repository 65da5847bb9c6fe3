"""Style B's objects: a fish, a fir, an umbrella, a chair, a boat and a lamp."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Colour
from memlab.synthetic.styles.b.colours import INK

_EDGE = 0.03


def _fish(
    canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour, ink: Colour
) -> None:
    fat = rng.uniform(0.2, 0.3)
    canvas.outlined([(0.15, 0.0), (0.49, -0.24), (0.42, 0.0), (0.49, 0.24)], other, _EDGE, ink)
    canvas.outlined([(-0.05, -fat), (0.12, -fat - 0.14), (0.2, -0.1)], other, _EDGE, ink)
    body = [(-0.49, 0.02), (-0.28, -0.75 * fat), (-0.02, -fat), (0.26, 0.0)]
    canvas.outlined([*body, (-0.02, fat), (-0.28, 0.8 * fat)], main, _EDGE, ink)
    for u in (-0.08, 0.04):
        canvas.line([(u, -0.6 * fat), (u + 0.05, 0.0), (u, 0.6 * fat)], 0.04, other)
    canvas.ellipse(-0.32, -0.06, 0.05, 0.05, (0.95, 0.95, 0.92))
    canvas.ellipse(-0.32, -0.06, 0.025, 0.025, INK)


def _fir(
    canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour, ink: Colour
) -> None:
    canvas.outlined([(-0.06, 0.2), (0.06, 0.2), (0.07, 0.49), (-0.07, 0.49)], other, _EDGE, ink)
    green = (rng.uniform(0.05, 0.3), rng.uniform(0.35, 0.6), rng.uniform(0.15, 0.4))
    lean = rng.uniform(-0.04, 0.04)
    for top, wide in ((0.0, 0.4), (-0.2, 0.31), (-0.49, 0.22)):
        foot = top + 0.34
        leaf = [(lean, top), (wide, foot), (0.1, foot - 0.05), (-wide, foot)]
        canvas.outlined(leaf, green, _EDGE, ink)
    canvas.polygon([(lean - 0.05, -0.1), (lean + 0.05, -0.1), (lean, -0.02)], main)


def _umbrella(
    canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour, ink: Colour
) -> None:
    canvas.line([(0.0, -0.48), (0.0, 0.4), (0.06, 0.47), (0.14, 0.44), (0.15, 0.36)], 0.05, ink)
    turns, high = np.linspace(np.pi, 2.0 * np.pi, 7), rng.uniform(0.3, 0.48)
    dome = np.stack([0.48 * np.cos(turns), 0.06 + high * np.sin(turns)], axis=1)
    for number, colour in enumerate((main, other, main)):
        left, right = dome[2 * number], dome[2 * number + 2]
        foot = 0.5 * (left[0] + right[0])
        panel = [(0.0, 0.06 - high), tuple(left), (float(left[0]), 0.06), (foot, 0.0)]
        panel += [(float(right[0]), 0.06), tuple(right)]
        canvas.outlined(panel, colour, _EDGE, ink)


def _chair(
    canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour, ink: Colour
) -> None:
    back = rng.uniform(-0.48, -0.36)
    for u in (-0.24, 0.12, -0.1, 0.28):
        canvas.line([(u, 0.08), (1.12 * u, 0.46)], 0.06, ink)
    canvas.outlined([(-0.3, 0.05), (0.2, 0.05), (0.34, 0.2), (-0.2, 0.2)], main, _EDGE, ink)
    canvas.outlined([(-0.3, back), (0.2, back), (0.2, 0.05), (-0.3, 0.05)], main, _EDGE, ink)
    for u in (-0.2, -0.05, 0.1):
        canvas.line([(u, back + 0.08), (u, -0.02)], 0.06, other)


def _boat(
    canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour, ink: Colour
) -> None:
    canvas.line([(0.0, -0.48), (0.0, 0.2)], 0.05, ink)
    lift = rng.uniform(0.08, 0.14)
    canvas.outlined([(0.04, -0.46), (0.42, lift), (0.04, lift)], other, _EDGE, ink)
    canvas.outlined([(-0.04, -0.34), (-0.34, lift), (-0.04, lift)], main, _EDGE, ink)
    hull = [(-0.49, 0.18), (0.49, 0.18), (0.3, 0.44), (-0.32, 0.44)]
    canvas.outlined(hull, colours.shade(main, 0.7), _EDGE, ink)
    canvas.line([(-0.4, 0.27), (0.4, 0.27)], 0.05, other)


def _lamp(
    canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour, ink: Colour
) -> None:
    wide = rng.uniform(0.14, 0.22)
    canvas.line([(0.0, 0.0), (0.0, 0.42)], 0.07, colours.shade(other, 0.7))
    canvas.outlined([(-0.24, 0.47), (-0.12, 0.36), (0.12, 0.36), (0.24, 0.47)], other, _EDGE, ink)
    shade = [(-wide, -0.47), (wide, -0.47), (0.4, 0.04), (-0.4, 0.04)]
    canvas.outlined(shade, main, _EDGE, ink)
    canvas.polygon([(-0.36, -0.04), (0.36, -0.04), (0.4, 0.04), (-0.4, 0.04)], (0.98, 0.9, 0.55))


THINGS: tuple[Callable[[Canvas, np.random.Generator, Colour, Colour, Colour], None], ...] = (
    _fish,
    _fir,
    _umbrella,
    _chair,
    _boat,
    _lamp,
)
"""Functions that draw an object, by kind."""
