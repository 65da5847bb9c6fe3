"""An ablation with matched controls, and the context of images with masks."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.types import Context


class GreyOut(Ablation):
    """Make a region grey."""

    family = "region"
    unit = "of the way"
    target = "chroma"
    control = "matched-control"
    ladder = (1.0,)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "faces") -> None:
        super().__init__(amount, region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        return torch.lerp(images, torch.full_like(images, 0.5), dose)


def context(count: int, **masks: Tensor) -> Context:
    return Context([f"image-{place}" for place in range(count)], seed=5, masks=masks)
