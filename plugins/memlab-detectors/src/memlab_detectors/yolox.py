"""Detector of people and objects: any YOLOX in ONNX, with weights from the user."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.errors import CheckpointError, MissingWeightsError
from memlab_detectors.boxes import BoxDetector, Boxes, Kept, best_of
from memlab_detectors.carried import Carried, missing
from memlab_detectors.images import as_bytes

INSTALL = "pip install onnxruntime"

CLASSES, PERSON = 80, 0
"""Number of COCO's classes, and index of people among them."""

STRIDES = (8, 16, 32)
"""Distance between the grid positions of each layer in pixels."""

USUAL = 640
"""Input side in pixels of a network that accepts any."""

GREY = 114
"""Value of the pixels beside the image."""

LARGEST = 16.0
"""Maximum logarithm of a side in grid steps, on a blank image; a decoded side is far larger."""

EXPORT = "export a YOLOX of COCO's 80 classes without decode_in_inference"


class YOLOX(BoxDetector):
    """Detector of people and objects of COCO's 80 classes, with outlines.

    Any YOLOX (Ge et al. 2021, arXiv:2107.08430) of release 0.1.1 or later, exported to ONNX by its
    authors' tool, without decoded boxes. No package includes its weights, and memlab makes no claim
    about the quality of weights that it does not know. Person becomes `people`, all other classes
    `objects`. People are outlined within their boxes by MediaPipe's selfie segmentation, objects by
    GrabCut; a box without an outline is left out. Objects alone do not need MediaPipe.

    Args:
        weights: the ONNX file.
        threshold: minimum confidence of a box, objectness times class, 0 to 1.
        regions: regions to keep: both, or only people or objects if the store has the others.

    Raises:
        CheckpointError: if there are no weights (MissingWeightsError), or they are of another
            network.
        MissingWeightsError: if onnxruntime, mediapipe, ai-edge-litert or OpenCV is not installed.
    """

    licence: ClassVar[str | None] = "Apache-2.0 (YOLOX); of the weights: unknown to memlab"

    def __init__(
        self, weights: Path | None = None, threshold: float = 0.3, regions: Kept = "both"
    ) -> None:
        if weights is None or not weights.is_file():
            raise MissingWeightsError(
                f"{weights or 'yolox'}: no weights; {EXPORT} to ONNX and give it by "
                "--with.weights FILE"
            )
        net = _session(weights)
        super().__init__(threshold, regions, PERSON)
        self._weights, self._net = Carried(weights, ""), net
        (source,) = net.get_inputs()
        self._input = source.name
        sides = [side if isinstance(side, int) else USUAL for side in source.shape[2:]]
        self._size = (sides[0], sides[1])
        self._places, self._steps = places(self._size)
        blank = np.full((*self._size, 3), GREY, np.uint8)
        try:
            output = self._run(blank)
        except Exception as error:  # onnxruntime raises classes of its own
            raise CheckpointError(f"{weights}: not a YOLOX: {_reason(error)}; {EXPORT}") from error
        _require_yolox(output, weights, len(self._places))

    def boxes(self, image: Tensor) -> Boxes:
        """Locate people and objects; see `BoxDetector.boxes`."""
        height, width = image.shape[-2:]
        pixels, ratio = self._letterboxed(image)
        raw = self._run(pixels)[0]
        edges = decoded(raw, self._places, self._steps) / ratio
        return best_of(edges, raw[:, 4:5] * raw[:, 5:], self.threshold, (height, width))

    def notes(self) -> list[str]:
        """Return the hash of the weights, their unknown quality, and the boxes left out."""
        unknown = "memlab makes no claim about the quality of these weights"
        return [f"{self._weights.id()}: {unknown}", *super().notes()]

    def weights_id(self) -> str | None:
        """Return the SHA-256 of the file, and of the network that outlines people."""
        outlines = self.cutouts.weights
        ids = [self._weights.id()] if outlines is None else [self._weights.id(), outlines.id()]
        return "; ".join(ids)

    def _letterboxed(self, image: Tensor) -> tuple[NDArray[np.uint8], float]:
        """Scale into the upper left of the input's size; return BGR pixels, and the ratio."""
        cv2 = self.cutouts.cv2
        pixels = as_bytes(image)[:, :, ::-1]
        high, wide = pixels.shape[:2]
        ratio = min(self._size[0] / high, self._size[1] / wide)
        scaled = max(1, int(wide * ratio)), max(1, int(high * ratio))
        square = np.full((*self._size, 3), GREY, np.uint8)
        square[: scaled[1], : scaled[0]] = cv2.resize(np.ascontiguousarray(pixels), scaled)
        return square, ratio

    def _run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the output for BGR pixels, (H, W, 3)."""
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None].astype(np.float32))
        return np.asarray(self._net.run(None, {self._input: planes})[0])


def places(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the grid positions x, y, (N, 2) in steps, and the steps in pixels, (N, 1)."""
    grids, steps = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: size[0] // stride, : size[1] // stride]
        grids.append(np.stack([x.ravel(), y.ravel()], axis=1))
        steps.append(np.full((x.size, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(steps).astype(np.float32)


def decoded(
    raw: NDArray[np.float32], grid: NDArray[np.float32], steps: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Decode boxes.

    Args:
        raw: (N, at least 4): shift of the centre x, y in steps, logarithm of width and height.
        grid: (N, 2): grid positions x, y.
        steps: (N, 1): pixels of a step.

    Returns:
        (N, 4): left, upper, right, lower edge in pixels of the network's input.
    """
    centre = (raw[:, :2] + grid) * steps
    half = np.exp(np.minimum(raw[:, 2:4], LARGEST)) * steps / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise missing("onnxruntime", INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    try:
        net = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own
        raise CheckpointError(
            f"{path}: cannot be read as ONNX, damaged or another file: {_reason(error)}; copy it "
            f"again, or {EXPORT}"
        ) from error
    inputs = net.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        described = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
        raise CheckpointError(
            f"{path}: not a YOLOX: its input is {described}, not one float image (1, 3, H, W); "
            f"{EXPORT}"
        )
    return net


def _reason(error: Exception) -> str:
    """Return the last part of onnxruntime's message, which begins with its own codes."""
    return " ".join(str(error).split()).rpartition(" : ")[2][:120].rstrip(". ")


def _require_yolox(output: NDArray[np.float32], path: Path, count: int) -> None:
    """Check the output for a blank image.

    Args:
        output: the output, with the batch.
        path: file of the network, for the message.
        count: number of grid positions.

    Raises:
        CheckpointError: if it is not that of a YOLOX with COCO's classes.
    """
    shape, expected = output.shape, (1, count, 5 + CLASSES)
    if shape != expected and len(shape) == 3 and shape[:2] == expected[:2] and shape[2] > 5:
        problem = f"a YOLOX of {shape[2] - 5} classes, not of COCO's {CLASSES}"
    elif shape != expected:
        problem = f"not a YOLOX: its output is {shape}, not {expected}"
    elif not (
        np.isfinite(output).all() and 0 <= output[..., 4:].min() <= output[..., 4:].max() <= 1
    ):
        problem = "not a YOLOX: its scores are not between 0 and 1"
    elif output[..., 2:4].max() > LARGEST:
        problem = "its boxes are decoded already"
    else:
        return
    raise CheckpointError(f"{path}: {problem}; {EXPORT}")
