"""The independent causes of one picture, and how they are drawn.

A picture is a function of its :class:`Latents` alone. What is random in the drawing comes from the
variant seeds kept here, each used by one part only, so that any latent can be replaced
(``dataclasses.replace(latents, face=None)``) while everything else stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TEXTURES = ("noise", "stripes", "checks", "blobs", "horizon")
"""Kinds of background, in the order of ``Latents.texture``."""

OBJECTS = ("ball", "cup", "bottle", "house", "car", "plant")
"""Kinds of object, in the order of ``Thing.kind``."""

PRESENCE = 0.5
"""Probability that a picture holds each of face, person, object and text."""

# Range of each figure's size (share of the picture's width), and its box as multiples of that
# size: a person's size is its height, a line of text's its width, the others' their larger side.
SIZES = {"face": (0.38, 0.54), "person": (0.64, 0.86), "thing": (0.28, 0.40), "text": (0.38, 0.60)}
BOXES = {"face": (0.84, 1.0), "person": (0.50, 1.0), "thing": (1.0, 1.0), "text": (1.0, 0.34)}
_LAYOUTS = 64


@dataclass(frozen=True)
class Figure:
    """One figure of a picture.

    Attributes:
        x: Centre from the left, share of the picture's width, in (0, 1).
        y: Centre from the top, share of the picture's height, in (0, 1).
        size: Share of the picture's width, in the range ``SIZES`` gives for its kind.
        variant: Seed of how it looks: shape, colours, pose, letters.
    """

    x: float
    y: float
    size: float
    variant: int


@dataclass(frozen=True)
class Person(Figure):
    """A whole person, whose small head shows a face or is turned away (``facing``)."""

    facing: bool


@dataclass(frozen=True)
class Thing(Figure):
    """An object of one ``kind``, an index into ``OBJECTS``."""

    kind: int


@dataclass(frozen=True)
class Latents:
    """The causes of one picture, drawn independently of each other (the layout apart).

    Attributes:
        seed: Seed of the collection the picture belongs to.
        index: Number of the picture in it; with ``seed``, its identity.
        face: A face seen close, or None.
        person: A whole person, or None.
        thing: An object, or None.
        text: A word, or None.
        texture: Index into ``TEXTURES``.
        texture_seed: Seed of the background's pattern.
        slope: The background's spectral slope: amplitude falls as 1 / frequency ** slope, 0.6–1.8.
        hue: Main hue of the background, in turns, [0, 1).
        palette_seed: Seed of the background's other colours.
        decoys: Number of pebbles in the background, coloured like skin, hair or cloth, 0–4.
        saturation: Factor on the whole picture's chroma, 0.3–1.25.
        contrast: Factor on the whole picture's deviation from mid grey, 0.75–1.15.
        light: Direction the light comes from, radians.
    """

    seed: int
    index: int
    face: Figure | None
    person: Person | None
    thing: Thing | None
    text: Figure | None
    texture: int
    texture_seed: int
    slope: float
    hue: float
    palette_seed: int
    decoys: int
    saturation: float
    contrast: float
    light: float


def sample(seed: int, index: int) -> Latents:
    """Draw the causes of one picture.

    Args:
        seed: Seed of the collection, at least 0.
        index: Number of the picture, at least 0.

    Returns:
        The latents: a function of ``seed`` and ``index`` alone, however many others are drawn.
    """
    rng = np.random.default_rng((seed, index))
    sizes = np.array([rng.uniform(*limits) for limits in SIZES.values()])
    places = _layout(rng, sizes)
    present = rng.random(4) < PRESENCE
    variants = rng.integers(2**31, size=6)
    # Every figure is drawn whether present or not: presence then says nothing about the rest.
    face, person, thing, text = (
        (float(x), float(y), float(size), int(variant))
        for (x, y), size, variant in zip(places, sizes, variants, strict=False)
    )
    facing, kind = bool(rng.random() < 0.5), int(rng.integers(len(OBJECTS)))
    # Half of the backgrounds are of skin-like hue: skin colour alone must not give a face away.
    hue = rng.normal(0.07, 0.03) % 1.0 if rng.random() < 0.5 else rng.random()
    return Latents(
        seed=seed,
        index=index,
        face=Figure(*face) if present[0] else None,
        person=Person(*person, facing=facing) if present[1] else None,
        thing=Thing(*thing, kind=kind) if present[2] else None,
        text=Figure(*text) if present[3] else None,
        texture=int(rng.integers(len(TEXTURES))),
        texture_seed=int(variants[4]),
        slope=float(rng.uniform(0.6, 1.8)),
        hue=float(hue),
        palette_seed=int(variants[5]),
        decoys=int(rng.integers(5)),
        saturation=float(rng.uniform(0.3, 1.25)),
        contrast=float(rng.uniform(0.75, 1.15)),
        light=float(rng.uniform(0.0, 2.0 * np.pi)),
    )


def _layout(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """Place the four figures where they cover each other least, of a few random layouts.

    Args:
        rng: Where the candidates come from.
        sizes: (4,) sizes in the order of ``SIZES``.

    Returns:
        (4, 2) centres x, y as shares of the picture's width; boxes lie inside the picture.
    """
    half = 0.5 * sizes[:, None] * np.array(list(BOXES.values()))
    centres = half + rng.random((_LAYOUTS, 4, 2)) * (1.0 - 2.0 * half)
    low, high = centres - half, centres + half
    first, second = np.triu_indices(4, 1)
    sides = np.minimum(high[:, first], high[:, second]) - np.maximum(low[:, first], low[:, second])
    overlap = np.clip(sides, 0.0, None).prod(axis=2)
    smaller = np.minimum(*(4.0 * half.prod(axis=1)[side] for side in (first, second)))
    return np.asarray(centres[np.argmin((overlap / smaller).sum(axis=1))])
