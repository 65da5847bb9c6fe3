"""Rendering of latents to an image and its exact masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memlab.synthetic.background import background
from memlab.synthetic.canvas import Canvas
from memlab.synthetic.develop import blurred, develop
from memlab.synthetic.latents import Latents
from memlab.synthetic.styles import RENDERING_STYLES, RenderingStyle
from memlab.synthetic.watermark import watermark_template

REGIONS = ("faces", "people", "objects", "text", "background")
"""Regions for which every synthetic image has a mask."""

_SHARED_OUT = REGIONS[1:]  # every pixel belongs to exactly one; faces are part of people

SIZES_DRAWN = (32, 1024)
"""Smallest and largest image size that can be drawn, pixels."""


@dataclass(frozen=True)
class SyntheticImage:
    """Synthetic image with its masks.

    Attributes:
        image: (size, size, 3) uint8, RGB.
        masks: region name to (size, size) bool: the pixels in which the region has the largest
            share. Faces lie inside people, as in photographs. Other regions share no pixel, and the
            background is the rest. Blur and watermark change no mask; the watermark has no region.
    """

    image: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]


def render(latents: Latents, size: int) -> SyntheticImage:
    """Render a synthetic image.

    After the figures are drawn, every step except the blur changes each pixel independently. In a
    sharp image, removing a figure from the latents therefore changes only the pixels that it
    covers.

    Args:
        latents: the causes of the image.
        size: width and height, pixels, 32–1024.

    Returns:
        The image and its masks; the same on every call.

    Raises:
        ValueError: if ``size`` is out of range.
    """
    check_size(size)
    rendering = RENDERING_STYLES[latents.style]
    image = background(latents, rendering, size)
    shares = {region: np.zeros((size, size), dtype=np.float32) for region in REGIONS}
    shares["background"] += 1.0
    for region, canvas in _figures(latents, rendering, size):
        box, cover = canvas.over(image, latents.light, rendering.lit)
        uncovered = np.float32(1.0) - cover
        for share in shares.values():
            share[box] *= uncovered
        shares[region][box] += cover
        if region == "faces":
            shares["people"][box] += cover
    topmost = np.stack([shares[region] for region in _SHARED_OUT]).argmax(axis=0)
    masks = {region: topmost == number for number, region in enumerate(_SHARED_OUT)}
    masks["faces"] = masks["people"] & (2.0 * shares["faces"] >= shares["people"])
    masks = {region: masks[region] for region in REGIONS}
    image = develop(image, latents)
    if latents.watermark is not None:
        template = watermark_template(latents.style, size)
        image += np.float32(latents.watermark) * template[..., 3:] * (template[..., :3] - image)
    levels = np.rint(blurred(image, latents.blur) * np.float32(255.0))
    return SyntheticImage(np.clip(levels, 0.0, 255.0).astype(np.uint8), masks)


def check_size(size: int) -> None:
    """Raise ValueError if no image can be drawn ``size`` pixels wide."""
    low, high = SIZES_DRAWN
    if not low <= size <= high:
        raise ValueError(f"size is {size} pixels; images are drawn from {low} to {high}")


def _figures(
    latents: Latents, rendering: RenderingStyle[Any], size: int
) -> list[tuple[str, Canvas]]:
    """Draw the figures that are present, farthest first; return each with its region."""
    drawn: list[tuple[str, Canvas]] = []
    layout = latents.layout
    if latents.object is not None:
        drawn.append(("objects", rendering.thing(latents.object, layout.object, size)))
    if latents.person is not None:
        body, head = rendering.person(latents.person, layout.person, latents.skin, size)
        drawn += [("people", body), ("faces" if latents.person.facing else "people", head)]
    if latents.face is not None:
        drawn.append(("faces", rendering.face(latents.face, layout.face, latents.skin, size)))
    if latents.text is not None:
        drawn.append(("text", rendering.text(latents.text, layout.text, size)))
    return drawn
