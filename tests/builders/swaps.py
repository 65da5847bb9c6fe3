"""Synthetic images, and pairs of images for swaps."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from memlab import Context
from memlab.ablations.colour_swaps import SwapPalette, SwapSaturation
from memlab.ablations.contrast_swaps import SwapContrast
from memlab.ablations.swaps import (
    Swap,
    SwapBackground,
    SwapFace,
    SwapSpectrum,
    SwapTexture,
)
from memlab.synthetic import Style, SyntheticImage, World, render, sample
from memlab.types import Donors

SWAPS: list[type[Swap]] = [
    SwapBackground,
    SwapContrast,
    SwapFace,
    SwapPalette,
    SwapSaturation,
    SwapSpectrum,
    SwapTexture,
]

EVERY = World(name="every", weights={"face": 1.0}, prevalence={"face": 0.95})
"""Almost every image has a face, so that few have to be drawn."""


@cache
def rendered(seed: int, index: int, style: Style) -> SyntheticImage:
    """An image that several tests stack, each for itself."""
    return render(sample(seed, index, EVERY, style), 64)


def synthetic(n: int, seed: int, style: Style = "A") -> tuple[Tensor, dict[str, Tensor]]:
    drawn = [rendered(seed, index, style) for index in range(n)]
    images = torch.stack([torch.from_numpy(one.image) for one in drawn]).permute(0, 3, 1, 2)
    masks = {
        region: torch.from_numpy(np.stack([one.masks[region] for one in drawn]))[:, None].byte()
        for region in ("faces", "background")
    }
    return images.float() / 255, masks


def pairs(n: int, style: Style = "A", height: int = 64) -> tuple[Tensor, Context]:
    """Images and their donors; all have faces and a background."""
    (images, masks), (donors, donated) = synthetic(n, 5, style), synthetic(n, 6, style)
    context = Context(
        [f"image-{k}" for k in range(n)],
        seed=3,
        masks={name: mask[..., :height, :] for name, mask in masks.items()},
        role="swap",
        donors=Donors(
            [f"donor-{k}" for k in range(n)],
            donors[..., :height, :],
            {name: mask[..., :height, :] for name, mask in donated.items()},
        ),
    )
    images = images[..., :height, :]
    able = (SwapFace().eligible(context) & SwapBackground().eligible(context)).nonzero().flatten()
    return images[able], context.select(able)
