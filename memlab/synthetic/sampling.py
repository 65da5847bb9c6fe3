"""Sampling of the causes of images, and resampling of one cause with all others kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from memlab.synthetic.latents import (
    BOXES,
    FEATURES,
    OBJECTS,
    PRESENCE,
    TEXTURES,
    Figure,
    Latents,
    Layout,
    Palette,
    Person,
    Place,
    Style,
    Texture,
    Thing,
)
from memlab.synthetic.worlds import QUICKSTART, World

_LAYOUTS = 64
_SKIN_HUE = 0.07
_NEAR = 0.06  # half of the background hues are within this many turns of skin


def sample(seed: int, index: int, world: World = QUICKSTART, style: Style = "A") -> Latents:
    """Draw the causes of one image.

    Args:
        seed: seed of the collection, at least 0.
        index: number of the image, at least 0.
        world: frequencies, correlations and score.
        style: rendering style.

    Returns:
        The latents: a function of the arguments alone, independent of other draws.
    """
    rng = np.random.default_rng((seed, index))
    quantiles = dict(zip(FEATURES, world.quantiles(rng.random(len(FEATURES))), strict=True))
    causes = {
        feature: _cause(feature, quantile, np.random.default_rng(cause_seed), world)
        for (feature, quantile), cause_seed in zip(
            quantiles.items(), rng.integers(2**31, size=len(FEATURES)), strict=True
        )
    }
    return Latents(
        seed=seed,
        index=index,
        style=style,
        decoys=int(rng.integers(5)),
        light=float(rng.uniform(0.0, 2.0 * np.pi)),
        **causes,
    )


def removed(latents: Latents, feature: str) -> Latents:
    """Return the same image without a feature: absent, or of neutral value.

    For numbers, neutral is the middle of the range (no blur, unchanged skin). The sample contains
    no plain texture and no grey palette. The neutral texture is therefore the first kind, the
    neutral palette has the hue opposite to skin, and the neutral layout has figures of middle size
    side by side.
    """
    neutral: dict[str, Any] = {feature: _NEUTRAL.get(feature)}
    return replace(latents, **neutral)


def resampled(
    latents: Latents, feature: str, world: World, draw: int = 0, present: bool | None = None
) -> Latents:
    """Return the same image with one feature drawn anew from its marginal, all else fixed.

    Args:
        latents: the causes of the image.
        feature: one of ``FEATURES``.
        world: world that defines the marginal.
        draw: number of the draw; each number gives another value.
        present: for a presence feature, whether the new draw has it; None draws the presence with
            the world's probability.
    """
    number = FEATURES.index(feature)
    rng = np.random.default_rng((latents.seed, latents.index, 3, number, draw))
    quantile = float(rng.random())
    if present is not None:
        rate = world.rate(feature)
        quantile = 1.0 - rate + quantile * rate if present else quantile * (1.0 - rate)
    return replace(latents, **{feature: _cause(feature, quantile, rng, world, present)})


_NEUTRAL: dict[str, Any] = {
    "skin": 0.0,
    "texture": Texture(kind=0, seed=0),
    "palette": Palette(hue=(_SKIN_HUE + 0.5) % 1.0, seed=0),
    "saturation": 0.775,
    "contrast": 0.95,
    "slope": 1.2,
    "layout": Layout(
        face=Place(0.25, 0.3, 0.46),
        person=Place(0.75, 0.5, 0.75),
        object=Place(0.25, 0.7, 0.34),
        text=Place(0.5, 0.9, 0.49),
    ),
    "blur": 0.0,
}


def _cause(
    feature: str,
    quantile: float,
    rng: np.random.Generator,
    world: World,
    present: bool | None = None,
) -> Any:
    """Return a cause from its quantile in [0, 1); other random details use a separate generator."""
    if feature in PRESENCE:
        variant = int(rng.integers(2**31))
        is_present = quantile >= 1.0 - world.rate(feature) if present is None else present
        if not is_present:
            return None
        if feature == "person":
            return Person(variant, facing=bool(rng.random() < world.facing))
        if feature == "object":
            return Thing(variant, kind=int(rng.integers(OBJECTS)))
        return float(rng.uniform(0.6, 0.9)) if feature == "watermark" else Figure(variant)
    if feature == "texture":
        return Texture(kind=int(quantile * TEXTURES), seed=int(rng.integers(2**31)))
    if feature == "palette":
        return Palette(hue=_hue(quantile, rng), seed=int(rng.integers(2**31)))
    if feature == "layout":
        return _layout(rng, world)
    low, high = world.range(feature)
    return float(low + quantile * (high - low))


def _hue(quantile: float, rng: np.random.Generator) -> float:
    """Return a hue on either side of skin's; the larger the quantile, the nearer to skin's."""
    twice = 2.0 * (1.0 - quantile)
    away = _NEAR * twice if twice < 1.0 else _NEAR + (twice - 1.0) * (0.5 - _NEAR)
    return float((_SKIN_HUE + (away if rng.random() < 0.5 else -away)) % 1.0)


def warmth(hue: float) -> float:
    """Return how near to skin's a hue is: 1 at skin's own, 0 opposite; uniform when sampled."""
    away = abs((hue - _SKIN_HUE + 0.5) % 1.0 - 0.5)
    twice = away / _NEAR if away < _NEAR else 1.0 + (away - _NEAR) / (0.5 - _NEAR)
    return float(1.0 - twice / 2.0)


def _layout(rng: np.random.Generator, world: World) -> Layout:
    """Return the one of a few random layouts whose four figures overlap least."""
    sizes = np.array([rng.uniform(*world.size(name)) for name in BOXES])
    half = 0.5 * sizes[:, None] * np.array(list(BOXES.values()))
    centres = half + rng.random((_LAYOUTS, 4, 2)) * (1.0 - 2.0 * half)
    low, high = centres - half, centres + half
    first, second = np.triu_indices(4, 1)
    sides = np.minimum(high[:, first], high[:, second]) - np.maximum(low[:, first], low[:, second])
    overlap = np.clip(sides, 0.0, None).prod(axis=2)
    smaller = np.minimum(*(4.0 * half.prod(axis=1)[side] for side in (first, second)))
    best = centres[np.argmin((overlap / smaller).sum(axis=1))]
    figures = (
        Place(float(x), float(y), float(size)) for (x, y), size in zip(best, sizes, strict=True)
    )
    return Layout(*figures)
