"""Geometry: the only code that resizes images and their masks to the model's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import InterpolationMode, resize

Resampler = Literal["torch", "pillow"]
"""Library that resizes. Pillow takes two to nine times as long as torch. Both are bilinear with
antialiasing. torch stores its weights in 16 bits, so one value in 500 differs by a grey level.
"""


@dataclass(frozen=True)
class Geometry:
    """Resize to a square without cropping.

    A crop at test time would itself be an ablation of context. The whole image is therefore kept,
    and its aspect ratio changes.

    Args:
        size: side of the square in pixels.
        resampler: library that resizes bytes; torch always resizes floats and masks.
    """

    size: int
    resampler: Resampler = "torch"

    def image(self, pixels: Tensor) -> Tensor:
        """Resize (3, H, W) uint8 to (3, size, size) uint8: bilinear, with antialiasing."""
        if self.resampler == "pillow" and pixels.dtype == torch.uint8:
            image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
            image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return squashed(pixels, (self.size, self.size))

    def mask(self, inside: Tensor) -> Tensor:
        """Resize (1, H, W) uint8 of 0 and 1 to (1, size, size): 1 where half or more is 1."""
        return squashed_mask(inside, (self.size, self.size))

    def describe(self) -> dict[str, str | int]:
        """Return the geometry as plain data for the results."""
        by = ", by Pillow" if self.resampler == "pillow" else ""
        return {"mode": "squash", "size": self.size, "interpolation": f"bilinear, antialiased{by}"}


def squashed(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (..., C, H, W), bytes or floats, to a height and width: bilinear, antialiased."""
    resized: Tensor = resize(
        pixels, list(size), interpolation=InterpolationMode.BILINEAR, antialias=True
    )
    return resized.contiguous()


def squashed_mask(inside: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (1, H, W) uint8 of 0 and 1 to a height and width: 1 where half or more is 1."""
    return (squashed(inside * 255, size) >= 128).to(inside.dtype)
