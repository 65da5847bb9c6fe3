"""Deletion and insertion: does the score follow what a map says?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.imaging.fills import filled

SHARES = (0.1, 0.2, 0.4)
"""Shares of the area that are covered, or left."""
LEVELS = 2**16
"""Number of steps between 0 and a map's largest absolute value that are told apart."""


class Faithfulness(NamedTuple):
    """How far scores follow maps, in units of the score, (B,) each; 0 for a map without relation.

    `deletion`: score of the image without the cells of the lowest values, minus that without the
    cells of the highest. `insertion`: score of the image with the cells of the highest values
    alone, minus that with those of the lowest. Means over `SHARES` of the area.
    """

    deletion: Tensor
    insertion: Tensor


@torch.no_grad()
def faithfulness(score: Callable[[Tensor], Tensor], images: Tensor, maps: Tensor) -> Faithfulness:
    """Return deletion and insertion of maps.

    Petsiuk et al. (2018, BMVC) cover the highest values with black and compare the area under the
    curve with nothing. A score has two directions, so the order from the highest values is compared
    with the order from the lowest (as MoRF with LeRF; Rong et al. 2022, ICML). Covered pixels are
    filled from those that are left, because black areas are what no photograph shows. Of equal
    values, such as the zeros of a map with a ReLU, those that are taken first lie evenly over the
    image.

    Args:
        score: maps changed images (B, 3, H, W) to scores (B,).
        images: (B, 3, H, W) in [0, 1].
        maps: (B, 1, h, w), signed.
    """
    size = images.shape[-2:]
    values = interpolate(maps, size=size, mode="bilinear", align_corners=False).flatten(1)
    # values that differ by rounding alone must not change places from one batch size to another
    largest = values.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    even = _evenly(*size).to(values.device)
    steps = (values / largest * LEVELS).round()
    order = even[steps[:, even].argsort(dim=1, stable=True)]
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    places = (rank.to(images) / order.shape[1]).view(-1, 1, *size)

    def without(hole: Tensor) -> Tensor:
        # one change at a time: memory is that of scoring the images, however many the changes
        changed = torch.where(hole, filled("blur", images, hole.to(images), ()), images)
        return score(changed.clamp(0, 1))

    rows = []
    for share in SHARES:
        low, high = places < share, places >= 1 - share
        rows.append(torch.stack([without(hole) for hole in (low, high, ~high, ~low)]))
    low_out, high_out, high_alone, low_alone = torch.stack(rows).mean(dim=0).unbind()
    return Faithfulness(low_out - high_out, high_alone - low_alone)


def _evenly(height: int, width: int) -> Tensor:
    """Return all pixels, (H * W,) int64, in an order whose ends lie evenly over the image.

    The image is divided into 16 × 16 blocks, in the order of ordered dithering (Bayer 1973, ICC).
    """
    order = torch.zeros(1, 1, dtype=torch.int64)
    for _ in range(4):
        left = torch.cat([4 * order, 4 * order + 3])
        right = torch.cat([4 * order + 2, 4 * order + 1])
        order = torch.cat([left, right], dim=1)
    rows, columns = (torch.arange(side) * 16 // side for side in (height, width))
    return order[rows][:, columns].flatten().argsort(stable=True)
