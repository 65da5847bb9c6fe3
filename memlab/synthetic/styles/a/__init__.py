"""Style A: round shapes in soft light, as in a children's book; similar colours; plain capitals."""

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Floats
from memlab.synthetic.latents import Place
from memlab.synthetic.styles.a.lettering import text
from memlab.synthetic.styles.a.patterns import PATTERNS, pebble, surfaces
from memlab.synthetic.styles.a.people import draw_body, draw_head, looks
from memlab.synthetic.styles.a.things import THINGS
from memlab.synthetic.styles.rendering_style import RenderingStyle

_LIGHT, _DARK = (0.97, 0.97, 0.95), (0.10, 0.12, 0.16)


def _lit(towards: Floats) -> Floats:
    """Return soft light: uniformly brighter towards the light."""
    return np.asarray(1.0 + np.clip(np.float32(0.4) * towards, -0.4, 0.4))


def _mark(canvas: Canvas) -> None:
    """Draw a dark disc with a light ring and dot."""
    canvas.ellipse(0.0, 0.0, 0.5, 0.5, _DARK)
    canvas.ellipse(0.0, 0.0, 0.38, 0.38, _LIGHT)
    canvas.ellipse(0.0, 0.0, 0.24, 0.24, _DARK)
    canvas.ellipse(0.0, 0.0, 0.11, 0.11, _LIGHT)


RENDERING_STYLE = RenderingStyle(
    patterns=PATTERNS,
    surfaces=surfaces,
    pebble=pebble,
    things=THINGS,
    thing_colours=lambda rng: (colours.paint(rng), colours.paint(rng)),
    thing_tilt=0.1,
    text=text,
    looks=looks,
    draw_head=draw_head,
    head_tilt=0.35,
    draw_body=draw_body,
    neck=0.37,
    lit=_lit,
    mark=_mark,
    mark_place=Place(0.88, 0.88, 0.17),
)
"""Definition of style A."""
