"""Base of detectors that locate people and objects by boxes and outline them within the boxes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import batched_nms

from memlab.detection.detector import RegionDetector
from memlab_detectors.cutouts import Cutouts

Kept = Literal["both", "people", "objects"]
"""Regions of a detector that a user keeps."""

SAME = 0.5
"""Overlap (intersection over union) from which two boxes of a class are of the same object."""

MOST = 100
"""Maximum number of boxes of an image; a detector rarely finds more than 20."""


@dataclass(frozen=True)
class Boxes:
    """Detections of one image.

    Args:
        edges: (N, 4): left, upper, right, lower edge in pixels.
        scores: (N,), 0 to 1.
        classes: (N,): index of the class.
    """

    edges: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of detections."""
        return len(self.scores)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Boxes:
        """Return some of the detections, by a mask or by indices."""
        return replace(
            self, edges=self.edges[which], scores=self.scores[which], classes=self.classes[which]
        )


def best_of(
    edges: NDArray[np.floating],
    scores: NDArray[np.floating],
    threshold: float,
    size: tuple[int, int],
) -> Boxes:
    """Select the detections from a threshold, without doubles of the same class.

    Args:
        edges: (N, 4): left, upper, right, lower edge in pixels; clipped to the image.
        scores: (N, classes), 0 to 1.
        threshold: minimum score.
        size: height and width of the image in pixels.
    """
    at, classes = np.nonzero(scores >= threshold)
    height, width = size
    clipped = np.clip(edges[at], 0, [width, height, width, height]).astype(np.float32)
    boxes = Boxes(clipped, scores[at, classes].astype(np.float32), classes)
    boxes = boxes.chosen(np.asarray((clipped[:, 2:] - clipped[:, :2] >= 1).all(axis=1)))
    kept = batched_nms(*(torch.from_numpy(part) for part in _parts(boxes)), SAME)
    return boxes.chosen(kept[:MOST].numpy())


def _parts(boxes: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    return boxes.edges, boxes.scores, boxes.classes


class BoxDetector(RegionDetector):
    """Base class of detectors of people and objects by boxes.

    A subclass implements `boxes`. People are outlined within their boxes by MediaPipe's selfie
    segmentation, objects by GrabCut (see `Cutouts`). A box in which no outline is found is left
    out and counted.

    Args:
        threshold: minimum confidence of a box, 0 to 1.
        regions: regions to keep.
        person: index of the class of people.

    Raises:
        MissingWeightsError: if OpenCV, or for people mediapipe or ai-edge-litert, is not installed.
    """

    def __init__(self, threshold: float, regions: Kept, person: int) -> None:
        super().__init__()
        self.threshold = threshold
        self.kept = ("people", "objects") if regions == "both" else (regions,)
        self.person = person
        self.cutouts = Cutouts(people="people" in self.kept)
        self._seen = self._left_out = 0

    @abstractmethod
    def boxes(self, image: Tensor) -> Boxes:
        """Locate people and objects in an image, (3, H, W) in [0, 1]."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect people and objects; see `RegionDetector.forward`."""
        masks = [self._masks(image) for image in images.cpu()]
        return {
            region: torch.stack([mask[region] for mask in masks])[:, None].to(images)
            for region in self.kept
        }

    def notes(self) -> list[str]:
        """Return how many boxes were left out since the detector was made, if any."""
        if not self._left_out:
            return []
        return [
            f"{self._left_out} of {self._seen} boxes left out: no outline of a person or object "
            "was found inside"
        ]

    def _masks(self, image: Tensor) -> dict[str, Tensor]:
        masks = {region: torch.zeros(image.shape[-2:]) for region in self.kept}
        boxes = self.boxes(image)
        for box, label in zip(boxes.edges, boxes.classes, strict=True):
            region = "people" if label == self.person else "objects"
            if region not in masks:
                continue
            outline = self.cutouts.outline(image, box, region)
            self._seen += 1
            if outline is None:
                self._left_out += 1
            else:
                masks[region] = torch.maximum(masks[region], outline.float())
        return masks
