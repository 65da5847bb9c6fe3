"""How memorable a scene is: a declared function of its causes, plus noise of a declared share."""

from __future__ import annotations

import math

import numpy as np

from memlab.scenes.latents import PRESENCE, TEXTURES, Latents
from memlab.scenes.sampling import warmth
from memlab.scenes.worlds import SCENES, World

MEAN = 0.7
"""Mean of the scores in every world."""

SPREAD = 0.12
"""Standard deviation of the scores in every world, before they are cut at 0 and 1."""


def number(latents: Latents, feature: str, world: World = SCENES) -> float:
    """Return a feature as the number that counts in scores and correlations.

    Presence is 1 or 0. A value is brought to mean 0 and SD 1: for the palette it is how near the
    hue is to skin's, for the texture its kind, for the layout the figures' mean size.
    """
    if feature in PRESENCE:
        return float(getattr(latents, feature) is not None)
    if feature == "texture":
        middle = (TEXTURES - 1) / 2.0
        return (latents.texture.kind - middle) / math.sqrt((TEXTURES**2 - 1) / 12.0)
    if feature == "palette":
        return math.sqrt(12.0) * (warmth(latents.palette.hue) - 0.5)
    if feature == "layout":
        places = vars(latents.layout).items()
        shares = [
            (place.size - low) / (high - low)
            for name, place in places
            for low, high in [world.size(name)]
        ]
        return math.sqrt(48.0) * (sum(shares) / 4.0 - 0.5)
    low, high = world.range(feature)
    return math.sqrt(12.0) * ((getattr(latents, feature) - low) / (high - low) - 0.5)


def signal(latents: Latents, world: World = SCENES) -> float:
    """Return the explained part of the score: mean 0 and SD 1 over the world's pictures."""
    total, variance = 0.0, 0.0
    for term, weight in world.weights.items():
        mean = square = value = 1.0
        for feature in term.split("*"):
            value *= number(latents, feature, world)
            rate = world.rate(feature) if feature in PRESENCE else 0.0
            mean *= rate
            square *= rate if feature in PRESENCE else 1.0
        total += weight * (value - mean) / math.sqrt(square - mean**2)
        variance += weight**2
    return total / math.sqrt(variance)


def score(latents: Latents, seed: int, world: World = SCENES) -> float:
    """Return a scene's memorability score.

    Args:
        latents: The causes of the picture.
        seed: Seed of the noise. With it, the noise depends on the picture's identity
            (``latents.seed`` and ``latents.index``) alone, so replacing a latent changes the score
            by exactly that latent's effect.
        world: What makes the score.

    Returns:
        The score, in [0, 1]: mean .7, standard deviation .12.
    """
    rng = np.random.default_rng((seed, latents.seed, latents.index, 2))
    explained = math.sqrt(world.r2) * signal(latents, world) if world.r2 > 0 else 0.0
    value = explained + math.sqrt(1.0 - world.r2) * rng.standard_normal()
    return float(np.clip(MEAN + SPREAD * value, 0.0, 1.0))
