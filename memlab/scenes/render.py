"""From latents to a picture and its exact masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.scenes import people, things
from memlab.scenes.background import background
from memlab.scenes.canvas import Canvas
from memlab.scenes.latents import Latents

REGIONS = ("faces", "people", "objects", "text", "background")
"""The regions every scene has a mask of."""

_SHARED_OUT = REGIONS[1:]  # every pixel belongs to one of these; faces are a part of people

SIZES_DRAWN = (32, 1024)
"""Smallest and largest picture that can be drawn, pixels."""


@dataclass(frozen=True)
class Scene:
    """A picture and where everything in it is.

    Attributes:
        image: (size, size, 3) uint8, RGB.
        masks: Region name to (size, size) bool: the pixels in which that region is what one sees
            most of. Faces lie inside people, as in photographs; otherwise regions share no
            pixel, and the background is what no other region has.
    """

    image: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]


def render(latents: Latents, size: int) -> Scene:
    """Render a scene.

    Every step after the drawing changes each pixel by itself, so a figure taken out of the latents
    changes no pixel that it does not cover.

    Args:
        latents: The causes of the picture.
        size: Width and height, pixels, 32–1024.

    Returns:
        The picture and its masks; the same on every call.

    Raises:
        ValueError: If ``size`` is out of range.
    """
    check_size(size)
    image = background(latents, size)
    shares = np.zeros((size, size, len(_SHARED_OUT)), dtype=np.float32)
    shares[..., _SHARED_OUT.index("background")] = 1.0
    faces = np.zeros((size, size, 1), dtype=np.float32)
    for region, canvas in _figures(latents, size):
        where, cover = canvas.over(image, latents.light)
        owner = "people" if region == "faces" else region
        shares[where] *= 1.0 - cover
        shares[where][..., _SHARED_OUT.index(owner)] += cover[..., 0]
        faces[where] *= 1.0 - cover
        if region == "faces":
            faces[where] += cover
    seen = shares.argmax(axis=2)
    masks = {region: seen == number for number, region in enumerate(_SHARED_OUT)}
    masks["faces"] = masks["people"] & (
        2.0 * faces[..., 0] >= shares[..., _SHARED_OUT.index("people")]
    )
    masks = {region: masks[region] for region in REGIONS}
    return Scene(_develop(image, latents), masks)


def check_size(size: int) -> None:
    """Raise ValueError if no scene can be drawn ``size`` pixels wide."""
    low, high = SIZES_DRAWN
    if not low <= size <= high:
        raise ValueError(f"size is {size} pixels; scenes are drawn from {low} to {high}")


def _figures(latents: Latents, size: int) -> list[tuple[str, Canvas]]:
    """Draw the figures that are present, farthest first, each with the region it belongs to."""
    drawn: list[tuple[str, Canvas]] = []
    places = latents.layout
    if latents.object is not None:
        drawn.append(("objects", things.thing(latents.object, places.object, size)))
    if latents.person is not None:
        body, head = people.person(latents.person, places.person, size)
        drawn += [("people", body), ("faces" if latents.person.facing else "people", head)]
    if latents.face is not None:
        drawn.append(("faces", people.face(latents.face, places.face, size)))
    if latents.text is not None:
        drawn.append(("text", things.text(latents.text, places.text, size)))
    return drawn


def _develop(image: NDArray[np.float32], latents: Latents) -> NDArray[np.uint8]:
    """Apply saturation and contrast, about fixed points, and a little grain; round to bytes."""
    grey = image @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    image = grey[..., None] + (image - grey[..., None]) * np.float32(latents.saturation)
    image = 0.5 + (image - 0.5) * np.float32(latents.contrast)
    rng = np.random.default_rng((latents.seed, latents.index, 1))
    grain = rng.standard_normal(grey.shape, dtype=np.float32) * np.float32(0.012)
    levels = np.clip((image + grain[..., None]) * 255.0, 0.0, 255.0)
    return np.asarray(np.rint(levels), dtype=np.uint8)
