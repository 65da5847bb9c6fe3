"""How memorable a scene is: a known function of its latents, plus noise of a declared share."""

from __future__ import annotations

import numpy as np

from memlab.scenes.latents import SIZES, Figure, Latents

BASE = 0.51
"""Score of an empty picture with a background of middle slope."""

WEIGHTS = {"face": 0.17, "person": 0.10, "thing": 0.055, "text": 0.035}
"""What each figure adds when it is of middle size and half-way to the border."""

SIZE_EFFECT = 0.25
"""Share of a figure's weight gained from middle to largest size (lost to smallest)."""

CENTRE_EFFECT = 0.15
"""Share of a figure's weight gained at the picture's centre (lost in its corner)."""

SLOPE_EFFECT = 0.012
"""Gained from the middle to the smoothest background (lost to the roughest)."""

SIGNAL_VARIANCE = 0.1111**2
"""Variance of :func:`signal` over sampled scenes (measured on 20,000; a test holds it)."""

NOISE_SHARE = 0.10
"""Share of the scores' variance that nothing in the picture explains."""


def signal(latents: Latents) -> float:
    """Return the part of the score that the picture explains.

    Colour, contrast, light, decoys and the kind of texture have no part in it.
    """
    total = BASE + SLOPE_EFFECT * (latents.slope - 1.2) / 0.6
    for name, weight in WEIGHTS.items():
        figure: Figure | None = getattr(latents, name)
        if figure is not None:
            low, high = SIZES[name]
            larger = (2.0 * figure.size - low - high) / (high - low)
            nearer = 1.0 - 4.0 * float(np.hypot(figure.x - 0.5, figure.y - 0.5)) / np.sqrt(2.0)
            total += weight * (1.0 + SIZE_EFFECT * larger + CENTRE_EFFECT * nearer)
    return float(total)


def score(latents: Latents, seed: int) -> float:
    """Return a scene's memorability score.

    Args:
        latents: The causes of the picture.
        seed: Seed of the noise. With it, the noise depends on the picture's identity
            (``latents.seed`` and ``latents.index``) alone, so replacing a latent changes the score
            by exactly that latent's effect.

    Returns:
        The score, in [0, 1]: mean about .7, standard deviation about .12.
    """
    spread = np.sqrt(SIGNAL_VARIANCE * NOISE_SHARE / (1.0 - NOISE_SHARE))
    rng = np.random.default_rng((seed, latents.seed, latents.index, 2))
    return float(np.clip(signal(latents) + spread * rng.standard_normal(), 0.0, 1.0))
