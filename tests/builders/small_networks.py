"""Regressors of a few thousand parameters."""

from __future__ import annotations

from torch import Tensor, nn

from memlab.backbones.base import Backbone
from memlab.backbones.timm import Timm
from memlab.models.regressor import MemorabilityRegressor


def tiny(name: str = "test_resnet") -> MemorabilityRegressor:
    return MemorabilityRegressor(Timm(name, pretrained=False, image_size=64))


class Pooled(Backbone):
    """One fixed layer and mean pooling, so that maps are known in closed form."""

    feature_dim = 4
    input_size = 16

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 4, stride=4)

    def stem(self, images: Tensor) -> Tensor:
        return self.layer(images)

    def tail(self, activations: Tensor) -> Tensor:
        return activations.mean(dim=(2, 3))

    def grid(self, activations: Tensor) -> Tensor:
        return activations
