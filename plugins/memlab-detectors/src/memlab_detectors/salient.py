"""Detector of salient regions by colour, without weights."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from memlab.detection.detector import RegionDetector
from memlab_detectors.images import resized, without_specks

PATCHES = 40
"""Patches along the longer side; the paper uses patches of 10 pixels in images of 400 pixels."""

NOTICEABLE = 2.3
"""Just noticeable distance in CIELAB (Mahy et al. 1994, Color Research & Application 19)."""


class Salient(RegionDetector):
    """Detector of salient regions by a colour rule, without a network.

    Geodesic saliency on a grid of patches (Wei et al. 2012, ECCV, "Geodesic saliency using
    background priors", GS_GD). The saliency of a patch is the cost of the cheapest path from it to
    the image's edge. A step costs the colour difference beyond the usual difference of neighbours.
    The region is where saliency exceeds `threshold` times its mean (Achanta et al. 2009, CVPR). The
    region need not be an object: a bright cloud is also salient, and an object that touches the
    edge seldom is. Components of less than 1 % of the image are left out, unless there is no larger
    one.

    Args:
        threshold: multiple of the mean saliency of the image.
    """

    licence: ClassVar[str | None] = "Apache-2.0 (no weights)"

    def __init__(self, threshold: float = 2.0) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Detect salient regions; see `RegionDetector.forward`."""
        masks = [self._salient(image) for image in images.cpu()]
        return {"salient": torch.stack(masks).to(images)}

    def _salient(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        scale = PATCHES / max(height, width)
        rows, columns = (max(3, round(side * scale)) for side in (height, width))
        saliency = geodesic(lab(resized(image, (rows, columns))))
        dear = torch.from_numpy(saliency).float()[None].expand(3, -1, -1)
        dear = dear / max(float(dear.max()), 1e-6)
        inside = resized(dear, (height, width))[:1]
        return without_specks((inside > self.threshold * float(dear.mean())).float())


def geodesic(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the cost of the cheapest path from each patch to the edge.

    Args:
        colours: (H, W, 3) of patches, CIELAB or a similar space.

    Returns:
        (H, W) in the unit of the colours; 0 where it is less than `NOTICEABLE`.
    """
    height, width = colours.shape[:2]
    place = np.arange(height * width).reshape(height, width)
    flat = colours.reshape(height * width, -1)
    ways = [(place[:, :-1], place[:, 1:]), (place[:-1], place[1:])]
    ways += [(place[:-1, :-1], place[1:, 1:]), (place[:-1, 1:], place[1:, :-1])]
    start, end = (np.concatenate([way[side].ravel() for way in ways]) for side in (0, 1))
    step = np.linalg.norm(flat[start] - flat[end], axis=1)
    # a patch's difference to its most similar neighbour counts as texture and costs nothing
    least = np.full(height * width, np.inf)
    np.minimum.at(least, start, step)
    np.minimum.at(least, end, step)
    step = np.clip(step - least.mean(), 0, None)
    edge = np.unique(np.concatenate([place[0], place[-1], place[:, 0], place[:, -1]]))
    outside = np.full(edge.size, height * width)
    tiny = 1e-9  # a sparse graph takes 0 for a missing edge
    graph = coo_array(
        (
            np.concatenate([step, np.zeros(edge.size)]) + tiny,
            (np.concatenate([start, outside]), np.concatenate([end, edge])),
        ),
        shape=(height * width + 1,) * 2,
    ).tocsr()
    ways_out = dijkstra(graph, directed=False, indices=height * width)[:-1]
    ways_out[ways_out < NOTICEABLE] = 0
    dear: NDArray[np.float64] = ways_out.reshape(height, width)
    return dear


def lab(image: Tensor) -> NDArray[np.float64]:
    """Convert (3, H, W) sRGB in [0, 1] to (H, W, 3) CIELAB."""
    from kornia.color import rgb_to_lab

    colours: NDArray[np.float64] = rgb_to_lab(image[None])[0].permute(1, 2, 0).double().numpy()
    return colours
