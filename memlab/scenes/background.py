"""Backgrounds: 1/f noise, stripes, checks, blobs and horizons, strewn with pebbles."""

from __future__ import annotations

import numpy as np

from memlab.scenes import colours
from memlab.scenes.canvas import Canvas, Floats
from memlab.scenes.latents import Latents

_NOISE_GRID = 64
_PATTERNS = ("noise", "stripes", "checks", "blobs", "horizon")


def background(latents: Latents, size: int) -> Floats:
    """Render what lies behind the figures.

    Args:
        latents: The picture's causes; figures are not looked at.
        size: Width and height, pixels.

    Returns:
        (size, size, 3) RGB, about [0, 1].
    """
    rng = np.random.default_rng(latents.texture.seed)
    fine = _noise(rng, latents.slope, size)
    pattern = _pattern(rng, _PATTERNS[latents.texture.kind], size)
    palette = np.random.default_rng(latents.palette.seed)
    first, second = (
        np.array(colours.surface(palette, latents.palette.hue), dtype=np.float32) for _ in range(2)
    )
    mix = np.clip(pattern + 0.16 * fine, 0.0, 1.0)[..., None]
    image: Floats = (first + (second - first) * mix) * (1.0 + np.float32(0.1) * fine[..., None])
    for _ in range(latents.decoys):
        _pebble(rng, palette, size).over(image, latents.light)
    return image


def _noise(rng: np.random.Generator, slope: float, size: int) -> Floats:
    """Draw noise of zero mean and unit variance whose amplitude falls as 1 / frequency**slope.

    The same low frequencies are drawn first whatever the size, so a picture keeps its look.
    """
    grid = max(_NOISE_GRID, size)
    frequency = np.hypot(np.fft.fftfreq(grid)[:, None], np.fft.rfftfreq(grid)[None, :]) * grid
    amplitude = np.maximum(frequency, 1.0) ** -slope
    amplitude[0, 0] = 0.0
    phase = np.zeros(amplitude.shape)
    low = _NOISE_GRID // 2
    phase[:low, :low] = rng.random((low, low))
    phase[-low:, :low] = rng.random((low, low))
    above = np.random.default_rng(rng.integers(2**31))
    if grid > _NOISE_GRID:
        rest = frequency >= low
        phase[rest] = above.random(int(rest.sum()))
    field = np.fft.irfft2(amplitude * np.exp(2j * np.pi * phase), s=(grid, grid))[:size, :size]
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def _pattern(rng: np.random.Generator, kind: str, size: int) -> Floats:
    """Draw the coarse pattern, (size, size) in [0, 1]."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = line[None, :], line[:, None]
    angle, period, phase = rng.random() * np.pi, rng.uniform(0.08, 0.3), rng.random()
    u = (x * np.cos(angle) + y * np.sin(angle)) / period + phase
    v = (y * np.cos(angle) - x * np.sin(angle)) / period + phase
    if kind == "noise":
        field = 0.5 + 0.12 * _noise(rng, 1.6, size)
    elif kind == "stripes":
        field = 0.5 + 0.5 * np.clip(3.0 * np.sin(2.0 * np.pi * u), -1.0, 1.0)
    elif kind == "checks":
        waves = np.sin(np.pi * u) * np.sin(np.pi * v)
        field = 0.5 + 0.5 * np.clip(5.0 * waves, -1.0, 1.0)
    elif kind == "blobs":
        field = 0.5 + 0.5 * np.tanh(4.0 * _noise(rng, 1.8, size) + 0.5)
    else:
        level = rng.uniform(0.35, 0.7) + 0.02 * np.sin(2.0 * np.pi * (x * 2.0 + phase))
        ground = 1.0 / (1.0 + np.exp(-(y - level) * 120.0))
        field = 0.75 * ground + 0.25 * y
    return np.asarray(np.broadcast_to(field, (size, size)), dtype=np.float32)


def _pebble(rng: np.random.Generator, palette: np.random.Generator, size: int) -> Canvas:
    """Draw one blob with the colours of a head or of clothes, but the shape of neither."""
    canvas = Canvas(size, rng.random(), rng.random(), rng.uniform(0.12, 0.30), rng.random() * 6.3)
    turns = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    lobes, depth = rng.integers(2, 6), rng.uniform(0.05, 0.22)
    radius = 0.42 * (1.0 + depth * np.sin(lobes * turns + rng.random() * 6.3))
    squash = rng.uniform(0.5, 1.0)
    edge = np.stack([radius * np.cos(turns), radius * squash * np.sin(turns)], axis=1)
    flesh = rng.random() < 0.65
    canvas.polygon(edge, colours.skin(palette) if flesh else colours.paint(palette))
    canvas.polygon(edge[: rng.integers(6, 13)], colours.hair(palette))
    for _ in range(rng.integers(1, 4)):
        u, v = rng.uniform(-0.3, 0.3, 2)
        ru, rv = rng.uniform(0.03, 0.11, 2)
        canvas.ellipse(u, v * squash, ru, rv, colours.accent(palette))
    return canvas
