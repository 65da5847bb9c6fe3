"""Style A's people: a head, and a body with clothes and a pose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Colour

_WHITE = (0.96, 0.95, 0.92)
_BLACK = (0.07, 0.06, 0.06)


@dataclass(frozen=True)
class Looks:
    """Random properties of a head; lengths in units of the head's height."""

    skin: Colour
    hair: Colour
    iris: Colour
    style: int
    apart: float
    eye: float
    smile: float
    brow: float
    nose: float
    width: float
    yaw: float
    glasses: bool
    beard: bool


def looks(rng: np.random.Generator) -> Looks:
    """Draw the random properties of a head."""
    return Looks(
        skin=colours.skin(rng),
        hair=colours.hair(rng),
        iris=colours.paint(rng),
        style=int(rng.integers(5)),
        apart=rng.uniform(0.13, 0.17),
        eye=rng.uniform(0.055, 0.075),
        smile=rng.uniform(-0.01, 0.12),
        brow=rng.uniform(-0.03, 0.012),
        nose=rng.uniform(0.10, 0.15),
        width=rng.uniform(0.31, 0.37),
        yaw=rng.uniform(-0.1, 0.1),
        glasses=bool(rng.random() < 0.2),
        beard=bool(rng.random() < 0.2),
    )


def draw_head(canvas: Canvas, look: Looks, flush: float, facing: bool) -> None:
    """Draw a head one unit high: from the front, or from behind if turned away."""
    wide = look.width
    born = look.skin
    if facing:
        look = replace(look, skin=colours.flushed(born, flush))
    if look.style in (1, 2):  # long hair, or a bob, hangs behind the face
        canvas.ellipse(0.0, -0.06, wide + 0.06, 0.42, look.hair)
        canvas.box(-wide - 0.06, -0.06, wide + 0.06, 0.44 if look.style == 1 else 0.2, look.hair)
    if look.style == 3:
        canvas.ellipse(0.0, -0.42, 0.12, 0.08, look.hair)
    canvas.box(-0.13, 0.25, 0.13, 0.5, colours.shade(look.skin, 0.8))
    for side in (-1.0, 1.0):
        canvas.ellipse(side * wide, 0.03, 0.05, 0.08, colours.shade(look.skin, 0.9))
    canvas.ellipse(0.0, -0.04, wide + 0.02, 0.42, look.hair if look.style != 4 else look.skin)
    if not facing:
        return
    canvas.ellipse(0.0, 0.04, wide, 0.38, look.skin)
    _fringe(canvas, look)
    if look.beard:
        _beard(canvas, look)
    for side in (-1.0, 1.0):
        _eye(canvas, look, side)
    shadow = colours.shade(look.skin, 0.68)
    middle = look.yaw
    base = 0.02 + look.nose
    canvas.polygon([(middle, -0.02), (middle + 0.05, base), (middle - 0.045, base + 0.01)], shadow)
    u = np.linspace(-0.12, 0.12, 9)
    v = 0.26 - look.smile * (u / 0.12) ** 2
    lips = (0.55 * born[0] + 0.25, 0.35 * born[1] + 0.05, 0.35 * born[2] + 0.08)
    canvas.line(list(zip(u + middle, v, strict=True)), 0.045, colours.shade(lips, 0.75))


def _fringe(canvas: Canvas, look: Looks) -> None:
    """Draw the hair over the forehead."""
    if look.style == 4:
        return
    u = np.linspace(-look.width, look.width, 11)
    crown = -0.04 - 0.42 * np.sqrt(np.clip(1.0 - (u / (look.width + 0.02)) ** 2, 0.0, 1.0))
    part = 0.5 * look.yaw / 0.1 * look.width
    edge = -0.27 + 0.20 * ((u - part) / (look.width + abs(part))) ** 2
    points = np.concatenate([np.stack([u, crown], 1), np.stack([u, edge], 1)[::-1]])
    canvas.polygon(points, look.hair)


