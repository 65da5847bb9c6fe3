"""Contact sheet of a style: sampled images, and the effect of each cause.

``python -m memlab.synthetic.sheet A docs/images/synthetic-a.png`` makes the sheet of style A.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from memlab.files import replacing
from memlab.synthetic.latents import FEATURES, PRESENCE, RANGES, STYLES, Latents, Style
from memlab.synthetic.render import render
from memlab.synthetic.sampling import removed, resampled, sample
from memlab.synthetic.worlds import World

ALL = World("all", {"face": 1.0}, facing=0.5)
"""World in which every cause varies and each figure is in half of the images."""

_GAP, _LINE, _MARGIN = 4, 14, 62
_PAPER, _INK = (255, 255, 255), (60, 60, 60)
_ROWS = ("as drawn", "removed", "anew")


def contact_sheet(
    style: Style, world: World = ALL, seed: int = 0, rows: int = 3, size: int = 72
) -> Image.Image:
    """Draw sampled images, and below them a column per cause: present, removed, drawn anew.

    A column's image has the cause, or an extreme value of it, and no blur except in the column of
    blur. A presence feature drawn anew is present again. A number drawn anew is the farthest of
    eight draws.

    Args:
        style: rendering style.
        world: world of the images; each figure must be possible.
        seed: seed of the collection.
        rows: rows of sampled images.
        size: width of an image, pixels.

    Returns:
        The sheet, RGB.
    """
    wide = len(FEATURES)
    drawn = [sample(seed, index, world, style) for index in range(rows * wide)]
    samples = [drawn[start : start + wide] for start in range(0, len(drawn), wide)]
    examples = [_example(feature, style, world, seed) for feature in FEATURES]
    causes = [
        examples,
        [removed(latents, feature) for feature, latents in zip(FEATURES, examples, strict=True)],
        [
            _anew(latents, feature, world)
            for feature, latents in zip(FEATURES, examples, strict=True)
        ],
    ]
    step = size + _GAP
    extent = _MARGIN + wide * step, (rows + len(_ROWS)) * step + _LINE + 2 * _GAP
    sheet = Image.new("RGB", extent, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    below = rows * step + _LINE + 2 * _GAP
    draw.text((_GAP, _GAP), f"style {style}", _INK, font)
    for number, feature in enumerate(FEATURES):
        draw.text((_MARGIN + number * step, below - _LINE), feature, _INK, font)
    for number, name in enumerate(_ROWS):
        draw.text((_GAP, below + number * step + size // 2 - 6), name, _INK, font)
    _lay(sheet, samples, _GAP, size)
    _lay(sheet, causes, below, size)
    return sheet


def _example(feature: str, style: Style, world: World, seed: int) -> Latents:
    """Return an unsampled image that shows a cause clearly: present, or of an extreme value."""
    needed = {feature, "face"} if feature == "skin" else {feature, "person"}
    hiding = {"object": ("face", "text"), "watermark": ("text",), "layout": ("face",)}
    for index in count(1000 * (1 + FEATURES.index(feature))):
        latents = sample(seed, index, world, style)
        if any(getattr(latents, name) is None for name in needed):
            continue
        if any(getattr(latents, name) is not None for name in hiding.get(feature, ())):
            continue
        if feature not in RANGES or abs(_along(latents, feature, world) - 0.5) > 0.45:
            return latents if feature == "blur" else replace(latents, blur=0.0)
    raise AssertionError("count() has no end")


def _anew(latents: Latents, feature: str, world: World) -> Latents:
    """Return the image with one feature drawn anew; a value is the farthest of eight draws."""
    present = True if feature in PRESENCE else None
    draws = [resampled(latents, feature, world, draw, present) for draw in range(8)]
    if feature not in RANGES:
        return draws[0]
    present_value = _along(latents, feature, world)
    return max(draws, key=lambda candidate: abs(_along(candidate, feature, world) - present_value))


def _along(latents: Latents, feature: str, world: World) -> float:
    """Return the relative position of a number in its range, [0, 1]."""
    low, high = world.range(feature)
    return float((getattr(latents, feature) - low) / (high - low))


def _lay(sheet: Image.Image, rows: Sequence[Sequence[Latents]], top: int, size: int) -> None:
    """Render rows of images onto the sheet."""
    for down, row in enumerate(rows):
        for across, latents in enumerate(row):
            image = Image.fromarray(render(latents, size).image)
            at = (_MARGIN + across * (size + _GAP), top + down * (size + _GAP))
            sheet.paste(image, at)


def main() -> None:
    """Save the sheet of one style, with its colours reduced to 128."""
    parser = argparse.ArgumentParser(description="Draw the contact sheet of a rendering style.")
    parser.add_argument("style", choices=STYLES)
    parser.add_argument("path", type=Path, help="PNG to write")
    options = parser.parse_args()
    few = contact_sheet(options.style).quantize(128, dither=Image.Dither.NONE)
    with replacing(options.path) as part:
        few.save(part, format="PNG", optimize=True)


if __name__ == "__main__":
    main()
