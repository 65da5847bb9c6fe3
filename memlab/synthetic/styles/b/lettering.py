"""Style B's words: slanted letters of straight strokes with an uneven baseline."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas
from memlab.synthetic.latents import Figure, Place
from memlab.synthetic.styles.b.colours import poster

# Strokes of each letter, from point to point; a point is column 0-2, row 0-4.
_STROKES = {
    "A": "04-01-10-21-24 02-22",
    "B": "00-10-21-12-02 12-23-14-04-00",
    "D": "00-10-21-23-14-04-00",
    "E": "20-00-04-24 02-12",
    "F": "20-00-04 02-12",
    "G": "21-10-01-03-14-23-22-12",
    "H": "00-04 20-24 02-22",
    "I": "10-14",
    "K": "00-04 20-02-24",
    "L": "00-04-24",
    "M": "04-00-12-20-24",
    "N": "04-00-24-20",
    "O": "10-21-23-14-03-01-10",
    "P": "04-00-10-21-12-02",
    "R": "04-00-10-21-12-02 12-24",
    "S": "20-10-01-23-14-04",
    "T": "00-20 10-14",
    "U": "00-03-14-23-20",
    "V": "00-14-20",
    "W": "00-04-12-24-20",
    "Y": "00-12-20 12-14",
    "Z": "00-20-04-24",
}
_WORDS = ("BOOK", "MILK", "LUNA", "RADIO", "BANK", "FISH", "PARK", "WINE", "KIWI", "DOOR", "ZOO")
_UNIT = 18  # pixels of a stencil between two points
_SLANT = 0.22


def text(figure: Figure, place: Place, size: int) -> Canvas:
    """Draw a word, on a ribbon or with a wide outline.

    Args:
        figure: variant.
        place: position and width.
        size: the image's width, pixels.
    """
    rng = np.random.default_rng(figure.variant)
    canvas = Canvas(size, place.x, place.y, place.size)
    light, dark = colours.shade(poster(rng), 1.8), colours.shade(poster(rng), 0.3)
    ink, ground = (light, dark) if rng.random() < 0.5 else (dark, light)
    word, ribbon = _WORDS[rng.integers(len(_WORDS))], bool(rng.random() < 0.5)
    letters, outline = _stencils(word)
    wide = max(1, round(0.96 * place.size * size * canvas.factor))
    extent = (wide, max(1, round(wide * letters.height / letters.width)))
    if ribbon:
        high = 0.5 * extent[1] / extent[0] + 0.02
        canvas.polygon([(-0.5, -high), (0.46, -high), (0.5, high), (-0.46, high)], ground)
    else:
        canvas.stamp(outline.resize(extent, Image.Resampling.BILINEAR), ground)
    canvas.stamp(letters.resize(extent, Image.Resampling.BILINEAR), ink)
    return canvas


@cache
def _stencils(word: str) -> tuple[Image.Image, Image.Image]:
    """Return two stencils (mode L) of a word: its strokes, and much wider strokes."""
    margin = _UNIT
    wide = round(_UNIT * (3.1 * len(word) - 0.6 + 4 * _SLANT)) + 2 * margin
    high = round(4.7 * _UNIT) + 2 * margin
    drawn = []
    for thick in (0.62, 1.5):
        stencil = Image.new("L", (wide, high))
        draw = ImageDraw.Draw(stencil)
        radius = 0.5 * thick * _UNIT
        for number, letter in enumerate(word):
            for stroke in _STROKES[letter].split():
                points = [(int(point[0]), int(point[1])) for point in stroke.split("-")]
                where = [
                    (
                        margin + _UNIT * (3.1 * number + column + _SLANT * (4 - row)),
                        margin + _UNIT * (row + 0.7 * (number % 2)),
                    )
                    for column, row in points
                ]
                draw.line(where, 255, round(2.0 * radius), joint="curve")
                for x, y in (where[0], where[-1]):
                    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        drawn.append(stencil)
    return drawn[0], drawn[1]
