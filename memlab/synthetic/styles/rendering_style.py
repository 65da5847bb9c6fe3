"""Definition of a rendering style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from memlab.synthetic.canvas import Canvas, Colour, Floats, tilted
from memlab.synthetic.latents import Figure, Person, Place, Thing

Looks = TypeVar("Looks")
"""Type of the random properties of a head."""


@dataclass(frozen=True)
class RenderingStyle(Generic[Looks]):
    """Rendering style; every function is deterministic in its arguments.

    Attributes:
        patterns: background patterns, by `Texture.kind`: generator and size to (size, size) in
            [0, 1].
        surfaces: the background's two colours, from a generator and the palette's hue.
        pebble: a blob with the colours of heads and another shape.
        things: functions that draw an object, by `Thing.kind`, from a generator and its colours.
        thing_colours: colours of an object.
        thing_tilt: largest tilt of an object, radians.
        text: a word.
        looks: random properties of a head.
        draw_head: function that draws a head one unit high, from its properties, a shift of the
            chroma of its skin, and whether it faces the viewer.
        head_tilt: largest tilt of a close-up head, radians.
        draw_body: function that draws the body of a person with the properties of a head.
        neck: distance of a person's head above the centre, in body heights.
        lit: function from a point's distance towards the light (figure sizes) to a colour factor.
        mark: function that draws the watermark.
        mark_place: position of the watermark.
    """

    patterns: tuple[Callable[[np.random.Generator, int], Floats], ...]
    surfaces: Callable[[np.random.Generator, float], tuple[Colour, Colour]]
    pebble: Callable[[np.random.Generator, int], Canvas]
    things: tuple[Callable[..., None], ...]
    thing_colours: Callable[[np.random.Generator], tuple[Colour, ...]]
    thing_tilt: float
    text: Callable[[Figure, Place, int], Canvas]
    looks: Callable[[np.random.Generator], Looks]
    draw_head: Callable[[Canvas, Looks, float, bool], None]
    head_tilt: float
    draw_body: Callable[[Canvas, np.random.Generator, Looks], None]
    neck: float
    lit: Callable[[Floats], Floats]
    mark: Callable[[Canvas], None]
    mark_place: Place

    def thing(self, figure: Thing, place: Place, size: int) -> Canvas:
        """Draw an object.

        Args:
            figure: kind and variant.
            place: position and size.
            size: the image's width, pixels.
        """
        rng = np.random.default_rng(figure.variant)
        canvas = tilted(place, size, rng, self.thing_tilt)
        self.things[figure.kind](canvas, rng, *self.thing_colours(rng))
        return canvas

    def face(self, figure: Figure, place: Place, flush: float, size: int) -> Canvas:
        """Draw a close-up head.

        Args:
            figure: variant.
            place: position and size.
            flush: shift of the skin's chroma, −1 pallid to 1 flushed.
            size: the image's width, pixels.
        """
        rng = np.random.default_rng(figure.variant)
        canvas = tilted(place, size, rng, self.head_tilt)
        self.draw_head(canvas, self.looks(rng), flush, True)
        return canvas

    def person(
        self, figure: Person, place: Place, flush: float, size: int
    ) -> tuple[Canvas, Canvas]:
        """Draw a whole person.

        Args:
            figure: variant, and whether the face shows.
            place: position and height.
            flush: shift of the chroma of the face's skin, −1 pallid to 1 flushed.
            size: the image's width, pixels.

        Returns:
            The body, and the head to composite over it.
        """
        rng = np.random.default_rng(figure.variant)
        look = self.looks(rng)
        mirror = bool(rng.random() < 0.5)
        body = Canvas(size, place.x, place.y, place.size, mirror=mirror)
        self.draw_body(body, rng, look)
        above = place.y - self.neck * place.size
        head = Canvas(size, place.x, above, 0.28 * place.size, 0.0, mirror)
        self.draw_head(head, look, flush, figure.facing)
        return body, head
