"""Architecture of both networks: an AlexNet-like branch, a ResNet, and seven linear layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import ResNet

HIDDEN = (4096, 4096, 2048, 1024, 512, 256)
"""Units of fc6 to fc11, as published."""

PLACES = 9216
"""Features of the AlexNet-like branch at 227 pixels: 256 channels at 6 × 6 positions."""


class TwoBranches(nn.Module):
    """Network of Needell & Bainbridge (2022, Computational Brain & Behavior 5), for 227 pixels.

    Layers have the names of the published weights. Dropout is left out: it has no weights, and
    these networks are never trained here.

    Args:
        resnet: the second branch; its output is concatenated with the first branch's 9216 features.
        features: length of the output of `resnet`.
        hidden: units of fc6 to fc11.
    """

    def __init__(self, resnet: ResNet, features: int, hidden: Sequence[int] = HIDDEN) -> None:
        super().__init__()
        self.features = resnet
        self.conv1 = nn.Conv2d(3, 48, 11, stride=4)
        self.conv2 = nn.Conv2d(48, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1, groups=2)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.pool = nn.MaxPool2d(3, 2)
        self.normalise = nn.LocalResponseNorm(5)
        widths = (PLACES + features, *hidden, 1)
        for number in range(6, 13):
            layer = nn.Linear(widths[number - 6], widths[number - 5])
            self.add_module(f"fc{number}", layer)

    def stem(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last spatial activations of both branches, for crops (B, 3, 227, 227).

        Returns:
            The AlexNet-like branch's, (B, 256, 13, 13), and the ResNet's, (B, C, 8, 8).
        """
        x = self.normalise(self.pool(self.conv1(crops).relu()))
        x = self.normalise(self.pool(self.conv2(x).relu()))
        x = self.conv5(self.conv4(self.conv3(x).relu()).relu()).relu()
        net = self.features
        y = net.maxpool(net.relu(net.bn1(net.conv1(crops))))
        y = net.layer4(net.layer3(net.layer2(net.layer1(y))))
        return x, y

    def embed(self, places: tuple[Tensor, Tensor]) -> Tensor:
        """Return the last hidden layer, fc11, (B, 256), from the output of `stem`."""
        net = self.features
        other = net.fc(net.avgpool(places[1]).flatten(1))
        x = torch.cat([self.pool(places[0]).flatten(1), other], dim=1)
        for number in range(6, 12):
            x = functional.relu(self.get_submodule(f"fc{number}")(x))
        return x

    def readout(self, hidden: Tensor) -> Tensor:
        """Return scores (B,) in (0, 1) from the last hidden layer."""
        scores: Tensor = self.get_submodule("fc12")(hidden).squeeze(1).sigmoid()
        return scores

    def forward(self, crops: Tensor) -> Tensor:
        """Return scores (B,) in (0, 1) of crops (B, 3, 227, 227), RGB in [0, 1], not normalised."""
        return self.readout(self.embed(self.stem(crops)))
