"""Detectors of people and of the main subject, with two small networks from MediaPipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pad

from memlab.detection.detector import Quality, RegionDetector
from memlab_detectors.carried import Carried, carried_by, missing
from memlab_detectors.images import resized, without_specks

INSTALL = "pip install ai-edge-litert; pip install --no-deps mediapipe==0.10.21"
"""Only MediaPipe's files of weights are used; its code pins an old NumPy."""

LICENCE = "Apache-2.0 (MediaPipe, weights)"
SEGMENTS, PERSONS = "selfie_segmentation.tflite", "pose_detection.tflite"
SUBJECT_SIDE, PERSON_SIDE = 256, 224
"""Input sides in pixels of the two networks."""
GRIDS = ((8, 2), (16, 2), (32, 6))
"""Strides in pixels of the person detector's grids, and number of anchors per grid position."""
SAME = 0.3
"""Overlap (intersection over union) from which two detections are of the same person."""


class People(RegionDetector):
    """Detector of people who are large enough: about a quarter of the image's height.

    MediaPipe's pose detector (BlazePose, Bazarevsky et al. 2020, arXiv:2006.10204) locates a person
    and the radius of the body. Within that circle, MediaPipe's selfie segmentation draws the
    outline. The outline includes things that a person holds or sits beside, such as a dog. Small
    people, close-ups of a face and rows of a crowd are missed; a mannequin is detected as a person.
    Components of less than 1 % of the image are left out, unless there is no larger one.

    Args:
        threshold: minimum confidence of the pose detector, 0 to 1.

    Raises:
        MissingWeightsError: if mediapipe or ai-edge-litert is not installed.
    """

    licence: ClassVar[str | None] = LICENCE
    quality: ClassVar[Sequence[Quality]] = (
        Quality(
            "people",
            "240 photographs, by eye, by image, at threshold 0.8",
            there=37,
            found=15,
            marked=16,
            right=15,
            held_out=False,
        ),
    )

    def __init__(self, threshold: float = 0.8) -> None:
        super().__init__()
        self.threshold = threshold
        self._weights = [carried_by("mediapipe", name, INSTALL) for name in (SEGMENTS, PERSONS)]
        self._segments, self._persons = (interpreter(weights) for weights in self._weights)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect people; see `RegionDetector.forward`."""
        masks = [self._people(image) for image in images.cpu()]
        return {"people": torch.stack(masks).to(images)}

    def weights_id(self) -> str | None:
        """Return the SHA-256 of each of the two networks."""
        return "; ".join(weights.id() for weights in self._weights)

    def _people(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        within = torch.zeros(height, width, dtype=torch.bool)
        rows, columns = torch.meshgrid(
            torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij"
        )
        for x, y, radius in self._circles(image):
            within |= (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
        if not within.any():
            return within[None].float()
        return without_specks(foreground(self._segments, image) * within)

    def _circles(self, image: Tensor) -> list[tuple[float, float, float]]:
        """Return centre and radius in pixels of the circles around bodies."""
        height, width = image.shape[-2:]
        side = max(height, width)
        left, top = (side - width) // 2, (side - height) // 2
        square = pad(image, (left, side - width - left, top, side - height - top))
        small = resized(square, (PERSON_SIDE, PERSON_SIDE))
        places, logits = sorted(outputs(self._persons, small * 2 - 1), key=lambda o: -o.shape[-1])
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0].astype(np.float64), -50, 50)))
        detections = places.astype(np.float64) / PERSON_SIDE
        for at in (0, 4, 6):  # face centre, hip centre, point on the circle: relative to anchors
            detections[:, at : at + 2] += ANCHORS
        circles = []
        for detection in detections[unlike(detections, scores, self.threshold)] * side:
            x, y = detection[4] - left, detection[5] - top
            circles.append(
                (x, y, float(np.hypot(detection[6] - detection[4], detection[7] - detection[5])))
            )
        return circles


class Subject(RegionDetector):
    """Detector of the main subject of an image, where it stands before its background.

    MediaPipe's selfie segmentation, used outside its intended domain. It was trained on people, but
    also outlines animals and things in front of a plain or blurred background. Its region is
    `salient`, the same as that of the detector `salient`, which needs no weights. Objects are not
    separated from each other. Components of less than 1 % of the image are left out, unless there
    is no larger one.

    Args:
        threshold: minimum confidence of a pixel, 0 to 1.

    Raises:
        MissingWeightsError: if mediapipe or ai-edge-litert is not installed.
    """

    licence: ClassVar[str | None] = LICENCE
    quality: ClassVar[Sequence[Quality]] = (
        Quality(
            "salient",
            "24 photographs, outlined well by eye, at threshold 0.5",
            there=24,
            found=9,
            marked=20,
            right=9,
            held_out=False,
        ),
    )

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        self._weights = carried_by("mediapipe", SEGMENTS, INSTALL)
        self._segments = interpreter(self._weights)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect the main subject; see `RegionDetector.forward`."""
        masks = [
            without_specks(foreground(self._segments, image, self.threshold))
            for image in images.cpu()
        ]
        return {"salient": torch.stack(masks).to(images)}

    def weights_id(self) -> str | None:
        """Return the SHA-256 of the network."""
        return self._weights.id()


