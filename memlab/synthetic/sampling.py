"""Drawing the causes of images, and drawing one of them anew with all others kept."""

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
from memlab.synthetic.worlds import SCENES, World

_LAYOUTS = 64
_SKIN_HUE = 0.07
_NEAR = 0.06  # half of the backgrounds lie within so many turns of skin: colour gives no face away


def sample(seed: int, index: int, world: World = SCENES, style: Style = "A") -> Latents:
    """Draw the causes of one image.

    Args:
        seed: Seed of the collection, at least 0.
        index: Number of the image, at least 0.
        world: What is how frequent, and what goes with what.
        style: Which style pack it is drawn with.

    Returns:
        The latents: a function of the arguments alone, however many others are drawn.
    """
    rng = np.random.default_rng((seed, index))
    quantiles = dict(zip(FEATURES, world.quantiles(rng.random(len(FEATURES))), strict=True))
    causes = {
        feature: _cause(feature, quantile, np.random.default_rng(own), world)
        for (feature, quantile), own in zip(
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
    """The same image without a feature: absent, or of neutral value.

    Neutral is the middle of the range for numbers (no blur, skin as it was born); a plain texture
    and a grey palette are not in the sample: for these, and for the layout, it is the first kind,
    the hue opposite to skin, and figures of middle size side by side.
    """
    neutral: dict[str, Any] = {feature: _NEUTRAL.get(feature)}
    return replace(latents, **neutral)


def resampled(
    latents: Latents, feature: str, world: World, draw: int = 0, present: bool | None = None
) -> Latents:
    """The same image with one feature drawn anew from its marginal, all else fixed.

    Args:
        latents: The causes of the image.
        feature: One of ``FEATURES``.
        world: Where the marginal comes from.
        draw: Which repetition: another draw is another value.
        present: Of a presence feature: whether the new draw has it; as frequent as the world says
            if None.
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
    """One cause from its quantile in [0, 1), what else it needs from a generator of its own."""
    if feature in PRESENCE:
        variant = int(rng.integers(2**31))
        there = quantile >= 1.0 - world.rate(feature) if present is None else present
        if not there:
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
    """A hue the nearer to skin's the larger the quantile, on either side."""
    twice = 2.0 * (1.0 - quantile)
    away = _NEAR * twice if twice < 1.0 else _NEAR + (twice - 1.0) * (0.5 - _NEAR)
    return float((_SKIN_HUE + (away if rng.random() < 0.5 else -away)) % 1.0)


def warmth(hue: float) -> float:
    """How near to skin's a hue is: 1 at skin's own, 0 opposite; even over [0, 1] when sampled."""
    away = abs((hue - _SKIN_HUE + 0.5) % 1.0 - 0.5)
    twice = away / _NEAR if away < _NEAR else 1.0 + (away - _NEAR) / (0.5 - _NEAR)
    return float(1.0 - twice / 2.0)


def _layout(rng: np.random.Generator, world: World) -> Layout:
    """Place the four figures where they cover each other least, of a few random layouts."""
    sizes = np.array([rng.uniform(*world.size(name)) for name in BOXES])
    half = 0.5 * sizes[:, None] * np.array(list(BOXES.values()))
    centres = half + rng.random((_LAYOUTS, 4, 2)) * (1.0 - 2.0 * half)
    low, high = centres - half, centres + half
    first, second = np.triu_indices(4, 1)
    sides = np.minimum(high[:, first], high[:, second]) - np.maximum(low[:, first], low[:, second])
    overlap = np.clip(sides, 0.0, None).prod(axis=2)
    smaller = np.minimum(*(4.0 * half.prod(axis=1)[side] for side in (first, second)))
    best = centres[np.argmin((overlap / smaller).sum(axis=1))]
    places = (
        Place(float(x), float(y), float(size)) for (x, y), size in zip(best, sizes, strict=True)
    )
    return Layout(*places)