def _beard(canvas: Canvas, look: Looks) -> None:
    """Draw a beard along the jaw."""
    turns = np.linspace(0.15, np.pi - 0.15, 13)
    outer = np.stack([look.width * np.cos(turns), 0.05 + 0.38 * np.sin(turns)], 1)
    inner = np.stack([0.8 * look.width * np.cos(turns), 0.08 + 0.13 * np.sin(turns)], 1)
    canvas.polygon(np.concatenate([outer, inner[::-1]]), look.hair)


def _eye(canvas: Canvas, look: Looks, side: float) -> None:
    """Draw the eye and brow on one side (−1 left, 1 right)."""
    u, v = side * look.apart + look.yaw, -0.02
    canvas.ellipse(u, v, look.eye * 1.35, look.eye * 0.85, _WHITE)
    canvas.ellipse(u + 0.3 * look.yaw, v, look.eye * 0.75, look.eye * 0.75, look.iris)
    canvas.ellipse(u + 0.3 * look.yaw, v, look.eye * 0.48, look.eye * 0.48, _BLACK)
    dark = colours.shade(look.hair, 0.6)
    inner, outer = u - side * 0.08, u + side * 0.09
    canvas.line([(inner, v - 0.11 + look.brow), (outer, v - 0.12 - look.brow)], 0.035, dark)
    if look.glasses:
        turns = np.linspace(0.0, 2.0 * np.pi, 17)
        rim = zip(u + 0.125 * np.cos(turns), v + 0.105 * np.sin(turns), strict=True)
        canvas.line(list(rim), 0.025, _BLACK)
        canvas.line([(look.yaw, v), (u - side * 0.12, v)], 0.025, _BLACK)


def draw_body(body: Canvas, rng: np.random.Generator, look: Looks) -> None:
    """Draw the body of a person."""
    top, bottom = colours.paint(rng), colours.paint(rng)
    _legs(body, rng, look.skin, bottom)
    shoulder, hip = rng.uniform(0.125, 0.15), rng.uniform(0.095, 0.12)
    body.box(-0.035, -0.3, 0.035, -0.22, colours.shade(look.skin, 0.8))
    trunk = [(-shoulder, -0.24), (shoulder, -0.24), (hip, 0.09), (-hip, 0.09)]
    body.polygon(trunk, top)
    if rng.random() < 0.35:
        body.polygon([(-hip, 0.03), (hip, 0.03), (hip + 0.07, 0.26), (-hip - 0.07, 0.26)], top)
    sleeve = top if rng.random() < 0.6 else look.skin
    for side in (-1.0, 1.0):
        _arm(body, rng, side, shoulder, top, sleeve, look.skin)


def _legs(body: Canvas, rng: np.random.Generator, flesh: Colour, cloth: Colour) -> None:
    """Draw two legs in a random stance, sometimes bare below the knee, with shoes."""
    shoe = colours.shade(colours.paint(rng), 0.6)
    bare = rng.random() < 0.3
    for side in (-1.0, 1.0):
        knee, foot = side * rng.uniform(0.055, 0.10), side * rng.uniform(0.06, 0.15)
        body.line([(knee, 0.26), (foot, 0.46)], 0.075, flesh if bare else cloth)
        body.line([(side * 0.055, 0.07), (knee, 0.26)], 0.1, cloth)
        body.line([(foot - 0.01, 0.47), (foot + 0.045, 0.47)], 0.055, shoe)


def _arm(
    body: Canvas,
    rng: np.random.Generator,
    side: float,
    shoulder: float,
    top: Colour,
    sleeve: Colour,
    flesh: Colour,
) -> None:
    """Draw one arm: a hanging or lifted upper arm, and a lower arm bent at the elbow."""
    lift, bend = rng.uniform(0.1, 0.7), rng.uniform(-0.4, 1.5)
    start = np.array([side * (shoulder - 0.02), -0.205])
    elbow = start + 0.14 * np.array([side * np.sin(lift), np.cos(lift)])
    hand = elbow + 0.14 * np.array([side * np.sin(lift + bend), np.cos(lift + bend)])
    start_, elbow_, hand_ = ((float(p[0]), float(p[1])) for p in (start, elbow, hand))
    body.line([elbow_, hand_], 0.06, sleeve)
    body.line([start_, elbow_], 0.07, colours.shade(top, 0.85))
    body.ellipse(*hand_, 0.038, 0.038, flesh)
