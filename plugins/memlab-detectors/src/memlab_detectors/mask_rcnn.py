"""Detector of people and objects: torchvision's Mask R-CNN, with weights from the user."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from memlab.backbones.base import misfit
from memlab.detection.detector import RegionDetector
from memlab.errors import CheckpointError, MissingWeightsError
from memlab.models.published.files import read_tensors
from memlab_detectors.carried import Carried
from memlab_detectors.images import shrunk

URL = "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"

PERSON = 1
"""Label of people in COCO; all other labels are objects."""


class MaskRCNN(RegionDetector):
    """Detector of people and objects of COCO's 80 categories, with outlines.

    Mask R-CNN (He et al. 2017, arXiv:1703.06870) with ResNet-50-FPN, from torchvision. No package
    includes its weights: download maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth on a machine with a
    network.

    Args:
        weights: file of weights.
        threshold: minimum confidence of a detection, 0 to 1.
        regions: regions to keep: both, or only people or objects if the store has the others.

    Raises:
        CheckpointError: if there are no weights (MissingWeightsError), or they are of another
            network.
    """

    licence: ClassVar[str | None] = "BSD-3-Clause (torchvision); trained on COCO"

    def __init__(
        self,
        weights: Path | None = None,
        threshold: float = 0.7,
        regions: Literal["both", "people", "objects"] = "both",
    ) -> None:
        super().__init__()
        if weights is None or not weights.is_file():
            raise MissingWeightsError(
                f"{weights or 'mask_rcnn'}: no weights; download {URL} and give it by "
                "--with.weights FILE"
            )
        self.threshold = threshold
        self.kept = ("people", "objects") if regions == "both" else (regions,)
        self._weights = Carried(weights, "")
        self.net = _net(weights)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect people and objects; see `RegionDetector.forward`."""
        found = [self._found(image) for image in images]
        return {region: torch.stack([masks[region] for masks in found]) for region in self.kept}

    def weights_id(self) -> str | None:
        """Return the SHA-256 of the file."""
        return self._weights.id()

    def _found(self, image: Tensor) -> dict[str, Tensor]:
        self.net.eval()  # in training mode the network requires targets
        size = image.shape[-2:]
        detections = self.net([shrunk(image, 1333)])[0]
        sure = detections["scores"] >= self.threshold
        person = detections["labels"] == PERSON
        masks = {}
        for region in self.kept:
            chosen = detections["masks"][sure & (person if region == "people" else ~person)]
            shape = (1, *detections["masks"].shape[-2:])
            united = chosen.amax(0) if len(chosen) else image.new_zeros(shape)
            scaled = torch.nn.functional.interpolate(united[None], size, mode="bilinear")[0]
            masks[region] = (scaled >= 0.5).to(image)
        return masks


def _net(path: Path) -> torch.nn.Module:
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    net: torch.nn.Module = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    try:
        state = read_tensors(path)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: not a file of weights; download {URL}") from error
    problem = misfit(net.state_dict(), state)
    if problem:
        raise CheckpointError(
            f"{path}: not Mask R-CNN with ResNet-50-FPN: {problem}; download {URL}"
        )
    net.load_state_dict(state)
    return net
