"""Small versions of images, embedded in pages."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image, ImageOps

from memlab.errors import DataError

SIDE = 132
"""Longest side of a thumbnail in pixels."""


def thumbnail_url(path: Path, side: int = SIDE) -> str | None:
    """Return a whole image as a small JPEG in a data URL; None if the file cannot be read."""
    from memlab.imaging.decode import decode  # imports torch

    try:
        image = Image.fromarray(decode(path).permute(1, 2, 0).numpy())
    except DataError:
        return None
    small = ImageOps.contain(image, (side, side), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    small.save(content, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
