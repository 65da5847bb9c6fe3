"""The independent causes of one image.

An image is a function of its :class:`Latents` alone. What is random in the drawing comes from the
variant seeds kept here, each used by one part only, so that any cause can be replaced
(``dataclasses.replace(latents, face=None)``) while everything else stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["A", "B"]
"""A pack of glyphs, textures, fonts and palettes: what is tuned on one is tested on the other."""

STYLES: tuple[Style, ...] = ("A", "B")

TEXTURES = 5
"""Kinds of background in each style; `Texture.kind` counts them from 0."""

OBJECTS = 6
"""Kinds of object in each style; `Thing.kind` counts them from 0."""

PRESENCE = ("face", "person", "object", "text", "watermark")
"""Causes that an image has or has not: None where absent."""

VALUES = ("skin", "texture", "palette", "saturation", "contrast", "slope", "layout", "blur")
"""Causes that every image has some value of."""

FEATURES = PRESENCE + VALUES
"""All causes, the names of fields of `Latents`."""

RANGES = {
    "skin": (-1.0, 1.0),
    "saturation": (0.3, 1.25),
    "contrast": (0.75, 1.15),
    "slope": (0.6, 1.8),
    "blur": (0.0, 1.5),
}
"""Where the causes that are one number are drawn from, evenly."""

# A figure's size is a person's height, a line of text's width, the others' larger side; its box is
# given as multiples of that size.
SIZES = {"face": (0.38, 0.54), "person": (0.64, 0.86), "object": (0.28, 0.40), "text": (0.38, 0.60)}
"""Range of each figure's size, share of the image's width."""

BOXES = {"face": (0.84, 1.0), "person": (0.50, 1.0), "object": (1.0, 1.0), "text": (1.0, 0.34)}
"""Width and height of each figure's box, multiples of its size."""


@dataclass(frozen=True)
class Place:
    """Where a figure is, if it is present.

    Attributes:
        x: Centre from the left, share of the image's width, in (0, 1).
        y: Centre from the top, share of the image's height, in (0, 1).
        size: Share of the image's width.
    """

    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Layout:
    """The places of all four figures, of the absent ones, too."""

    face: Place
    person: Place
    object: Place
    text: Place


@dataclass(frozen=True)
class Figure:
    """One figure: a face seen close, or a word; ``variant`` is the seed of how it looks."""

    variant: int


@dataclass(frozen=True)
class Person(Figure):
    """A whole person, whose small head shows a face or is turned away (``facing``)."""

    facing: bool


@dataclass(frozen=True)
class Thing(Figure):
    """An object of one ``kind``, below ``OBJECTS``."""

    kind: int


@dataclass(frozen=True)
class Texture:
    """The background's pattern: its ``kind``, below ``TEXTURES``, and its ``seed``."""

    kind: int
    seed: int


@dataclass(frozen=True)
class Palette:
    """The background's main ``hue``, in turns, [0, 1), and the ``seed`` of its other colours."""

    hue: float
    seed: int


@dataclass(frozen=True)
class Latents:
    """The causes of one image.

    Attributes:
        seed: Seed of the collection the image belongs to.
        index: Number of the image in it; with ``seed``, its identity.
        style: Which glyphs, textures, fonts and palettes it is drawn with.
        face: A face seen close, or None.
        person: A whole person, or None.
        object: An object, or None.
        text: A word, or None.
        watermark: Opacity of the style's mark in its corner, (0, 1], or None.
        skin: Chroma of the skin in all faces at unchanged luma: −1 pallid, 1 flushed.
        texture: The background's pattern.
        palette: The background's colours.
        saturation: Factor on the whole image's chroma.
        contrast: Factor on the whole image's deviation from mid grey.
        slope: The background's spectral slope: amplitude falls as 1 / frequency ** slope.
        layout: Where the figures are, and how large.
        blur: SD of a Gaussian blur of the whole image, % of its width.
        decoys: Number of pebbles in the background, coloured like skin, hair or cloth, 0–4.
        light: Direction the light comes from, radians.
    """

    seed: int
    index: int
    style: Style
    face: Figure | None
    person: Person | None
    object: Thing | None
    text: Figure | None
    watermark: float | None
    skin: float
    texture: Texture
    palette: Palette
    saturation: float
    contrast: float
    slope: float
    layout: Layout
    blur: float
    decoys: int
    light: float
