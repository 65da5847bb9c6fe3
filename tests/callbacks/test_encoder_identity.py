"""Kept features are those of one network, its weights, and the means and SDs of its input."""

from __future__ import annotations

from pathlib import Path

import torch

from memlab.backbones.base import Backbone
from memlab.backbones.efficientnet_lite import EfficientNetLite
from memlab.backbones.timm import Timm
from memlab.callbacks.frozen_features import encoder_of
from memlab.models.regressor import MemorabilityRegressor

SAME = Timm("efficientnet_lite0", pretrained=False).state_dict()


def identity(backbone: Backbone) -> str:
    backbone.load_state_dict(SAME)
    model = MemorabilityRegressor(backbone, head="ridge", unfrozen=0)
    return encoder_of(model, torch.device("cpu")).identity()


def test_equal_weights_with_another_input_or_network_have_other_features() -> None:
    plain = identity(EfficientNetLite("lite0", pretrained=False))
    assert identity(EfficientNetLite("lite0", pretrained=False)) == plain
    others = [
        EfficientNetLite("lite0", pretrained=False, mean=[0.4, 0.4, 0.4]),
        EfficientNetLite("lite0", pretrained=False, std=[0.2, 0.2, 0.2]),
        Timm("efficientnet_lite0", pretrained=False),  # the mean and SD of ImageNet
        Timm("tf_efficientnet_lite0", pretrained=False),  # pads as TensorFlow does
    ]
    assert len({plain, *map(identity, others)}) == 5


def test_the_source_of_the_weights_does_not_matter(tmp_path: Path) -> None:
    drawn = Timm("efficientnet_lite0", pretrained=False)
    torch.save(drawn.network.state_dict(), tmp_path / "own.pth")
    given = Timm("efficientnet_lite0", pretrained=False, weights=str(tmp_path / "own.pth"))
    assert identity(given) == identity(drawn)
