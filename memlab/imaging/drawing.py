"""Figures drawn at another place of an image."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.figures import Figure


def drawn(layer: Tensor, figure: Figure, centre: tuple[float, float]) -> Tensor:
    """Return a layer on which a figure has a new place, with no cover elsewhere.

    The figure is not resized and moves by whole pixels, so that it loses no detail. Colour moves
    with it, beyond its edge too, so that the edge of the cover can be blurred.

    Args:
        layer: (C, H, W): colour, and as the last channel the cover.
        figure: the figure.
        centre: new middle of its bounding box, down and across, shares of height and width. The
            figure does not leave the image.
    """
    places, boxes = [], []
    for middle, box, whole in zip(centre, figure.box, layer.shape[-2:], strict=True):
        side = box.stop - box.start
        first = min(whole - side, max(0, round(middle * whole - side / 2)))
        places.append((torch.arange(whole) - first + box.start).clamp(0, whole - 1))
        boxes.append(slice(first, first + side))
    moved = layer[:, places[0]][:, :, places[1]]
    cover = torch.zeros_like(moved[-1:])
    cover[:, boxes[0], boxes[1]] = moved[-1:, boxes[0], boxes[1]]
    return torch.cat([moved[:-1], cover])
