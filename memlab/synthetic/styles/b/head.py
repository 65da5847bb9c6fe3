"""Style B's heads: cut from paper, half turned to one side, with eyes of ink."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memlab.synthetic import colours
from memlab.synthetic.canvas import Canvas, Colour
from memlab.synthetic.styles.b.colours import INK, ink_of, mane, poster

_WHITE = (0.97, 0.95, 0.90)
_EDGE = 0.028
_HAIR = ("spikes", "fringe", "tails", "cloud", "cap", "hood", "bald")


@dataclass(frozen=True)
class Looks:
    """Random properties of a head; lengths in units of the head's height."""

    skin: Colour
    hair: Colour
    cloth: Colour
    lips: Colour
    ink: Colour
    style: str
    jaw: float
    cheek: float
    chin: float
    turn: float
    eyes: int
    apart: float
    brow: float
    mouth: int
    moustache: bool
    ragged: tuple[float, ...]


def looks(rng: np.random.Generator) -> Looks:
    """Draw the random properties of a head."""
    return Looks(
        skin=colours.skin(rng),
        hair=mane(rng),
        cloth=poster(rng),
        lips=colours.shade(poster(rng), 0.6),
        ink=ink_of(rng),
        style=_HAIR[rng.integers(len(_HAIR))],
        jaw=rng.uniform(0.16, 0.28),
        cheek=rng.uniform(0.28, 0.35),
        chin=rng.uniform(0.34, 0.42),
        turn=rng.uniform(0.0, 0.1),
        eyes=int(rng.integers(4)),
        apart=rng.uniform(0.13, 0.17),
        brow=rng.uniform(-0.05, 0.05),
        mouth=int(rng.integers(3)),
        moustache=bool(rng.random() < 0.15),
        ragged=tuple(rng.uniform(0.0, 1.0, 9)),
    )


def draw_head(canvas: Canvas, look: Looks, flush: float, facing: bool) -> None:
    """Draw a head one unit high: half from the front, or from behind if turned away."""
    if facing:
        look = replace(look, skin=colours.flushed(look.skin, flush))
    outline = _outline(look)
    _behind(canvas, look)
    neck = [(-0.1, 0.2), (0.1, 0.2), (0.14, 0.49), (-0.14, 0.49)]
    canvas.outlined(neck, colours.shade(look.skin, 0.75), _EDGE, look.ink)
    ear = [(-look.cheek + 0.03, -0.05), (-look.cheek - 0.09, -0.08), (-look.cheek + 0.03, 0.13)]
    canvas.outlined(ear, colours.shade(look.skin, 0.9), _EDGE, look.ink)
    if not facing:
        covered = {"bald": look.skin, "cap": look.cloth, "hood": look.cloth}
        canvas.outlined(outline, covered.get(look.style, look.hair), _EDGE, look.ink)
        return
    canvas.outlined(outline, look.skin, _EDGE, look.ink)
    far_side = [*outline[1:4], (look.turn + 0.12, 0.2), (look.turn + 0.2, -0.1)]
    canvas.polygon(far_side, colours.shade(look.skin, 0.8))
    _eyes(canvas, look)
    _mouth(canvas, look)
    u = look.turn
    canvas.polygon(
        [(u - 0.02, -0.08), (u + 0.1, 0.1), (u - 0.03, 0.12)], colours.shade(look.skin, 0.6)
    )
    _over(canvas, look)


def _outline(look: Looks) -> NDArray[np.float64]:
    """Return the corners of the head, clockwise from the right of the crown."""
    cheek, jaw, chin = look.cheek, look.jaw, look.chin
    right = [(0.7 * cheek, -0.4), (cheek, -0.16), (0.97 * cheek, 0.08), (jaw, 0.3), (0.06, chin)]
    left = [(-u, v) for u, v in reversed(right)]
    return np.array(right + left)


def _behind(canvas: Canvas, look: Looks) -> None:
    """Draw hair and other parts behind the head."""
    wide = look.cheek
    if look.style == "tails":
        for side in (-1.0, 1.0):
            tail = [(0.8 * wide, -0.2), (wide + 0.14, 0.0), (wide + 0.05, 0.4), (0.7 * wide, 0.15)]
            canvas.outlined([(side * u, v) for u, v in tail], look.hair, _EDGE, look.ink)
    elif look.style == "fringe":
        bob = [(-wide - 0.07, 0.22), (-wide - 0.05, -0.3), (wide + 0.05, -0.3), (wide + 0.07, 0.22)]
        canvas.outlined(bob, look.hair, _EDGE, look.ink)
    elif look.style == "cloud":
        turns = np.linspace(0.0, 2.0 * np.pi, 9, endpoint=False)
        reach = 0.38 + 0.09 * np.array(look.ragged)
        cloud = np.stack([reach * np.cos(turns), -0.12 + 0.9 * reach * np.sin(turns)], axis=1)
        canvas.outlined(cloud, look.hair, _EDGE, look.ink)
    elif look.style == "hood":
        hood = [(0.0, -0.5), (wide + 0.09, -0.2), (wide + 0.06, 0.3), (0.24, 0.49)]
        hood += [(-u, v) for u, v in reversed(hood[1:])]
        canvas.outlined(hood, look.cloth, _EDGE, look.ink)


