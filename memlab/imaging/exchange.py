"""A figure exchanged for that of another image, in its place and size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.ndimage import label
from torch import Tensor

from memlab.imaging.arrangement import LARGER, SMALLER, Move, maps, placed, warped
from memlab.imaging.figures import Figure, figure_of
from memlab.imaging.fills import filled
from memlab.imaging.insertion import without_ground
from memlab.imaging.morphology import dilated, feathered, pixels_of

MARGIN = 1.5
"""Width of the strip around a figure that mixes figure and ground and is filled, % of the width."""


def largest_figure(mask: Tensor, gap: float) -> Tensor:
    """Return the largest figure of each mask (B, 1, H, W) of 0 and 1, as a mask of the same shape.

    Args:
        mask: the region.
        gap: parts that are nearer to each other than this are one figure, % of the width.
    """
    joined = dilated((mask > 0).float(), pixels_of(gap / 2, mask.shape[-1])).cpu().numpy() > 0
    inside = mask.cpu().numpy() > 0
    found = torch.zeros(mask.shape)
    for place in range(len(inside)):
        labels, count = label(joined[place, 0])
        labels = labels * inside[place, 0]
        sizes = torch.bincount(torch.from_numpy(labels).flatten(), minlength=count + 1)
        sizes[0] = 0
        if count and int(sizes.max()):
            found[place, 0] = torch.from_numpy(labels == int(sizes.argmax())).float()
    return found.to(mask)


def exchanged(
    images: Tensor,
    own: Tensor,
    donors: Tensor,
    theirs: Tensor,
    generators: Sequence[torch.Generator],
    back: bool = False,
) -> Tensor:
    """Return images with a donor's figure in place of their own.

    The own figure is filled from the pixels around it. The donor's figure takes its middle and its
    area, without change of proportions, and does not leave the image.

    Args:
        images: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W) of 0 and 1: one figure each, not empty.
        donors: (B, 3, H, W) in [0, 1].
        theirs: (B, 1, H, W) of 0 and 1: one figure each, not empty.
        generators: CPU generators of the noise of filled pixels, one per image.
        back: whether to put the own figure back afterwards. It loses as much sharpness as the
            donor's does, and the pixels that the donor's figure covered are filled.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    figures = [figure_of(one[0].cpu().numpy() > 0) for one in own]
    others = [figure_of(one[0].cpu().numpy() > 0) for one in theirs]
    moves = [_fitted(one, other) for one, other in zip(figures, others, strict=True)]
    pixels = pixels_of(MARGIN, images.shape[-1]) or 1
    layer = torch.cat([without_ground(donors, theirs), theirs.to(images)], dim=1)
    there = warped(layer, *maps(moves, layer))
    hole = own.to(images)
    if back:
        hole = hole.maximum((there[:, 3:] > 0.5).to(images))
        layer = torch.cat([without_ground(images, own), own.to(images)], dim=1)
        inverse = [
            Move(figure, move.figure.centre, 1 / move.scale)
            for figure, move in zip(figures, moves, strict=True)
        ]
        there = warped(warped(layer, *maps(inverse, layer)), *maps(inverse, layer, inverse=True))
    soft = feathered(hole, pixels)
    ground = filled("harmonic", images, (soft > 0).to(images), generators).clamp(0, 1)
    ground = torch.lerp(images, ground, soft)
    return torch.lerp(ground, there[:, :3], there[:, 3:]).clamp(0, 1)


def _fitted(own: Figure, other: Figure) -> Move:
    """Return the move of a donor's figure to the place of the own figure."""
    scale = min(LARGER, max(SMALLER, (own.area / other.area) ** 0.5))
    return placed(other, own.centre, scale)
