"""Style A's words: plain capitals, on a sign or outlined."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas
from memlab.synthetic.latents import Figure, Place

_WORDS = (
    "OPEN",
    "CAFE",
    "STOP",
    "HELLO",
    "TAXI",
    "HOTEL",
    "EXIT",
    "MUSIC",
    "NEWS",
    "PIZZA",
    "SALE",
    "TEA",
)


def text(figure: Figure, place: Place, size: int) -> Canvas:
    """Draw a word in capitals, on a sign or with an outline of the opposite lightness.

    Args:
        figure: variant.
        place: position and width.
        size: the image's width, pixels.
    """
    rng = np.random.default_rng(figure.variant)
    canvas = Canvas(size, place.x, place.y, place.size)
    light, dark = colours.shade(colours.paint(rng), 1.75), colours.shade(colours.paint(rng), 0.35)
    ink, ground = (light, dark) if rng.random() < 0.5 else (dark, light)
    word, sign = _WORDS[rng.integers(len(_WORDS))], bool(rng.random() < 0.5)
    letters = _letters(word, round(0.9 * place.size * size * canvas.factor), stroke=not sign)
    if sign:
        high = 0.5 * letters[0].height / (place.size * size * canvas.factor) + 0.05
        canvas.box(-0.5, -high, 0.5, high, ground)
    else:
        canvas.stamp(letters[1], ground)
    canvas.stamp(letters[0], ink)
    return canvas


def _letters(word: str, width: int, stroke: bool) -> tuple[Image.Image, Image.Image]:
    """Return stencils (mode L) of a word ``width`` pixels wide: its letters, and their outline."""
    font = _font(max(8, round(width / (0.62 * max(len(word), 4)))))
    left, top, right, bottom = (round(edge) for edge in font.getbbox(word))
    thick = max(1, round((bottom - top) * 0.14)) if stroke else 0
    extent = (right - left + 2 * thick, bottom - top + 2 * thick)
    inner, outer = Image.new("L", extent), Image.new("L", extent)
    corner = (thick - left, thick - top)
    ImageDraw.Draw(inner).text(corner, word, 255, font, stroke_width=round(0.25 * thick))
    if stroke:
        ImageDraw.Draw(outer).text(corner, word, 255, font, stroke_width=thick)
    return inner, outer


@cache
def _font(height: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font, ``height`` pixels high."""
    font = ImageFont.load_default(height)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType: text cannot be drawn")
    return font
