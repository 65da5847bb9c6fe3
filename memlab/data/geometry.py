"""The one way in which images, and their masks with them, come to the model's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import InterpolationMode, resize

Resampler = Literal["torch", "pillow"]
"""Who interpolates: torch, or Pillow, two to nine times as slow. Both are bilinear with
antialiasing; torch keeps its weights in 16 bits, so one value in 500 differs by a grey level."""


@dataclass(frozen=True)
class Geometry:
    """Squash to a square: nothing is cut away.

    A crop at test time would itself be an ablation of context, so the whole image is kept and its
    aspect ratio given up.

    Args:
        size: side of the square in pixels.
        resampler: who interpolates bytes; floats and masks are always torch's.
    """

    size: int
    resampler: Resampler = "torch"

    def image(self, pixels: Tensor) -> Tensor:
        """(3, H, W) uint8 to (3, size, size) uint8: bilinear, with antialiasing."""
        if self.resampler == "pillow" and pixels.dtype == torch.uint8:
            image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
            image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return squashed(pixels, (self.size, self.size))

    def mask(self, inside: Tensor) -> Tensor:
        """(1, H, W) uint8 of 0 and 1 to (1, size, size): 1 where at least half is covered."""
        return squashed_mask(inside, (self.size, self.size))

    def describe(self) -> dict[str, str | int]:
        """What was done, as plain data for the results."""
        by = ", by Pillow" if self.resampler == "pillow" else ""
        return {"mode": "squash", "size": self.size, "interpolation": f"bilinear, antialiased{by}"}


def squashed(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(..., C, H, W), bytes or floats, to another height and width: bilinear, with antialiasing."""
    resized: Tensor = resize(
        pixels, list(size), interpolation=InterpolationMode.BILINEAR, antialias=True
    )
    return resized.contiguous()


def squashed_mask(inside: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, H, W) uint8 of 0 and 1 to another height and width: 1 where at least half is covered."""
    return (squashed(inside * 255, size) >= 128).to(inside.dtype)
