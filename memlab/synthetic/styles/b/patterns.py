"""Style B's backgrounds: tartan, dots, bricks, zigzags and rings, strewn with shards."""

from __future__ import annotations

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Floats, grid
from memlab.synthetic.styles.b.colours import ink_of, mane, poster


def _soft(field: Floats, width: float, size: int) -> Floats:
    """Map a signed distance (shares of a period) to [0, 1] with an edge about a pixel wide."""
    steep = np.float32(width * min(size, 256) * 0.7)
    return np.asarray(np.clip(np.float32(0.5) + steep * field, 0.0, 1.0))


def _triangle(phase: Floats) -> Floats:
    """Return a triangle wave of period 1, in [0, 1]."""
    return np.asarray(np.abs(2.0 * (phase - np.floor(phase)) - 1.0))


def _tartan(rng: np.random.Generator, size: int) -> Floats:
    axes = grid(size)
    period = rng.uniform(0.22, 0.4)
    bands = []
    for axis in axes:
        wave = _triangle(axis / np.float32(period) + np.float32(rng.random()))
        broad = _soft(wave - np.float32(rng.uniform(0.4, 0.6)), period, size)
        thin = _soft(np.float32(0.1) - wave, period, size)
        bands.append(0.75 * broad + thin)
    return np.asarray(np.minimum(0.5 * (bands[0] + bands[1]), 1.0))


def _dots(rng: np.random.Generator, size: int) -> Floats:
    x, y = grid(size)
    period, shift = rng.uniform(0.09, 0.2), rng.random(2)
    row = y / np.float32(period) + np.float32(shift[0])
    column = x / np.float32(period) + np.float32(shift[1]) + 0.5 * (np.floor(row) % 2.0)
    far = np.hypot(column - np.floor(column) - 0.5, row - np.floor(row) - 0.5)
    return _soft(np.float32(rng.uniform(0.22, 0.38)) - far, period, size)


def _bricks(rng: np.random.Generator, size: int) -> Floats:
    x, y = grid(size)
    high, long, shift = rng.uniform(0.09, 0.16), rng.uniform(1.7, 2.6), rng.random(2)
    row = y / np.float32(high) + np.float32(shift[0])
    column = x / np.float32(high * long) + np.float32(shift[1]) + 0.5 * (np.floor(row) % 2.0)
    tone = (np.floor(row) * 7.0 + np.floor(column) * 3.0) % 5.0 / 5.0
    joint = np.minimum(_triangle(row + 0.5), _triangle(column + 0.5) * np.float32(long))
    mortar = _soft(np.float32(0.12) - joint, high, size)
    return np.asarray(mortar + (1.0 - mortar) * (0.35 * tone + 0.05))


def _zigzag(rng: np.random.Generator, size: int) -> Floats:
    x, y = grid(size)
    if rng.random() < 0.5:
        x, y = y, x
    period, steep = rng.uniform(0.12, 0.24), rng.uniform(0.6, 1.2)
    fold = _triangle(x / np.float32(period * 1.5)) * np.float32(steep)
    wave = _triangle(y / np.float32(period) + fold + np.float32(rng.random()))
    return _soft(wave - np.float32(0.5), period, size)


def _rings(rng: np.random.Generator, size: int) -> Floats:
    x, y = grid(size)
    period, at = rng.uniform(0.12, 0.26), rng.uniform(-0.2, 1.2, 2).astype(np.float32)
    far = np.hypot(x - at[0], y - at[1]) / np.float32(period)
    return _soft(_triangle(far) - np.float32(rng.uniform(0.35, 0.65)), period, size)


PATTERNS = (_tartan, _dots, _bricks, _zigzag, _rings)


def pebble(rng: np.random.Generator, size: int) -> Canvas:
    """Draw one shard with the colours and ink of a head or of clothes, but another shape."""
    canvas = Canvas(size, rng.random(), rng.random(), rng.uniform(0.18, 0.46), rng.random() * 6.3)
    corners = int(rng.integers(4, 8))
    turns = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * (2.0 * np.pi / corners)
    radius = rng.uniform(0.25, 0.48, corners)
    edge = np.stack([radius * np.cos(turns), radius * np.sin(turns)], axis=1)
    flesh = rng.random() < 0.75
    canvas.outlined(edge, colours.skin(rng) if flesh else poster(rng), 0.03, ink_of(rng))
    canvas.polygon(edge[: corners // 2 + 1], mane(rng))
    for _ in range(rng.integers(1, 4)):
        at, reach = rng.uniform(-0.25, 0.25, 2), rng.uniform(0.05, 0.13)
        spin = rng.random() * 6.3 + np.arange(3) * 2.1
        tip = at + reach * np.stack([np.cos(spin), np.sin(spin)], axis=1)
        canvas.polygon(tip, colours.accent(rng))
    return canvas
