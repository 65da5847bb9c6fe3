"""Backgrounds: a coarse pattern in two colours, fine noise of a given slope, and pebbles."""

from __future__ import annotations

from typing import Any

import numpy as np

from memlab.synthetic.canvas import Floats
from memlab.synthetic.latents import Latents
from memlab.synthetic.noise import noise
from memlab.synthetic.styles import RenderingStyle

_FINEST_OF_COARSE = 3.0  # cycles per image; coarser structure belongs to the pattern, not the slope


def background(latents: Latents, rendering: RenderingStyle[Any], size: int) -> Floats:
    """Render the background behind the figures.

    The pattern's geometry comes from the texture, its two colours from the palette, and the pebbles
    from the image's identity. Each can be replaced without the others.

    Args:
        latents: the image's causes; figures are ignored.
        rendering: rendering style with the patterns, colours and pebbles.
        size: width and height, pixels.

    Returns:
        (size, size, 3) RGB, about [0, 1].
    """
    rng = np.random.default_rng(latents.texture.seed)
    fine = noise(rng, latents.slope, size, _FINEST_OF_COARSE)
    pattern = rendering.patterns[latents.texture.kind](rng, size)
    palette = np.random.default_rng(latents.palette.seed)
    first, second = np.array(rendering.surfaces(palette, latents.palette.hue), dtype=np.float32)
    mix = np.clip(pattern + 0.16 * fine, 0.0, 1.0)[..., None]
    image: Floats = (first + (second - first) * mix) * (1.0 + np.float32(0.1) * fine[..., None])
    for number in range(latents.decoys):
        of_pebble = np.random.default_rng((latents.seed, latents.index, 4, number))
        rendering.pebble(of_pebble, size).over(image, latents.light, rendering.lit)
    return image
