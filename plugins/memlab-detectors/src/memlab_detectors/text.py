"""Text, by PP-OCR's detector."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from memlab.regions.finder import RegionFinder
from memlab_detectors.carried import carried_by, missing
from memlab_detectors.pictures import resized

INSTALL = "pip install 'memlab-detectors[text]'"

SHORTER = 736
"""Pixels that the net wants the shorter side to have at least, as rapidocr gives it."""

LONGEST = 2048
"""No side is made longer than that."""

INK = 0.3
"""Of the net's map, from which a pixel lies in the core of a word; rapidocr's `thresh`."""

GROWTH = 1.6
"""How far a core grows, in areas per perimeter; rapidocr's `unclip_ratio`."""


class Text(RegionFinder):
    """Find written text, in any script, by lines and words.

    The detector of PP-OCRv6, small, which rapidocr carries: differentiable binarisation (Liao et
    al. 2020, arXiv:1911.08947) gives the cores of words; each is grown by 1.6 areas per perimeter,
    as the shrinking in its training demands. Unlike in rapidocr, a word keeps its outline: it is
    not made a rectangle.

    Args:
        threshold: mean of the net's map within a core from which it counts as text, 0 to 1.

    Raises:
        PluginError: if rapidocr or onnxruntime is not installed.
    """

    licence: ClassVar[str | None] = "Apache-2.0 (PP-OCRv6 weights, PaddlePaddle)"

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        self._weights = carried_by("rapidocr", "PP-OCRv6_det_small.onnx", INSTALL)
        try:
            import onnxruntime
        except ImportError as error:
            raise missing("onnxruntime", INSTALL) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(
            str(self._weights.path), options, providers=["CPUExecutionProvider"]
        )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Mark the text; see `RegionFinder.forward`."""
        masks = [torch.from_numpy(self._words(image)) for image in images.cpu()]
        return {"text": torch.stack(masks)[:, None].to(images)}

    def weights_id(self) -> str | None:
        """The net, by its SHA-256."""
        return self._weights.id()

    def _words(self, image: Tensor) -> NDArray[np.bool_]:
        height, width = image.shape[-2:]
        scale = max(1.0, SHORTER / min(height, width))
        scale = min(scale, LONGEST / max(height, width))
        # the net halves its input five times
        sides = [max(32, round(side * scale / 32) * 32) for side in (height, width)]
        seen = resized(image, (sides[0], sides[1])).flip(0)  # blue first, as OpenCV reads
        given = ((seen - 0.5) / 0.5)[None].numpy().astype(np.float32)
        (cores,) = self._session.run(None, {self._session.get_inputs()[0].name: given})
        words = grown(cores[0, 0], self.threshold)
        mask = torch.from_numpy(words.astype(np.float32))[None].expand(3, -1, -1)
        found: NDArray[np.bool_] = (resized(mask, (height, width))[0] >= 0.5).numpy()
        return found


def grown(cores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Words from the map of their cores.

    Args:
        cores: (H, W), how sure the net is that a pixel lies in the core of a word.
        threshold: mean of the map within a core from which it is one.

    Returns:
        (H, W): the cores, each grown by `GROWTH` areas per perimeter.
    """
    inside = np.zeros(cores.shape, dtype=np.bool_)
    labels, _ = ndimage.label(cores > INK, structure=np.ones((3, 3)))
    for place, box in enumerate(ndimage.find_objects(labels), start=1):
        core = labels[box] == place
        sides = sorted(core.shape)
        if sides[0] < 3 or cores[box][core].mean() < threshold:
            continue
        # the perimeter is that of a bar of the core's area as long as the core
        area, length = int(core.sum()), float(np.hypot(*core.shape))
        reach = GROWTH * area / (2 * (length + area / length))
        edge = int(np.ceil(reach))
        where = tuple(
            slice(max(0, part.start - edge), min(whole, part.stop + edge))
            for part, whole in zip(box, cores.shape, strict=True)
        )
        outside = labels[where] != place
        inside[where] |= ndimage.distance_transform_edt(outside) <= reach
    return inside
