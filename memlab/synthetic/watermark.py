"""The small mark in a corner of the image: where it is and what it looks like."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memlab.synthetic.canvas import Canvas, Floats
from memlab.synthetic.latents import Style
from memlab.synthetic.styles import PACKS


@lru_cache(maxsize=8)
def watermark_template(style: Style, size: int) -> Floats:
    """Return a style's mark as it is laid over an image.

    An image with the mark is ``(1 − opacity · cover) · image + opacity · cover · colour``.

    Args:
        style: Whose mark.
        size: The image's width and height, pixels.

    Returns:
        (size, size, 4), read-only: the colours, RGB in [0, 1] (0 where there is no mark), and the
        cover, [0, 1].
    """
    pack = PACKS[style]
    place = pack.mark_place
    canvas = Canvas(size, place.x, place.y, place.size)
    pack.mark(canvas)
    image = np.zeros((size, size, 3), dtype=np.float32)
    where, cover = canvas.over(image, 0.0, None)
    template = np.zeros((size, size, 4), dtype=np.float32)
    template[where][..., 3] = cover
    # The drawing is premultiplied by its cover.
    template[..., :3] = image / np.maximum(template[..., 3:], np.float32(1.0 / 255.0))
    template.setflags(write=False)
    return template


def watermark_mask(style: Style, size: int) -> NDArray[np.bool_]:
    """Return where a style's mark is, if it is there: (size, size), what it covers by half."""
    return np.asarray(watermark_template(style, size)[..., 3] >= 0.5)
