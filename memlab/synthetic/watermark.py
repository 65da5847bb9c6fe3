"""Watermark: position and appearance of the small mark in a corner of the image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memlab.synthetic.canvas import Canvas, Floats
from memlab.synthetic.latents import Style
from memlab.synthetic.styles import RENDERING_STYLES


@lru_cache(maxsize=8)
def watermark_template(style: Style, size: int) -> Floats:
    """Return a style's mark as it is composited over an image.

    An image with the mark is ``(1 − opacity · cover) · image + opacity · cover · colour``.

    Args:
        style: rendering style of the mark.
        size: the image's width and height, pixels.

    Returns:
        (size, size, 4), read-only: the colours, RGB in [0, 1] (0 where there is no mark), and the
        cover, [0, 1].
    """
    rendering = RENDERING_STYLES[style]
    position = rendering.mark_place
    canvas = Canvas(size, position.x, position.y, position.size)
    rendering.mark(canvas)
    image = np.zeros((size, size, 3), dtype=np.float32)
    box, cover = canvas.over(image, 0.0, None)
    template = np.zeros((size, size, 4), dtype=np.float32)
    template[box][..., 3] = cover
    # The drawing is premultiplied by its cover.
    template[..., :3] = image / np.maximum(template[..., 3:], np.float32(1.0 / 255.0))
    template.setflags(write=False)
    return template


def watermark_mask(style: Style, size: int) -> NDArray[np.bool_]:
    """Return the mask of a style's mark: (size, size), the pixels that it covers by half."""
    return np.asarray(watermark_template(style, size)[..., 3] >= 0.5)
