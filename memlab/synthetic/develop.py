"""Effects on the whole image: saturation, contrast, grain and blur."""

from __future__ import annotations

import math

import numpy as np

from memlab.synthetic.canvas import Floats
from memlab.synthetic.latents import Latents

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

_GRAIN = 0.012


def develop(image: Floats, latents: Latents) -> Floats:
    """Apply contrast about mid grey, saturation about each pixel's luma, and a little grain.

    A colour outside [0, 1] loses chroma, never luma. Saturation and the skin's chroma therefore
    leave luma unchanged.

    Args:
        image: (size, size, 3) RGB, about [0, 1].
        latents: the causes of the image.

    Returns:
        (size, size, 3) RGB in [0, 1].
    """
    rng = np.random.default_rng((latents.seed, latents.index, 1))
    luma = (image @ np.array(LUMA, dtype=np.float32))[..., None]
    chroma = (image - luma) * np.float32(latents.contrast * latents.saturation)
    grain = rng.standard_normal(luma.shape, dtype=np.float32) * np.float32(_GRAIN)
    luma = np.clip(0.5 + (luma - 0.5) * np.float32(latents.contrast) + grain, 0.0, 1.0)
    red, green, blue = chroma[..., :1], chroma[..., 1:2], chroma[..., 2:]
    highest = np.maximum(np.maximum(red, green), blue)  # much faster than max(axis=2)
    lowest = np.minimum(np.minimum(red, green), blue)
    tiny = np.float32(1e-6)
    room = np.minimum((1.0 - luma) / np.maximum(highest, tiny), luma / np.maximum(-lowest, tiny))
    return np.asarray(luma + chroma * np.minimum(room, 1.0), dtype=np.float32)


def blurred(image: Floats, percent: float) -> Floats:
    """Blur with a Gaussian, with mirrored edges.

    Args:
        image: (size, size, 3).
        percent: SD of the Gaussian, % of the width; 0 returns the image unchanged.

    Returns:
        (size, size, 3).
    """
    if percent == 0.0:
        return image
    size = image.shape[0]
    sd = percent / 100.0 * size
    reach = min(size, math.ceil(4.0 * sd))
    offset = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offset / sd) ** 2)
    target = np.arange(size)[:, None] + offset
    target = np.where(target < 0, -1 - target, target)
    target = np.where(target >= size, 2 * size - 1 - target, target)
    # A matrix product is faster than a loop over taps, because images are small.
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None], target), weights / weights.sum())
    kernel = matrix.astype(np.float32)
    down = (kernel @ image.reshape(size, -1)).reshape(image.shape)
    return np.asarray(kernel @ down, dtype=np.float32)
