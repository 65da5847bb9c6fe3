"""Noise with a given spectral slope that looks the same at every image size."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memlab.synthetic.canvas import Floats

_GRID = 64


def noise(rng: np.random.Generator, slope: float, size: int, lowest: float = 1.0) -> Floats:
    """Draw noise of zero mean and unit variance whose amplitude falls as 1 / frequency**slope.

    The low frequencies are drawn first and are the same for every size, so an image keeps its
    appearance.

    Args:
        rng: generator of the phases; the number of draws does not depend on the slope.
        slope: exponent, 0 for white noise.
        size: width and height, pixels.
        lowest: lowest frequency that is kept, cycles per image.

    Returns:
        (size, size) float32.
    """
    grid = max(_GRID, size)
    frequency = _frequency(grid)
    amplitude = np.maximum(frequency, 1.0) ** -slope
    amplitude[frequency < lowest] = 0.0
    phase = np.zeros(amplitude.shape)
    low = _GRID // 2
    phase[:low, :low] = rng.random((low, low))
    phase[-low:, :low] = rng.random((low, low))
    above = np.random.default_rng(rng.integers(2**31))
    higher = frequency >= low  # also at Nyquist; else its waves add up in the first row
    phase[higher] = above.random(int(higher.sum()))
    field = np.fft.irfft2(amplitude * np.exp(2j * np.pi * phase), s=(grid, grid))[:size, :size]
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


@lru_cache(maxsize=4)
def _frequency(grid: int) -> NDArray[np.float64]:
    """Return the frequency of each coefficient of a real FFT, cycles per image."""
    down, across = np.fft.fftfreq(grid)[:, None], np.fft.rfftfreq(grid)[None, :]
    return np.asarray(np.hypot(down, across) * grid)
