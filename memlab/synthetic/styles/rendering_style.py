"""Definition of a rendering style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memlab.synthetic.canvas import Canvas, Colour, Floats
from memlab.synthetic.latents import Figure, Person, Place, Thing


@dataclass(frozen=True)
class RenderingStyle:
    """Rendering style; every function is deterministic in its arguments.

    Attributes:
        patterns: background patterns, by `Texture.kind`: generator and size to (size, size) in
            [0, 1].
        surfaces: the background's two colours, from a generator and the palette's hue.
        pebble: a blob with the colours of heads and another shape.
        thing: an object at a position in an image of a size.
        text: a word.
        face: a close-up head; the third argument shifts the chroma of its skin.
        person: a body, and the head to composite over it; only the face's skin is shifted.
        lit: function from a point's distance towards the light (figure sizes) to a colour factor.
        mark: function that draws the watermark.
        mark_place: position of the watermark.
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
