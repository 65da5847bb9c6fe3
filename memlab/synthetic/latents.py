"""Latents: the independent causes of one image.

An image is a function of its :class:`Latents` alone. Random details of the drawing come from the
variant seeds stored here. Each seed is used by one part only, so any cause can be replaced
(``dataclasses.replace(latents, face=None)``) while everything else stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["A", "B"]
"""Rendering style: glyphs, textures, fonts and palettes. Tune on one style, test on the other."""

STYLES: tuple[Style, ...] = ("A", "B")

TEXTURES = 5
"""Kinds of background in each style; `Texture.kind` counts them from 0."""

OBJECTS = 6
"""Kinds of object in each style; `Thing.kind` counts them from 0."""

PRESENCE = ("face", "person", "object", "text", "watermark")
"""Causes that an image either has or lacks; None if absent."""

VALUES = ("skin", "texture", "palette", "saturation", "contrast", "slope", "layout", "blur")
"""Causes that have a value in every image."""

FEATURES = PRESENCE + VALUES
"""All causes, which are the names of fields of `Latents`."""

RANGES = {
    "skin": (-1.0, 1.0),
    "saturation": (0.3, 1.25),
    "contrast": (0.75, 1.15),
    "slope": (0.6, 1.8),
    "blur": (0.0, 1.5),
}
"""Ranges of the uniformly distributed numeric causes."""

# The size of a figure is a person's height, a text line's width, and the larger side of the others.
# Boxes are multiples of that size.
SIZES = {"face": (0.38, 0.54), "person": (0.64, 0.86), "object": (0.28, 0.40), "text": (0.38, 0.60)}
"""Range of each figure's size, share of the image's width."""

BOXES = {"face": (0.84, 1.0), "person": (0.50, 1.0), "object": (1.0, 1.0), "text": (1.0, 0.34)}
"""Width and height of each figure's box, multiples of its size."""


@dataclass(frozen=True)
class Place:
    """Position and size of a figure, if it is present.

    Attributes:
        x: centre from the left, share of the image's width, in (0, 1).
        y: centre from the top, share of the image's height, in (0, 1).
        size: share of the image's width.
    """

    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Layout:
    """Positions and sizes of all four figures, including absent figures."""

    face: Place
    person: Place
    object: Place
    text: Place


@dataclass(frozen=True)
class Figure:
    """One figure: a close-up face or a word; ``variant`` seeds its appearance."""

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
        seed: seed of the collection the image belongs to.
        index: number of the image in the collection; identifies the image together with ``seed``.
        style: rendering style: glyphs, textures, fonts and palettes.
        face: a close-up face, or None.
        person: a whole person, or None.
        object: an object, or None.
        text: a word, or None.
        watermark: opacity of the style's mark in its corner, (0, 1], or None.
        skin: chroma of the skin in all faces at unchanged luma: −1 pallid, 1 flushed.
        texture: the background's pattern.
        palette: the background's colours.
        saturation: factor on the whole image's chroma.
        contrast: factor on the whole image's deviation from mid grey.
        slope: the background's spectral slope: amplitude falls as 1 / frequency ** slope.
        layout: positions and sizes of the figures.
        blur: SD of a Gaussian blur of the whole image, % of its width.
        decoys: number of pebbles in the background, coloured like skin, hair or cloth, 0–4.
        light: direction the light comes from, radians.
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
