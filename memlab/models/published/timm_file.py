"""Networks of timm with one output, loaded from a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from memlab.backbones.timm import Timm
from memlab.errors import MemlabError
from memlab.models.published.base import FixedModel


class TimmFile(FixedModel):
    """Checkpoint of a timm network whose head has one output.

    A file of weights does not say how images were preprocessed or how the output was used. Images
    are squashed to the network's size and normalised by timm's mean and standard deviation for the
    network; `output` must be given.

    Args:
        name: the network's name in timm, such as resnet18.
        weights: the file (.safetensors, .pth), with timm's parameter names.
        output: how the head's output becomes the score: `sigmoid`, or `none` if it is the score.
        image_size: side in pixels, if it differs from the network's default.

    Raises:
        MemlabError: if timm has no such network.
        CheckpointError: if the file cannot be read, or does not fit.
    """

    _blank: ClassVar[str] = "cpu"

    def __init__(
        self,
        name: str,
        weights: str,
        output: Literal["sigmoid", "none"],
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        self.output = output
        with torch.device(self._blank):
            self.backbone = Timm(name, pretrained=False, image_size=image_size)
            self.backbone.network.reset_classifier(1)
        self._one_size = self.backbone.fixed_size
        self.take(self.backbone.network, Path(weights))

    @property
    def input_size(self) -> int:
        """Side in pixels of the network's input."""
        return self.backbone.input_size

    @property
    def card(self) -> dict[str, str]:
        """Card with the file and the given `output`."""
        description = "the output of the network" + (
            ", through a sigmoid" if self.output != "none" else ""
        )
        return {"output": f"number that the file was trained on: {description}", **super().card}

    def setup(self, stage: str) -> None:
        """Check that the network accepts the image size of the data.

        Raises:
            MemlabError: if the network accepts one size only, and the data have another size.
        """
        super().setup(stage)
        size = int(self.trainer.datamodule.geometry.size)  # type: ignore[attr-defined]
        if self._one_size and size != self.input_size:
            raise MemlabError(
                f"{self.title} takes images of {self.input_size} pixels only, the data come at "
                f"{size}: leave --data.image_size out, or set --model.image_size {size}"
            )

    def prepared(self, images: Tensor) -> Tensor:
        """Return images (B, 3, H, W) in [0, 1], normalised for the network."""
        mean = images.new_tensor(self.backbone.mean).view(1, 3, 1, 1)
        return (images - mean) / images.new_tensor(self.backbone.std).view(1, 3, 1, 1)

    def stem(self, images: Tensor) -> Tensor:
        """Return the activations at the feature layer (see `Timm`).

        Args:
            images: (B, 3, H, W) in [0, 1].
        """
        return self.backbone.stem(self.prepared(images))

    def score(self, activations: Tensor) -> Tensor:
        """Return scores (B,) from activations at the feature layer."""
        network = self.backbone.network
        outputs: Tensor = network.forward_head(self.backbone.rest(activations)).squeeze(1)
        return outputs.sigmoid() if self.output == "sigmoid" else outputs

    def grid(self, activations: Tensor) -> Tensor:
        """Return the spatial part of activations, (B, C, h, w)."""
        return self.backbone.grid(activations)

    def embed(self, images: Tensor) -> Tensor:
        """Return the input (B, D) of the head, of images (B, 3, H, W) in [0, 1]."""
        return self.backbone.tail(self.stem(images))

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (B,) of images (B, 3, H, W), RGB in [0, 1]."""
        return self.score(self.stem(images))
