"""Small versions of images, for pages and sheets."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

from memlab.errors import DataError

SIDE = 132
"""Longest side of a thumbnail in pixels."""


def thumbnail(path: Path, side: int = SIDE) -> Image.Image | None:
    """Return a small version of a whole image, turned upright; None if it cannot be read."""
    from memlab.imaging.decode import decode  # imports torch

    try:
        image = Image.fromarray(decode(path).permute(1, 2, 0).numpy())
    except DataError:
        return None
    return ImageOps.contain(image, (side, side), Image.Resampling.LANCZOS)


def thumbnail_url(path: Path) -> str | None:
    """Return a thumbnail as a JPEG in a data URL; None if the image cannot be read."""
    small = thumbnail(path)
    return None if small is None else jpeg_url(small)


def jpeg_url(image: Image.Image) -> str:
    """Return an image as a JPEG in a data URL."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
