"""What a style pack consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memlab.synthetic.canvas import Canvas, Colour, Floats
from memlab.synthetic.latents import Figure, Person, Place, Thing


@dataclass(frozen=True)
class Pack:
    """One way of drawing; every function draws the same from the same arguments.

    Attributes:
        patterns: Background patterns, by `Texture.kind`: generator and size to (size, size) in
            [0, 1].
        surfaces: The background's two colours, from a generator and the palette's hue.
        pebble: A blob coloured as heads are, shaped as none is.
        thing: An object at a place in an image of a size.
        text: A word.
        face: A head seen close; its skin's chroma is moved by the fourth argument.
        person: A body, and the head to be laid over it; only faces' skin is moved.
        lit: From how far a point lies towards the light (figure sizes) to a factor on its colour.
        mark: Draws the watermark.
        mark_place: Where the watermark is.
    """

    patterns: tuple[Callable[[np.random.Generator, int], Floats], ...]
    surfaces: Callable[[np.random.Generator, float], tuple[Colour, Colour]]
    pebble: Callable[[np.random.Generator, int], Canvas]
    thing: Callable[[Thing, Place, int], Canvas]
    text: Callable[[Figure, Place, int], Canvas]
    face: Callable[[Figure, Place, float, int], Canvas]
    person: Callable[[Person, Place, float, int], tuple[Canvas, Canvas]]
    lit: Callable[[Floats], Floats]
    mark: Callable[[Canvas], None]
    mark_place: Place
