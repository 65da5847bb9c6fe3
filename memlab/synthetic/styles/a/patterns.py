"""Style A's backgrounds: noise, stripes, checks, blobs and horizons, strewn with pebbles."""

from __future__ import annotations

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Colour, Floats, grid
from memlab.synthetic.noise import noise


def surfaces(rng: np.random.Generator, hue: float) -> tuple[Colour, Colour]:
    """Draw two colours of similar hue, with the lightness and dullness of skin."""
    return colours.surface(rng, hue), colours.surface(rng, hue)


def _noise(rng: np.random.Generator, size: int) -> Floats:
    field: Floats = 0.5 + 0.12 * noise(rng, 1.6, size)
    return field


def _blobs(rng: np.random.Generator, size: int) -> Floats:
    field: Floats = 0.5 + 0.5 * np.tanh(4.0 * noise(rng, 1.8, size) + 0.5)
    return field


def _waves(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Return coordinates along and across a random direction, in periods."""
    x, y = grid(size)
    angle, period, phase = rng.random() * np.pi, rng.uniform(0.08, 0.3), rng.random()
    cos, sin = np.float32(np.cos(angle) / period), np.float32(np.sin(angle) / period)
    u: Floats = x * cos + y * sin + np.float32(phase)
    v: Floats = y * cos - x * sin + np.float32(phase)
    return u, v


def _stripes(rng: np.random.Generator, size: int) -> Floats:
    u, _ = _waves(rng, size)
    field: Floats = 0.5 + 0.5 * np.clip(3.0 * np.sin(2.0 * np.pi * u), -1.0, 1.0)
    return field


def _checks(rng: np.random.Generator, size: int) -> Floats:
    u, v = _waves(rng, size)
    waves = np.sin(np.pi * u) * np.sin(np.pi * v)
    field: Floats = 0.5 + 0.5 * np.clip(5.0 * waves, -1.0, 1.0)
    return field


def _horizon(rng: np.random.Generator, size: int) -> Floats:
    x, y = grid(size)
    level = rng.uniform(0.35, 0.7) + 0.02 * np.sin(2.0 * np.pi * (x * 2.0 + rng.random()))
    field: Floats = (0.75 / (1.0 + np.exp((level - y) * 120.0)) + 0.25 * y).astype(np.float32)
    return field


PATTERNS = (_noise, _stripes, _checks, _blobs, _horizon)


def pebble(rng: np.random.Generator, size: int) -> Canvas:
    """Draw one blob with the colours of a head or of clothes, but another shape."""
    canvas = Canvas(size, rng.random(), rng.random(), rng.uniform(0.12, 0.34), rng.random() * 6.3)
    turns = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    lobes, depth = rng.integers(2, 6), rng.uniform(0.05, 0.22)
    radius = 0.42 * (1.0 + depth * np.sin(lobes * turns + rng.random() * 6.3))
    squash = rng.uniform(0.5, 1.0)
    edge = np.stack([radius * np.cos(turns), radius * squash * np.sin(turns)], axis=1)
    flesh = rng.random() < 0.65
    canvas.polygon(edge, colours.skin(rng) if flesh else colours.paint(rng))
    canvas.polygon(edge[: rng.integers(6, 13)], colours.hair(rng))
    for _ in range(rng.integers(1, 4)):
        u, v = rng.uniform(-0.3, 0.3, 2)
        ru, rv = rng.uniform(0.03, 0.11, 2)
        canvas.ellipse(u, v * squash, ru, rv, colours.accent(rng))
    return canvas