def _over(canvas: Canvas, look: Looks) -> None:
    """Draw hair and other parts over the forehead."""
    wide, crown = look.cheek, [(0.72 * look.cheek, -0.42), (-0.72 * look.cheek, -0.42)]
    if look.style in ("spikes", "tails", "cloud"):
        u = np.linspace(-wide - 0.01, wide + 0.01, 9)
        low = np.where(np.arange(9) % 2, -0.27, -0.13) - 0.1 * np.array(look.ragged)
        teeth: list[tuple[float, float]] = list(zip(u.tolist(), low.tolist(), strict=True))
        if look.style == "spikes":
            tall = np.where(np.arange(9) % 2, -0.49, -0.38)
            crown = list(zip((0.9 * u[::-1]).tolist(), tall.tolist(), strict=True))
        canvas.outlined([*teeth, *crown], look.hair, _EDGE, look.ink)
    elif look.style == "fringe":
        edge = -0.2 + 0.08 * look.ragged[0]
        canvas.outlined([(-wide, edge), (wide, edge), *crown], look.hair, _EDGE, look.ink)
    elif look.style == "cap":
        canvas.outlined([(-wide - 0.02, -0.2), (wide, -0.2), *crown], look.cloth, _EDGE, look.ink)
        brim = [(0.0, -0.24), (wide + 0.15, -0.2), (wide + 0.13, -0.13), (0.0, -0.17)]
        canvas.outlined(brim, colours.shade(look.cloth, 0.7), _EDGE, look.ink)
    elif look.style == "hood":
        rim = [(-wide, -0.12), (0.0, -0.34), (wide, -0.12), (0.8 * wide, -0.4), (0.0, -0.48)]
        canvas.outlined([*rim, (-0.8 * wide, -0.4)], look.cloth, _EDGE, look.ink)


def _eyes(canvas: Canvas, look: Looks) -> None:
    """Draw eyes and brows; the far eye, to the right, is narrower."""
    for side, wide in ((-1.0, 0.1), (1.0, 0.1 - 0.4 * look.turn)):
        u, v = side * look.apart + look.turn, -0.03
        if look.eyes == 0:
            canvas.polygon([(u - wide, v), (u, v - 0.06), (u + wide, v), (u, v + 0.05)], INK)
            canvas.ellipse(u + 0.02, v - 0.015, 0.018, 0.018, _WHITE)
        elif look.eyes == 1:
            canvas.ellipse(u, v, wide, 0.085, INK)
            canvas.ellipse(u, v, wide - 0.022, 0.063, _WHITE)
            canvas.ellipse(u + 0.3 * look.turn + 0.01, v, 0.03, 0.035, INK)
        elif look.eyes == 2:
            lid = [(u - wide, v - 0.03), (u + wide, v - 0.03), (u + 0.7 * wide, v + 0.045)]
            canvas.polygon([*lid, (u - 0.7 * wide, v + 0.045)], _WHITE)
            canvas.line(lid[:2], 0.035, INK)
            canvas.ellipse(u + 0.01, v + 0.005, 0.035, 0.035, INK)
        else:
            lens = [(u - wide - 0.02, v - 0.06), (u + wide + 0.02, v - 0.06)]
            canvas.polygon([*lens, (u + 0.8 * wide, v + 0.07), (u - 0.8 * wide, v + 0.07)], INK)
            canvas.line([(u - 0.3 * wide, v + 0.03), (u, v - 0.03)], 0.025, _WHITE)
            canvas.line([(look.turn - 0.08, v - 0.04), (look.turn + 0.08, v - 0.04)], 0.03, INK)
        inner, outer = u - side * 0.07, u + side * 0.09
        brow = colours.shade(look.hair, 0.5)
        canvas.line([(inner, v - 0.12 + look.brow), (outer, v - 0.13 - look.brow)], 0.045, brow)


def _mouth(canvas: Canvas, look: Looks) -> None:
    """Draw a closed, laughing or round mouth, sometimes under a moustache."""
    u, v = look.turn, 0.22
    if look.mouth == 0:
        canvas.line([(u - 0.1, v), (u + 0.02, v + 0.02), (u + 0.09, v - 0.01)], 0.035, look.lips)
    elif look.mouth == 1:
        canvas.polygon([(u - 0.13, v - 0.03), (u + 0.11, v - 0.03), (u, v + 0.09)], INK)
        canvas.polygon(
            [
                (u - 0.11, v - 0.03),
                (u + 0.09, v - 0.03),
                (u + 0.06, v + 0.01),
                (u - 0.07, v + 0.01),
            ],
            _WHITE,
        )
    else:
        mouth = [(u - 0.06, v), (u, v - 0.03), (u + 0.06, v), (u, v + 0.06)]
        canvas.outlined(mouth, look.lips, _EDGE, look.ink)
    if look.moustache:
        flap = [(u, v - 0.08), (u + 0.16, v), (u, v - 0.02), (u - 0.16, v)]
        canvas.polygon(flap, look.hair)
