"""A third-party backbone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from memlab.backbones.base import Backbone


class Strange(Backbone):
    """A third-party backbone that says nothing about its blocks."""

    feature_dim, input_size = 4, 32

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.layer = nn.Conv2d(3, 4, 3)

    def stem(self, images: Tensor) -> Tensor:
        return self.layer(images) * self.scale

    def tail(self, activations: Tensor) -> Tensor:
        return activations.mean(dim=(2, 3))

    def grid(self, activations: Tensor) -> Tensor:
        return activations
