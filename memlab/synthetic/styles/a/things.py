"""Style A's objects: a ball, a cup, a bottle, a house, a car and a plant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Colour

_GLASS = (0.72, 0.84, 0.92)
_DARK = (0.12, 0.12, 0.14)


def _ball(canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour) -> None:
    canvas.ellipse(0.0, 0.0, 0.46, 0.46, main)
    if rng.random() < 0.5:
        canvas.polygon([(-0.44, -0.12), (0.44, -0.12), (0.44, 0.12), (-0.44, 0.12)], other)
    else:
        for turn in np.arange(5) * 1.257:
            canvas.ellipse(0.28 * np.cos(turn), 0.28 * np.sin(turn), 0.1, 0.1, other)
    canvas.ellipse(-0.15, -0.18, 0.12, 0.1, colours.shade(main, 1.6))


def _cup(canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour) -> None:
    handle = np.linspace(-1.5, 1.5, 9)
    ring = zip(0.24 + 0.2 * np.cos(handle), 0.04 + 0.2 * np.sin(handle), strict=True)
    canvas.line(list(ring), 0.08, colours.shade(main, 0.8))
    foot = rng.uniform(0.18, 0.28)
    canvas.polygon([(-0.34, -0.34), (0.28, -0.34), (foot, 0.42), (-foot - 0.06, 0.42)], main)
    canvas.polygon([(-0.3, -0.05), (0.25, -0.05), (0.23, 0.12), (-0.29, 0.12)], other)
    canvas.ellipse(-0.03, -0.34, 0.31, 0.1, colours.shade(main, 1.5))
    canvas.ellipse(-0.03, -0.33, 0.25, 0.07, colours.shade(other, 0.35))


def _bottle(canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour) -> None:
    wide = rng.uniform(0.15, 0.21)
    canvas.box(-0.06, -0.46, 0.06, -0.1, main)
    canvas.box(-0.075, -0.5, 0.075, -0.41, colours.shade(other, 0.6))
    canvas.ellipse(0.0, -0.1, wide, 0.14, main)
    canvas.box(-wide, -0.1, wide, 0.49, main)
    canvas.box(-wide, 0.06, wide, 0.32, other)
    canvas.box(-wide + 0.04, -0.12, -wide + 0.08, 0.46, colours.shade(main, 1.7))


def _house(canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour) -> None:
    canvas.box(0.18, -0.46, 0.3, -0.15, colours.shade(other, 0.7))
    canvas.box(-0.4, -0.1, 0.4, 0.48, main)
    canvas.polygon([(-0.5, -0.08), (0.0, -0.48), (0.5, -0.08)], other)
    canvas.box(-0.09, 0.14, 0.09, 0.48, colours.shade(other, 0.45))
    glass = _GLASS if rng.random() < 0.5 else (0.95, 0.82, 0.42)
    for u in (-0.25, 0.25):
        canvas.box(u - 0.1, 0.02, u + 0.1, 0.22, _DARK)
        canvas.box(u - 0.07, 0.05, u + 0.07, 0.19, glass)


def _car(canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour) -> None:
    roof = rng.uniform(-0.26, -0.2)
    canvas.polygon([(-0.3, 0.0), (-0.2, roof), (0.14, roof), (0.3, 0.0)], main)
    canvas.polygon(
        [(-0.24, -0.02), (-0.17, roof + 0.05), (0.11, roof + 0.05), (0.23, -0.02)], _GLASS
    )
    canvas.box(-0.04, roof, 0.0, 0.0, main)
    canvas.polygon([(-0.5, -0.01), (0.46, -0.03), (0.5, 0.2), (-0.5, 0.2)], main)
    canvas.box(-0.5, 0.12, 0.5, 0.2, colours.shade(main, 0.6))
    canvas.ellipse(0.45, 0.05, 0.04, 0.04, (0.98, 0.93, 0.6))
    for u in (-0.28, 0.28):
        canvas.ellipse(u, 0.2, 0.125, 0.125, _DARK)
        canvas.ellipse(u, 0.2, 0.06, 0.06, colours.shade(other, 1.3))


def _plant(canvas: Canvas, rng: np.random.Generator, main: Colour, other: Colour) -> None:
    leaf = (rng.uniform(0.1, 0.35), rng.uniform(0.4, 0.7), rng.uniform(0.1, 0.3))
    for turn in np.linspace(-1.2, 1.2, int(rng.integers(5, 8))):
        reach = rng.uniform(0.5, 0.68)
        tip = np.array([np.sin(turn), -np.cos(turn)]) * reach + (0.0, 0.18)
        side = np.array([np.cos(turn), np.sin(turn)]) * 0.085
        middle = 0.5 * tip + (0.0, 0.09)
        corners = np.stack([np.array([0.0, 0.18]), middle + side, tip, middle - side])
        canvas.polygon(corners, colours.shade(leaf, rng.uniform(0.7, 1.3)))
    canvas.polygon([(-0.24, 0.14), (0.24, 0.14), (0.17, 0.49), (-0.17, 0.49)], main)
    canvas.box(-0.27, 0.12, 0.27, 0.22, colours.shade(other, 0.8))


THINGS: tuple[Callable[[Canvas, np.random.Generator, Colour, Colour], None], ...] = (
    _ball,
    _cup,
    _bottle,
    _house,
    _car,
    _plant,
)
"""Functions that draw an object, by kind."""
