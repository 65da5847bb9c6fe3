"""A mark planted on photographs: a cause that is known, on pictures that are real."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from memlab.errors import DataError
from memlab.files import find_pictures
from memlab.scenes.latents import Latents

_SIDE: Final = 0.14  # of the mark, share of the picture's width
_MARGIN: Final = 0.02


def photos_in(folder: Path) -> list[Path]:
    """Return the photographs to plant on, in order.

    Raises:
        DataError: If there is no such folder, or no picture in it.
    """
    return sorted(find_pictures([folder]))


def planted(photo: Path, latents: Latents, size: int) -> NDArray[np.uint8]:
    """Return a photograph, cut square and resized, with the style's mark if it has a watermark.

    Args:
        photo: The file.
        latents: Whether and how strongly the mark is seen, and in which style.
        size: Width and height, pixels.

    Returns:
        (size, size, 3), RGB.

    Raises:
        DataError: If it cannot be read; names it.
    """
    try:
        with Image.open(photo) as opened:
            turned = ImageOps.exif_transpose(opened).convert("RGB")
            pixels = np.array(ImageOps.fit(turned, (size, size), Image.Resampling.LANCZOS))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{photo}: cannot be read ({error}); take it out of the folder") from error
    if latents.watermark is None:
        return pixels
    side, margin = max(4, round(_SIDE * size)), round(_MARGIN * size)
    here = slice(size - margin - side, size - margin)
    where = (here, here) if latents.style == "A" else (here, slice(margin, margin + side))
    share = np.float64(latents.watermark)
    pixels[where] = np.rint(
        (1.0 - share) * pixels[where] + share * 255.0 * _mark(latents.style, side)[..., None]
    ).astype(np.uint8)
    return pixels


def _mark(style: str, side: int) -> NDArray[np.float64]:
    """A black and white sign, 0 to 1: a ring about a dot in style A, a saltire in style B."""
    middle = (np.arange(side) + 0.5) / side * 2.0 - 1.0
    x, y = np.meshgrid(middle, middle)
    if style == "A":
        away = np.hypot(x, y)
        return ((away < 0.3) | ((away > 0.6) & (away < 0.9))).astype(float)
    return (np.minimum(np.abs(x - y), np.abs(x + y)) < 0.3).astype(float)
