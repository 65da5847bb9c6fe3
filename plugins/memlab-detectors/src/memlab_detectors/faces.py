"""Detector of faces: MTCNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.detection.detector import Quality, RegionDetector
from memlab_detectors.carried import carried_by, missing
from memlab_detectors.images import as_bytes, shrunk

INSTALL = "pip install --no-deps facenet-pytorch==2.6.0"
"""facenet-pytorch pins a torch of 2024, which it does not need."""

NETS = ("pnet.pt", "rnet.pt", "onet.pt")


class Faces(RegionDetector):
    """Detector of people's faces, in frontal or half-profile view.

    MTCNN, a cascade of three small networks (Zhang et al. 2016, IEEE Signal Processing Letters 23,
    doi:10.1109/LSP.2016.2603342), with the weights that facenet-pytorch includes. A mask is the
    ellipse inside the box, which spans from brow to chin. Faces smaller than 20 pixels, or 2 % of
    the image's longer side, are not detected. A dog's face is sometimes detected as a person's.

    Args:
        threshold: minimum confidence of the last network, 0 to 1.

    Raises:
        MissingWeightsError: if facenet-pytorch is not installed.
    """

    licence: ClassVar[str | None] = "MIT (facenet-pytorch, code and weights)"
    quality: ClassVar[Sequence[Quality]] = (
        Quality(
            "faces",
            "231 photographs, by eye, face by face, at threshold 0.95",
            there=31,
            found=26,
            marked=28,
            right=26,
            held_out=False,
        ),
    )

    def __init__(self, threshold: float = 0.95) -> None:
        super().__init__()
        self.threshold = threshold
        self._weights = [carried_by("facenet-pytorch", net, INSTALL) for net in NETS]
        try:
            from facenet_pytorch import MTCNN
        except ImportError as error:
            raise missing(str(error.name), f"pip install {error.name}") from error
        # MTCNN keeps a device of its own; its networks are too small to gain from a GPU
        self._detect = MTCNN(keep_all=True, min_face_size=20, device="cpu").detect

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect faces; see `RegionDetector.forward`."""
        masks = [torch.from_numpy(self._faces(image)) for image in images.cpu()]
        return {"faces": torch.stack(masks)[:, None].to(images)}

    def weights_id(self) -> str | None:
        """Return the SHA-256 of each of the three networks."""
        return "; ".join(weights.id() for weights in self._weights)

    def _faces(self, image: Tensor) -> NDArray[np.bool_]:
        height, width = image.shape[-2:]
        small = shrunk(image, 1024)
        boxes, scores = self._detect(as_bytes(small))
        if boxes is None:
            return np.zeros((height, width), dtype=np.bool_)
        scale = np.array([width, height] * 2) / np.array([*small.shape[:0:-1]] * 2)
        return ovals(boxes[scores >= self.threshold] * scale, height, width)


def ovals(boxes: NDArray[np.floating], height: int, width: int) -> NDArray[np.bool_]:
    """Fill the ellipses inscribed in boxes.

    Args:
        boxes: (N, 4): left, upper, right, lower edge in pixels.
        height: height of the mask in pixels.
        width: width of the mask in pixels.

    Returns:
        (height, width).
    """
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), dtype=np.bool_)
    for left, top, right, bottom in boxes:
        across = (x - (left + right) / 2) / max((right - left) / 2, 0.5)
        down = (y - (top + bottom) / 2) / max((bottom - top) / 2, 0.5)
        inside |= across**2 + down**2 <= 1
    return inside
