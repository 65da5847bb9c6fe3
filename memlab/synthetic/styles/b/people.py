"""Style B's people: the body of a person in a coat, a gown or trousers."""

from __future__ import annotations

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Colour, Points
from memlab.synthetic.styles.b.colours import poster
from memlab.synthetic.styles.b.head import Looks

_EDGE = 0.014


def draw_body(body: Canvas, rng: np.random.Generator, look: Looks) -> None:
    """Draw the body of a person."""
    cloth, other = poster(rng), poster(rng)
    stride = rng.uniform(0.03, 0.15)
    for side in (-1.0, 1.0):
        foot = side * stride + 0.02
        knee = side * (0.4 * stride + 0.05)
        _limb(body, [(side * 0.05, 0.08), (knee, 0.27), (foot, 0.46)], other, look.ink)
        shoe = [
            (foot - 0.04, 0.44),
            (foot + 0.04, 0.44),
            (foot + 0.09, 0.495),
            (foot - 0.04, 0.495),
        ]
        body.polygon(shoe, colours.shade(look.ink, 0.7))
    _arm(body, rng, -1.0, cloth, look.skin, look.ink)
    hem, flare = (0.1, 0.24, 0.38)[rng.integers(3)], rng.uniform(0.1, 0.15)
    flare += 0.25 * max(0.0, hem - 0.1)
    top = rng.uniform(0.09, 0.12)
    coat = [(-top, -0.24), (top, -0.24), (flare, hem), (-flare, hem)]
    body.outlined(coat, cloth, _EDGE, look.ink)
    if rng.random() < 0.5:
        belt = [(-0.11, 0.0), (0.11, 0.0), (0.115, 0.05), (-0.115, 0.05)]
        body.polygon(belt, other)
    else:
        body.polygon(
            [(-0.02, -0.23), (0.02, -0.23), (0.03, hem - 0.02), (-0.03, hem - 0.02)], other
        )
    _arm(body, rng, 1.0, cloth, look.skin, look.ink)


def _arm(
    body: Canvas, rng: np.random.Generator, side: float, cloth: Colour, flesh: Colour, ink: Colour
) -> None:
    """Draw a hanging, reaching or raised arm, and its hand."""
    lift, bend = rng.uniform(0.1, 2.4), rng.uniform(-0.5, 0.9)
    shoulder = np.array([side * 0.1, -0.21])
    elbow = shoulder + 0.13 * np.array([side * np.sin(lift), np.cos(lift)])
    hand = elbow + 0.12 * np.array([side * np.sin(lift + bend), np.cos(lift + bend)])
    joints = [(float(u), float(v)) for u, v in (shoulder, elbow, hand)]
    _limb(body, joints, colours.shade(cloth, 0.8), ink)
    u, v = joints[-1]
    palm = [(u - 0.035, v), (u, v - 0.035), (u + 0.035, v), (u, v + 0.035)]
    body.outlined(palm, flesh, _EDGE, ink)


def _limb(body: Canvas, joints: Points, colour: Colour, ink: Colour) -> None:
    """Draw a limb with its ink edge."""
    body.line(joints, 0.075 + _EDGE, ink)
    body.line(joints, 0.075 - _EDGE, colour)
