"""Detector of people and objects: the detector inside MediaPipe's Objectron package."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from gzip import BadGzipFile
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from memlab.detection.detector import Quality
from memlab.errors import CheckpointError, MissingWeightsError
from memlab_detectors.boxes import BoxDetector, Boxes, Kept, best_of
from memlab_detectors.images import resized
from memlab_detectors.mediapipe import interpreter_of, outputs
from memlab_detectors.ssd import SIDE, anchors, decoded, probabilities

VERSION = "0.4.1675468480"
MEMBER = "package/objectron_solution_packed_assets.data"
LABELS_END, MODEL_END = 184, 9_987_912
"""Bytes at which the labels and the network end in the file."""
SHA256 = "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6"
"""Of the network alone."""
LABELS_SHA256 = "c148336a65f673013609a923fdcbdeec0f49df935045029c3746a3828a0e80e0"
"""Of the labels alone."""
PACKAGE_SHA256 = "fc3e37b326b05e8f596099c90b3e0931b05a56cd3160b9ac450b621794bac94c"
FETCH = f"fetch it with npm pack @mediapipe/objectron@{VERSION} (SHA-256 {PACKAGE_SHA256[:16]}...)"
GIVE = f"give it by --with.weights mediapipe-objectron-{VERSION}.tgz"


class Objectron(BoxDetector):
    """Detector of people and of objects of 22 classes, with outlines.

    SSD (Liu et al. 2016, arXiv:1512.02325) with MobileNetV2, trained on Open Images v4, from the
    npm package @mediapipe/objectron. Person becomes `people`; cats, dogs, cattle, cars, chairs,
    tables, bottles, cups, footwear, ... become `objects`. Other things are not detected. No
    package of PyPI includes the weights: `npm pack @mediapipe/objectron@0.4.1675468480` on a
    machine with a network fetches them. People are outlined within their boxes by MediaPipe's
    selfie segmentation, objects by GrabCut; a box without an outline is left out.

    Args:
        weights: the package as `npm pack` writes it, or objectron_solution_packed_assets.data from
            it.
        threshold: minimum confidence of a box, 0 to 1.
        regions: regions to keep: both, or only people or objects if the store has the others.

    Raises:
        CheckpointError: if there are no weights (MissingWeightsError), or the file is damaged or
            another one.
        MissingWeightsError: if ai-edge-litert, mediapipe or OpenCV is not installed.
    """

    licence: ClassVar[str | None] = "Apache-2.0 (MediaPipe, weights); trained on Open Images v4"
    quality: ClassVar[Sequence[Quality]] = (
        Quality(
            "people",
            "114 photographs, by eye, by image, at threshold 0.4",
            there=17,
            found=13,
            marked=15,
            right=13,
            held_out=True,
        ),
        Quality(
            "objects",
            "120 photographs, by eye, by image and label, at threshold 0.4",
            there=45,
            found=34,
            marked=46,
            right=34,
            held_out=True,
        ),
    )

    def __init__(
        self, weights: Path | None = None, threshold: float = 0.4, regions: Kept = "both"
    ) -> None:
        labels, model = packed(weights)
        super().__init__(threshold, regions, labels.index("Person"))
        self.labels = labels
        self._net = interpreter_of(model)
        self._anchors = anchors()

    def boxes(self, image: Tensor) -> Boxes:
        """Locate people and objects; see `BoxDetector.boxes`."""
        height, width = image.shape[-2:]
        raw = outputs(self._net, resized(image, (SIDE, SIDE)) * 2 - 1)
        encodings, logits = sorted(raw, key=lambda output: output.shape[-1])
        edges = decoded(encodings, self._anchors) * np.array([width, height] * 2)
        return best_of(edges, probabilities(logits), self.threshold, (height, width))

    def weights_id(self) -> str | None:
        """Return the SHA-256 of the network, and of the one that outlines people."""
        ids = [f"@mediapipe/objectron {VERSION} {Path(MEMBER).name} network sha256:{SHA256}"]
        if self.cutouts.weights is not None:
            ids.append(self.cutouts.weights.id())
        return "; ".join(ids)


def packed(path: Path | None) -> tuple[list[str], bytes]:
    """Read labels and network from the package or from its file.

    Returns:
        The labels without the background, and the network.

    Raises:
        MissingWeightsError: if there is no file.
        CheckpointError: if the file is damaged or another one.
    """
    if path is None or not path.is_file():
        raise MissingWeightsError(f"{path or 'objectron'}: no weights; {FETCH} and {GIVE}")
    try:
        content = _member(path) if _is_gzip(path) else _first_bytes(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    labels, model = content[:LABELS_END], content[LABELS_END:MODEL_END]
    checksum = sha256(model).hexdigest()
    of_labels = sha256(labels).hexdigest()
    if (of_labels, checksum) == (LABELS_SHA256, SHA256) and len(content) == MODEL_END:
        return labels.decode().split("\n")[1:24], model
    if checksum == SHA256 and of_labels != LABELS_SHA256:
        problem = "is damaged: its labels were changed"
    elif labels.startswith(b"???\nBicycle\n") and len(content) < MODEL_END:
        problem = f"is truncated: {len(content):,} of {MODEL_END:,} bytes"
    else:
        problem = f"is not {Path(MEMBER).name} of version {VERSION}"
    raise CheckpointError(
        f"{path}: {problem} (SHA-256 of its network {checksum[:8]}..., not {SHA256[:8]}...); "
        f"{FETCH}"
    )


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MODEL_END + 1)  # one more tells a longer file


def _member(path: Path) -> bytes:
    try:
        with tarfile.open(path, "r:gz") as package:
            file = package.extractfile(MEMBER)
            content = b"" if file is None else file.read(MODEL_END + 1)
    except KeyError as error:
        raise CheckpointError(
            f"{path}: has no {MEMBER}: not the package of version {VERSION}; {FETCH}"
        ) from error
    except (tarfile.TarError, BadGzipFile, EOFError, zlib.error) as error:
        raise CheckpointError(f"{path}: is damaged or truncated: {error}; {FETCH}") from error
    return content
