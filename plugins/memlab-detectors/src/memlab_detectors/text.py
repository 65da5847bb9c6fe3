"""Detector of text: PP-OCR, run by rapidocr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.detection.detector import Quality, RegionDetector
from memlab.masks.outlines import polygon
from memlab_detectors.carried import carried_by, missing
from memlab_detectors.images import as_bytes, shrunk

INSTALL = "pip install 'memlab-detectors[text]'"

NETS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")

SHORTEST = 2
"""Minimum number of characters of a text. The network reads single characters into birds and bones
as confidently as it reads shop windows.
"""


class Text(RegionDetector):
    """Detector of readable text, by lines and words.

    PP-OCRv6, small, as rapidocr includes and runs it. One network marks text candidates
    (differentiable binarisation, Liao et al. 2020, arXiv:1911.08947), another reads them. The first
    alone marks most animals on plain backgrounds as text, so only candidates that the second can
    read are kept. Single characters, illegibly small print and watermarks are missed.

    Args:
        threshold: minimum confidence of the reading, 0 to 1.

    Raises:
        MissingWeightsError: if rapidocr or onnxruntime is not installed.
    """

    licence: ClassVar[str | None] = "Apache-2.0 (rapidocr; PP-OCRv6 weights, PaddlePaddle)"
    quality: ClassVar[Sequence[Quality]] = (
        Quality("text", "60 photographs, by eye, by image, at threshold 0.7", 11, 7, 7, 7, False),
    )

    def __init__(self, threshold: float = 0.7) -> None:
        super().__init__()
        self.threshold = threshold
        self._weights = [carried_by("rapidocr", net, INSTALL) for net in NETS]
        try:
            import onnxruntime  # noqa: F401 - rapidocr asks for it later, and differently
            from rapidocr import RapidOCR
        except ImportError as error:
            raise missing(str(error.name), INSTALL) from error
        options = {
            "Global.log_level": "critical",  # rapidocr warns of every image without text
            "Global.text_score": threshold,
            "Global.use_cls": False,  # upside-down text also counts
            "Det.model_path": str(self._weights[0].path),
            "Rec.model_path": str(self._weights[1].path),
            "EngineConfig.onnxruntime.intra_op_num_threads": torch.get_num_threads(),
        }
        self._read: Any = RapidOCR(params=options)  # its result type depends on the options

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect text; see `RegionDetector.forward`."""
        masks = [torch.from_numpy(self._words(image)) for image in images.cpu()]
        return {"text": torch.stack(masks)[:, None].to(images)}

    def weights_id(self) -> str | None:
        """Return the SHA-256 of each of the two networks."""
        return "; ".join(weights.id() for weights in self._weights)

    def _words(self, image: Tensor) -> NDArray[np.bool_]:
        height, width = image.shape[-2:]
        small = shrunk(image, 2000)
        read = self._read(np.ascontiguousarray(as_bytes(small)[:, :, ::-1]))  # RapidOCR expects BGR
        inside = np.zeros((height, width), dtype=np.bool_)
        if read.boxes is None:
            return inside
        scale = np.array([width, height]) / np.array([small.shape[2], small.shape[1]])
        for box, text in zip(read.boxes, read.txts, strict=True):
            if len(text.strip()) >= SHORTEST:
                inside |= polygon((box * scale).ravel().tolist(), height, width)
        return inside
