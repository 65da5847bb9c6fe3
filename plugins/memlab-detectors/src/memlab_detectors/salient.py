"""What stands out from the edge of the image, without any weights."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from memlab.detection.detector import RegionFinder
from memlab_detectors.images import resized, without_specks

PATCHES = 40
"""Patches along the longer side; the paper has patches of 10 pixels in images of 400."""

NOTICEABLE = 2.3
"""Distance in CIELAB that is just seen (Mahy et al. 1994, Color Research & Application 19)."""


class Salient(RegionFinder):
    """Find what stands out; no net, no weights: a rule about colour.

    Geodesic saliency on a grid of patches (Wei et al. 2012, ECCV, "Geodesic saliency using
    background priors", GS_GD): a patch is as salient as the cheapest way from it to the image's
    edge is dear, where a step costs how much the colour changes beyond what neighbours differ by
    anyway. The region is what is more salient than `threshold` times the mean (Achanta et al. 2009,
    CVPR). It is no object: a bright cloud stands out, too, and what touches the edge seldom does.
    Pieces of less than 1 % of the image are left out, unless there is no larger one.

    Args:
        threshold: times the mean saliency of the image.
    """

    licence: ClassVar[str | None] = "Apache-2.0 (no weights)"

    def __init__(self, threshold: float = 2.0) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Mark what stands out; see `RegionFinder.forward`."""
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
    """How dear the cheapest way from each patch to the edge is.

    Args:
        colours: (H, W, 3) of patches, CIELAB or the like.

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
    # what a patch differs by from the one most like it is texture, and costs nothing
    least = np.full(height * width, np.inf)
    np.minimum.at(least, start, step)
    np.minimum.at(least, end, step)
    step = np.clip(step - least.mean(), 0, None)
    edge = np.unique(np.concatenate([place[0], place[-1], place[:, 0], place[:, -1]]))
    outside = np.full(edge.size, height * width)
    tiny = 1e-9  # a sparse graph takes 0 for no way at all
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
    """(3, H, W) sRGB in [0, 1] to (H, W, 3) CIELAB."""
    from kornia.color import rgb_to_lab

    colours: NDArray[np.float64] = rgb_to_lab(image[None])[0].permute(1, 2, 0).double().numpy()
    return colours
