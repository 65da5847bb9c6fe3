"""A figure exchanged for that of another image, in its place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from memlab.imaging.blur import blur_variance, difference, gaussian
from memlab.imaging.drawing import drawn
from memlab.imaging.figures import Figure, figure_of
from memlab.imaging.fills import filled
from memlab.imaging.insertion import without_ground
from memlab.imaging.morphology import feathered, pixels_of

MARGIN = 1.5
"""Width of the strip around a figure that mixes figure and ground and is filled, % of the width."""
ALIKE = 1.1
"""Largest ratio of the sides of two figures that are exchanged."""


def alike(own: float | None, other: float | None) -> bool:
    """Return whether figures of two sides may be exchanged; None is no figure.

    A figure that is smaller than the one that it replaces would uncover filled ground, which the
    round trip does not show. One that is resized would lose detail: strokes of letters fade, and a
    model of text sees none.

    Args:
        own: side of the figure that is replaced; see `Figure.side`.
        other: side of the donor's figure.
    """
    if own is None or other is None:
        return False
    return max(own / other, other / own) <= ALIKE


def figures_in(masks: Tensor) -> list[Figure | None]:
    """Return the figure of each mask (B, 1, H, W) of 0 and 1; None for an empty mask."""
    return [figure_of(one) if one.any() else None for one in masks[:, 0].cpu().numpy() > 0]


def sides_of(masks: Tensor) -> list[float | None]:
    """Return the side of each mask's figure (B, 1, H, W); None for an empty mask."""
    return [None if figure is None else figure.side for figure in figures_in(masks)]


def exchanged(
    images: Tensor,
    own: Tensor,
    donors: Tensor,
    theirs: Tensor,
    generators: Sequence[torch.Generator],
    back: bool = False,
) -> Tensor:
    """Return images with a donor's figure in place of their own.

    The own figure is filled from the pixels around it. The donor's figure gets the middle of its
    bounding box and keeps its own size. It does not leave the image. It is made as blurred as the
    image, and so are its edge and the filled ground, on the way back as well: a sharp figure in a
    blurred image would show that it was put there.

    Args:
        images: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W) of 0 and 1: one figure each, or none.
        donors: (B, 3, H, W) in [0, 1].
        theirs: (B, 1, H, W) of 0 and 1: one figure each, or none.
        generators: CPU generators of the noise of filled pixels, one per image.
        back: whether to put the own figure back instead. The pixels that the donor's figure would
            cover are filled.

    Returns:
        (B, 3, H, W) in [0, 1]. Images whose figures are not `alike` stay unchanged.
    """
    figures = [
        (place, figure, other)
        for place, (figure, other) in enumerate(
            zip(figures_in(own), figures_in(theirs), strict=True)
        )
        if figure is not None and other is not None and alike(figure.side, other.side)
    ]
    changed = images.clone()
    if not figures:
        return changed
    index = torch.tensor([place for place, _, _ in figures])
    images, own, theirs = images[index], own[index].to(images), theirs[index].to(images)
    blur, given = blur_variance(images), donors[index]
    if not back:
        given = gaussian(given, difference(blur_variance(given), blur))
    layers = torch.cat([without_ground(given, theirs), theirs], dim=1)
    over = torch.stack(
        [
            drawn(layer, other, figure.centre)
            for layer, (_, figure, other) in zip(layers, figures, strict=True)
        ]
    )
    hole = own
    if back:
        hole = own.maximum(over[:, 3:])
        over = torch.cat([without_ground(images, own), own], dim=1)
    soft = feathered(hole, pixels_of(MARGIN, images.shape[-1]) or 1)
    noises = [generators[place] for place, _, _ in figures]
    ground = filled("harmonic", images, (soft > 0).to(images), noises).clamp(0, 1)
    ground = torch.lerp(images, ground, soft)
    blur = blur.nan_to_num(0)
    ground = torch.lerp(ground, gaussian(ground, blur), soft)
    cover = gaussian(over[:, 3:], blur)
    changed[index] = torch.lerp(ground, over[:, :3], cover).clamp(0, 1)
    return changed
