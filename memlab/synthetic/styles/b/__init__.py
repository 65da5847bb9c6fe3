"""Style B: angular paper cuts with ink outlines, two-tone shading, poster colours, strokes."""

import numpy as np

from memlab.synthetic.canvas import Canvas, Floats
from memlab.synthetic.latents import Place
from memlab.synthetic.styles.b.colours import INK, ink_of, poster, surfaces
from memlab.synthetic.styles.b.head import draw_head, looks
from memlab.synthetic.styles.b.lettering import text
from memlab.synthetic.styles.b.patterns import PATTERNS, pebble
from memlab.synthetic.styles.b.people import draw_body
from memlab.synthetic.styles.b.things import THINGS
from memlab.synthetic.styles.rendering_style import RenderingStyle

_PAPER, _RED = (0.96, 0.93, 0.84), (0.80, 0.16, 0.14)


def _lit(towards: Floats) -> Floats:
    """Return two flat tones: a lit side and a shadow side."""
    return np.asarray(0.95 + np.float32(0.15) * np.clip(np.float32(20.0) * towards, -1.0, 1.0))


def _mark(canvas: Canvas) -> None:
    """Draw a paper diamond with an ink edge and a red bolt."""
    canvas.polygon([(0.0, -0.5), (0.5, 0.0), (0.0, 0.5), (-0.5, 0.0)], INK)
    canvas.polygon([(0.0, -0.39), (0.39, 0.0), (0.0, 0.39), (-0.39, 0.0)], _PAPER)
    canvas.polygon([(0.1, -0.28), (-0.2, 0.04), (0.0, 0.04)], _RED)
    canvas.polygon([(-0.1, 0.28), (0.2, -0.04), (0.0, -0.04)], _RED)


RENDERING_STYLE = RenderingStyle(
    patterns=PATTERNS,
    surfaces=surfaces,
    pebble=pebble,
    things=THINGS,
    thing_colours=lambda rng: (poster(rng), poster(rng), ink_of(rng)),
    thing_tilt=0.15,
    text=text,
    looks=looks,
    draw_head=draw_head,
    head_tilt=0.45,
    draw_body=draw_body,
    neck=0.36,
    lit=_lit,
    mark=_mark,
    mark_place=Place(0.13, 0.13, 0.22),
)
"""Definition of style B."""
