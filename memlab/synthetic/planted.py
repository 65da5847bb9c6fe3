"""Marks planted on photographs: a known cause on real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from memlab.image_files import find_images
from memlab.synthetic.latents import Latents
from memlab.synthetic.watermark import watermark_template


def photos_in(folder: Path) -> list[Path]:
    """Return the photographs to plant marks on, in order.

    Raises:
        DataError: if the folder does not exist, or holds no image.
    """
    return sorted(find_images([folder]))


def planted(photo: Path, latents: Latents, size: int) -> NDArray[np.uint8]:
    """Return a photograph, cropped square and resized, with the style's mark if it has a watermark.

    Args:
        photo: the file.
        latents: latents with the opacity of the mark, if any, and the style.
        size: width and height, pixels.

    Returns:
        (size, size, 3), RGB.

    Raises:
        DataError: if the photograph cannot be read; names it.
    """
    from memlab.imaging.decode import decode  # imports torch, which rendering does not need

    photograph = Image.fromarray(decode(photo).permute(1, 2, 0).numpy())
    pixels = np.asarray(ImageOps.fit(photograph, (size, size), Image.Resampling.LANCZOS))
    if latents.watermark is None:
        return pixels
    template = watermark_template(latents.style, size)
    share = np.float32(latents.watermark) * template[..., 3:]
    marked = (1.0 - share) * pixels + share * 255.0 * template[..., :3]
    return np.asarray(np.rint(marked), dtype=np.uint8)