def interpreter(weights: Carried) -> Any:
    """Prepare a network to run, on as many threads as torch uses.

    Raises:
        MissingWeightsError: if ai-edge-litert is not installed.
    """
    return interpreter_of(weights.path.read_bytes())


def interpreter_of(network: bytes) -> Any:
    """Prepare a network to run, from the content of its file.

    Raises:
        MissingWeightsError: if ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise missing("ai-edge-litert", INSTALL) from error
    net = Interpreter(model_content=network, num_threads=torch.get_num_threads())
    net.allocate_tensors()
    return net


def outputs(net: Any, image: Tensor) -> list[NDArray[np.float32]]:
    """Run a network on one image, (3, H, W) in its range; return its outputs without the batch."""
    pixels = image.permute(1, 2, 0)[None].contiguous().float().numpy()
    net.set_tensor(net.get_input_details()[0]["index"], pixels)
    net.invoke()
    return [net.get_tensor(detail["index"])[0] for detail in net.get_output_details()]


def foreground(net: Any, image: Tensor, threshold: float = 0.5) -> Tensor:
    """Return the foreground by selfie segmentation: (3, H, W) to (1, H, W) of 0 and 1."""
    (sure,) = outputs(net, resized(image, (SUBJECT_SIDE, SUBJECT_SIDE)))
    likely = torch.from_numpy(sure).permute(2, 0, 1)[None]
    scaled = interpolate(likely, tuple(image.shape[-2:]), mode="bilinear")[0]
    return (scaled >= threshold).float()


def unlike(
    detections: NDArray[np.float64], scores: NDArray[np.float64], threshold: float
) -> list[int]:
    """Select the most confident detections, each of another face than those before.

    Args:
        detections: (N, at least 4): centre, width and height of the face.
        scores: (N,).
        threshold: minimum score.
    """
    chosen: list[int] = []
    for at in np.argsort(-scores):
        if scores[at] < threshold:
            break
        if all(overlap(detections[at], detections[other]) < SAME for other in chosen):
            chosen.append(int(at))
    return chosen


def overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the intersection over union of two boxes: centre, width and height."""
    low = np.maximum(one[:2] - one[2:4] / 2, other[:2] - other[2:4] / 2)
    high = np.minimum(one[:2] + one[2:4] / 2, other[:2] + other[2:4] / 2)
    shared = float(np.clip(high - low, 0, None).prod())
    return shared / max(float(one[2] * one[3] + other[2] * other[3]) - shared, 1e-12)


def anchors() -> NDArray[np.float64]:
    """Return the anchors of the person detector, (2254, 2) in shares of the side."""
    grids = []
    for stride, guesses in GRIDS:
        places = (np.arange(PERSON_SIDE // stride) + 0.5) * stride / PERSON_SIDE
        grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, guesses, axis=0))
    return np.concatenate(grids)


ANCHORS = anchors()
