"""A random ablation, and the context of images without masks."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.types import Context


class Noise(Ablation):
    """A random ablation, to prove the rules of randomness."""

    family = "nuisance"
    unit = "SD"
    target = "chroma"
    control = "nuisance-baseline"
    ladder = (0.01, 0.02, 0.05, 0.1, 0.2)
    maximum = 1.0

    def __init__(self, sd: float = 0.05, region: str = "all") -> None:
        super().__init__(sd, region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Add noise whose pattern does not depend on the dose."""
        shape = images.shape[1:]
        noise = [torch.randn(shape, generator=one) for one in context.generators(self.name)]
        return (images + dose * torch.stack(noise).to(images)).clamp(0, 1)


def names(count: int) -> Context:
    return Context([f"image-{place}" for place in range(count)], seed=11)
