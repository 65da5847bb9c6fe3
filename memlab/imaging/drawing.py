"""Figures drawn at another place of an image."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.figures import Figure


def drawn(layer: Tensor, figure: Figure, centre: tuple[float, float]) -> Tensor:
    """Return a layer on which a figure has a new place, with no cover elsewhere.

    The figure is not resized and moves by whole pixels, so that it loses no detail.

    Args:
        layer: (C, H, W): colour, and as the last channel the cover.
        figure: the figure.
        centre: new middle of its bounding box, down and across, shares of height and width. The
            figure does not leave the image.
    """
    rows, columns = figure.box
    cut = layer[:, rows, columns]
    top, left = (
        min(whole - side, max(0, round(middle * whole - side / 2)))
        for middle, side, whole in zip(centre, cut.shape[-2:], layer.shape[-2:], strict=True)
    )
    canvas = torch.zeros_like(layer)
    canvas[:, top : top + cut.shape[-2], left : left + cut.shape[-1]] = cut
    return canvas
