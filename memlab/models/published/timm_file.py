"""A network of timm with one output, on a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from memlab.backbones.timm import Timm
from memlab.errors import MemlabError
from memlab.models.published.base import FixedModel


class TimmFile(FixedModel):
    """A checkpoint of any network of timm whose head has one output.

    A file of weights does not say what was done with the images before and with the output
    behind: images are squashed to the network's size and normalised by timm's mean and standard
    deviation for it, and `output` must be stated.

    Args:
        name: the network as timm calls it, such as resnet18.
        weights: the file (.safetensors, .pth), with timm's names of the parameters.
        output: what makes scores of the head's output: `sigmoid`, or `none` if it is the score.
        image_size: side in pixels, where it is not the network's own.

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
        """Side in pixels that the network was made for."""
        return self.backbone.input_size

    @property
    def card(self) -> dict[str, str]:
        """What is known of it: the file, and what was stated."""
        said = "the output of the network" + (
            ", through a sigmoid" if self.output != "none" else ""
        )
        return {"output": f"number that the file was trained on: {said}", **super().card}

    def setup(self, stage: str) -> None:
        """See that the data come in a size that the network takes.

        Raises:
            MemlabError: if it takes one size only, and the data have another.
        """
        super().setup(stage)
        size = int(self.trainer.datamodule.geometry.size)  # type: ignore[attr-defined]
        if self._one_size and size != self.input_size:
            raise MemlabError(
                f"{self.title} takes images of {self.input_size} pixels only, the data come at "
                f"{size}: leave --data.image_size out, or set --model.image_size {size}"
            )

    def prepared(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] as the network wants them."""
        mean = images.new_tensor(self.backbone.mean).view(1, 3, 1, 1)
        return (images - mean) / images.new_tensor(self.backbone.std).view(1, 3, 1, 1)

    def stem(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to the activations at the seam; see `Timm`."""
        return self.backbone.stem(self.prepared(images))

    def score(self, activations: Tensor) -> Tensor:
        """Activations at the seam to scores (B,)."""
        network = self.backbone.network
        outputs: Tensor = network.forward_head(self.backbone.rest(activations)).squeeze(1)
        return outputs.sigmoid() if self.output == "sigmoid" else outputs

    def grid(self, activations: Tensor) -> Tensor:
        """The places among the activations, (B, C, h, w)."""
        return self.backbone.grid(activations)

    def embed(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to what the head reads: (B, D)."""
        return self.backbone.tail(self.stem(images))

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), RGB in [0, 1], to scores (B,)."""
        return self.score(self.stem(images))
