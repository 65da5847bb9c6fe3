"""Supersampled drawing surface for one figure, in the figure's own coordinates.

Coordinates (u, v) have their origin at the figure's centre, u to the right, v downwards. The
figure's size is 1. Colours are RGB triples in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from memlab.synthetic.latents import Place

Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]
Floats = NDArray[np.float32]
Box = tuple[slice, slice]

_ANGLES = np.linspace(0.0, 2.0 * np.pi, 28, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


class Canvas:
    """Drawing of one figure, to be composited over an image.

    Parts farther than .75 from the figure's centre, horizontally or vertically, are cut off.

    Args:
        size: the image's width and height, pixels.
        x: the figure's centre from the left, share of the image's width.
        y: the figure's centre from the top, share of the image's height.
        scale: the figure's size, share of the image's width.
        tilt: rotation, radians, clockwise as seen.
        mirror: whether to swap left and right.
    """

    def __init__(
        self,
        size: int,
        x: float,
        y: float,
        scale: float,
        tilt: float = 0.0,
        mirror: bool = False,
    ) -> None:
        """Create an empty drawing."""
        self.factor = 4 if size <= 96 else 2
        reach = 0.75 * scale
        left, top = (min(size - 1, max(0, math.floor((at - reach) * size))) for at in (x, y))
        right, bottom = (min(size, max(1, math.ceil((at + reach) * size))) for at in (x, y))
        self._left, self._top, self._right, self._bottom = left, top, right, bottom
        self._unit = scale * size * self.factor
        self._origin = (np.array([x, y]) * size - (left, top)) * self.factor
        cos, sin = np.cos(tilt), np.sin(tilt)
        turn = np.array([[cos, sin], [-sin, cos]]) * ([[-1.0], [1.0]] if mirror else 1.0)
        self._matrix = turn * self._unit
        # Use four separate bands, because Pillow un-premultiplies RGBA when it shrinks. The fourth
        # band is the coverage. Averaging the zeros around a figure premultiplies its colours.
        shape = (right - left) * self.factor, (bottom - top) * self.factor
        self._image = Image.new("RGBX", shape)
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: Points | NDArray[np.float64], colour: Colour) -> None:
        """Fill a polygon given by its corners (u, v)."""
        pixels = np.asarray(points) @ self._matrix + self._origin
        self._draw.polygon(pixels.ravel().tolist(), fill=_ink(colour))

    def outlined(
        self, points: Points | NDArray[np.float64], colour: Colour, width: float, ink: Colour
    ) -> None:
        """Fill a polygon and draw its edge, ``width`` figure units thick, half of it inside."""
        pixels = np.asarray(points) @ self._matrix + self._origin
        corners = pixels.ravel().tolist()
        self._draw.polygon(corners, fill=_ink(colour))
        thick = max(1, round(width * self._unit))
        self._draw.line(corners + corners[:4], _ink(ink), thick, joint="curve")

    def ellipse(self, u: float, v: float, ru: float, rv: float, colour: Colour) -> None:
        """Fill an ellipse with centre (u, v) and radii ``ru`` and ``rv``."""
        self.polygon(_CIRCLE * (ru, rv) + (u, v), colour)

    def box(self, u0: float, v0: float, u1: float, v1: float, colour: Colour) -> None:
        """Fill a rectangle between two corners."""
        self.polygon([(u0, v0), (u1, v0), (u1, v1), (u0, v1)], colour)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        """Draw a line of ``width`` figure units with round ends."""
        pixels = np.asarray(points) @ self._matrix + self._origin
        thick = max(1.0, width * self._unit)
        self._draw.line(pixels.ravel().tolist(), _ink(colour), round(thick), joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            r = thick / 2.0
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=_ink(colour))

    def stamp(self, stencil: Image.Image, colour: Colour) -> None:
        """Colour the image where ``stencil`` (mode L, centred on the figure) is not black."""
        corner = self._origin - np.array(stencil.size) / 2.0
        x, y = (int(value) for value in np.round(corner))
        self._image.paste(_ink(colour), (x, y), stencil)

    def over(
        self, image: Floats, light: float, lit: Callable[[Floats], Floats] | None
    ) -> tuple[Box, Floats]:
        """Composite the drawing over an image, in place.

        Args:
            image: (size, size, 3) RGB.
            light: direction the light comes from, radians.
            lit: function from a point's distance to the figure's centre towards the light, in
                figure units, to the factor on its colour; None if the drawing ignores the light.

        Returns:
            The rows and columns of the drawing, and its coverage there, (h, w) in [0, 1].
        """
        bands = np.asarray(self._image.reduce(self.factor), np.float32) * np.float32(1.0 / 255.0)
        colours, cover = bands[..., :3], bands[..., 3:]
        if lit is not None:
            unit = self.factor / self._unit
            across, down = (
                ((np.arange(bands.shape[1 - axis]) + 0.5) * unit - self._origin[axis] / self._unit)
                for axis in (0, 1)
            )
            towards = across * np.cos(light) + (down * np.sin(light))[:, None]
            colours = colours * lit(towards.astype(np.float32))[..., None]
        box = (slice(self._top, self._bottom), slice(self._left, self._right))
        part = image[box]
        part *= np.float32(1.0) - cover
        part += colours
        return box, cover[..., 0]


def grid(size: int) -> tuple[Floats, Floats]:
    """Return centres of pixels in shares of an image: across, (1, size), and down, (size, 1)."""
    line = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return line[None, :], line[:, None]


def tilted(position: Place, size: int, rng: np.random.Generator, most: float) -> Canvas:
    """Create a canvas with a random tilt of up to ``most`` radians, randomly mirrored.

    Args:
        position: position and size.
        size: the image's width, pixels.
        rng: generator of tilt and mirroring.
        most: the largest tilt, radians.
    """
    tilt, mirror = rng.uniform(-most, most), bool(rng.random() < 0.5)
    return Canvas(size, position.x, position.y, position.size, tilt, mirror)


def _ink(colour: Colour) -> tuple[int, int, int, int]:
    """Return the bytes of a colour, with full coverage."""
    red, green, blue = colour
    return _byte(red), _byte(green), _byte(blue), 255


def _byte(band: float) -> int:
    return 0 if band < 0.0 else 255 if band > 1.0 else int(255.0 * band + 0.5)
