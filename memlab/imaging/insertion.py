"""Figures cut out of one image, to be put into another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from memlab.imaging.figures import labelled_figures
from memlab.imaging.morphology import dilated, pixels_of
from memlab.imaging.plates import EDGE, eroded
from memlab.imaging.push_pull import spread

INSIDE = 0.9
"""Share of a figure above which a figure lies inside another region, such as a face in a person."""


def whole_figures(
    mask: Tensor, others: Mapping[str, Tensor], without: tuple[str, ...] = (), apart: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return the figures of a region that are complete, and the largest of them alone.

    A figure, see `labelled_figures`, is complete if it does not touch the frame and no
    other region covers a part of it. It may lie inside another region.

    Args:
        mask: (B, 1, H, W) of 0 and 1.
        others: other regions of the same images, (B, 1, H, W) of 0 and 1.
        without: regions among `others` that may cover no part of a figure at all.
        apart: parts of the region that are closer than this are one figure, % of the width.

    Returns:
        Two masks (B, 1, H, W) of 0 and 1; empty where no figure is complete.
    """
    inside = mask.cpu().numpy() > 0
    covers = {name: other.cpu().numpy() > 0 for name, other in others.items()}
    every, largest = np.zeros_like(inside), np.zeros_like(inside)
    for place, (labels, areas) in enumerate(labelled_figures(mask, apart)):
        complete = areas > 0
        complete[0] = False
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            complete[edge] = False
        for name, cover in covers.items():
            common = np.bincount(labels[cover[place, 0]], minlength=len(areas))
            part = common > 0 if name in without else (common > 0) & (common < INSIDE * areas)
            complete &= ~part
        if complete.any():
            every[place, 0] = complete[labels]
            largest[place, 0] = labels == np.where(complete, areas, 0).argmax()
    return torch.from_numpy(every).to(mask), torch.from_numpy(largest).to(mask)


def without_ground(images: Tensor, figures: Tensor) -> Tensor:
    """Return images whose figures continue beyond their edge, in place of the ground.

    The border strip of a figure mixes figure and ground, so it is extrapolated as well. Parts that
    are thinner than two border strips keep their own pixels, and so do figures that consist of
    their border strip by more than half, such as letters, whose strip shows their outline.

    Args:
        images: (B, 3, H, W) in [0, 1].
        figures: (B, 1, H, W) of 0 and 1.
    """
    inner = eroded(figures)
    near = dilated(inner, (pixels_of(EDGE, figures.shape[-1]) or 1) + 1)
    thick = inner.sum((2, 3), keepdim=True) >= figures.sum((2, 3), keepdim=True) / 2
    return spread(images, torch.where(thick, inner.maximum(figures * (1 - near)), figures))
