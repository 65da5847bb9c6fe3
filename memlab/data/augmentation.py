"""Augmentation of training images on the device. Tested images are never augmented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_saturation_with_gray_subtraction,
)
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from memlab.seeds import seed_of

Augmentation = Literal["none", "flip", "standard"]
"""flip: mirrors half of the images; standard: also crops slightly and jitters the colours."""

LEAST_WINDOW = 0.85
"""Side of the smallest crop, as a share of the image's side. The crop is mild because memorability
depends on the content of the image.
"""

JITTER = 0.15
"""Brightness, contrast and saturation are multiplied by factors from 1 - JITTER to 1 + JITTER."""


def augmented(
    images: Tensor, ids: Sequence[str], seed: int, epoch: int, kind: Augmentation
) -> Tensor:
    """Augment a batch. The result for each image depends only on (seed, epoch, id).

    Args:
        images: (B, 3, H, W), RGB in [0, 1].
        ids: ids of the images.
        seed: seed of the run.
        epoch: number of the epoch.
        kind: kind of augmentation.

    Returns:
        (B, 3, H, W), in [0, 1].
    """
    if kind == "none":
        return images
    chosen = torch.tensor([seed_of(seed, epoch, name) % 2 == 1 for name in ids])
    images = mirrored(images, chosen)
    if kind == "flip":
        return images
    drawn = parameters(ids, seed, epoch).to(images.device)
    images = cropped(images, drawn[:, 0], drawn[:, 1:3])
    images = adjust_brightness_accumulative(images, drawn[:, 3])
    images = adjust_contrast_with_mean_subtraction(images, drawn[:, 4])
    return adjust_saturation_with_gray_subtraction(images, drawn[:, 5])


def parameters(ids: Sequence[str], seed: int, epoch: int) -> Tensor:
    """Draw the parameters of the `standard` augmentation for each image.

    Returns:
        (B, 6): side of the crop (share of the image's side), its centre (x and y, -1 to 1), and the
        factors of brightness, contrast and saturation; all drawn uniformly.
    """
    seeds = [seed_of(seed, epoch, name, "standard") for name in ids]
    drawn = torch.stack([torch.rand(6, generator=torch.Generator().manual_seed(s)) for s in seeds])
    side = LEAST_WINDOW + (1 - LEAST_WINDOW) * drawn[:, :1]
    centre = (2 * drawn[:, 1:3] - 1) * (1 - side)  # the crop stays inside the image
    return torch.cat([side, centre, 1 + JITTER * (2 * drawn[:, 3:] - 1)], dim=1)


def cropped(images: Tensor, side: Tensor, centre: Tensor) -> Tensor:
    """Crop a square from each image and resize it to the image's size (bilinear).

    Args:
        images: (B, C, H, W).
        side: (B,), side of the crop as a share of the image's side.
        centre: (B, 2), x and y from -1 to 1.
    """
    matrix = torch.zeros(len(images), 2, 3, device=images.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = side
    matrix[:, :, 2] = centre
    grid = affine_grid(matrix, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def mirrored(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror the `chosen` (B,) images of a batch (B, C, H, W) left to right."""
    return torch.where(chosen.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)
