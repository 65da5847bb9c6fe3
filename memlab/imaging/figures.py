"""Figures of an image: connected parts of labelled regions, and their positions and sizes.

`labelled_figures` is the one rule for what a figure is. Insertions and swaps of figures and of the
layout use it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import label
from torch import Tensor

from memlab.imaging.morphology import dilated, pixels_of

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

GAP = 3.0
"""Parts of a region that are nearer to each other than this are one figure, % of the width."""
GAPS = {"text": 20.0}
"""The same for some regions: the letters of a text are one figure."""
INSIDE = 0.7
"""Share of a part within a larger part of another region, above which it belongs to it."""
SMALLEST = 0.001
"""Share of the image's area below which a part is no figure."""


@dataclass(frozen=True)
class Figure:
    """A figure.

    Args:
        kind: region that covers at least half of the figure and lies deepest: a close-up face is of
            the kind `faces`, although it is part of people.
        mask: (H, W), its pixels.
        centre: middle of its bounding box, down and across, shares of height and width.
        size: height and width of its bounding box, shares of height and width.
    """

    kind: str
    mask: Bools
    centre: tuple[float, float]
    size: tuple[float, float]

    @property
    def side(self) -> float:
        """Return the root of the area of its bounding box, as a share of the image's."""
        return math.sqrt(math.prod(self.size))

    @property
    def box(self) -> tuple[slice, slice]:
        """Return the rows and columns of its bounding box, in pixels."""
        sides = []
        for middle, side, length in zip(self.centre, self.size, self.mask.shape, strict=True):
            first = round((middle - side / 2) * length)
            sides.append(slice(first, first + round(side * length)))
        return sides[0], sides[1]


def gap_of(region: str) -> float:
    """Return how near to each other the parts of a region are one figure, % of the width."""
    return GAPS.get(region, GAP)


def labelled_figures(mask: Tensor, gap: float) -> list[tuple[Ints, Ints]]:
    """Return the figures of a region in each image.

    A figure is a part of the region that is connected, also over corners or across a gap.

    Args:
        mask: (B, 1, H, W) of 0 and 1.
        gap: parts that are nearer to each other than this are one figure, % of the width.

    Returns:
        For each image the number of each pixel's figure (H, W), counted from 1, and 0 outside the
        region; and the number of pixels by figure, the first entry being those outside.
    """
    joined = dilated((mask > 0).float(), pixels_of(gap / 2, mask.shape[-1])).cpu().numpy() > 0
    inside = mask.cpu().numpy() > 0
    found = []
    for wide, exact in zip(joined[:, 0], inside[:, 0], strict=True):
        labels, count = label(wide, np.ones((3, 3)))
        labels = labels * exact
        found.append((labels, np.bincount(labels.ravel(), minlength=count + 1)))
    return found


def largest_figure(mask: Tensor, gap: float) -> Tensor:
    """Return the largest figure of each mask (B, 1, H, W) of 0 and 1, as a mask of the same shape.

    Args:
        mask: the region.
        gap: as in `labelled_figures`.
    """
    found = np.zeros(mask.shape, dtype=bool)
    for place, (labels, areas) in enumerate(labelled_figures(mask, gap)):
        if areas[1:].any():
            found[place, 0] = labels == 1 + areas[1:].argmax()
    return torch.from_numpy(found).to(mask)


def figures_of(masks: Mapping[str, Tensor]) -> list[list[Figure]]:
    """Return the figures of each image, the largest first.

    Args:
        masks: region name to (B, 1, H, W) of 0 and 1; `background` and `figures` are ignored.
    """
    regions = {name: mask for name, mask in masks.items() if name not in ("background", "figures")}
    if not regions:
        return []
    found = {name: labelled_figures(mask, gap_of(name)) for name, mask in regions.items()}
    count = len(next(iter(regions.values())))
    return [
        _figures({name: images[image] for name, images in found.items()}) for image in range(count)
    ]


def _figures(regions: Mapping[str, tuple[Ints, Ints]]) -> list[Figure]:
    parts: list[tuple[str, Bools, int]] = []
    for name, (labels, areas) in regions.items():
        least = max(4, SMALLEST * labels.size)
        parts += [
            (name, labels == number, int(areas[number]))
            for number in range(1, len(areas))
            if areas[number] >= least
        ]
    parts.sort(key=lambda part: (-part[2], part[0]))
    whole: list[tuple[str, Bools, int]] = []
    kinds: list[tuple[str, int]] = []  # the smallest part that covers half of the figure
    for name, mask, area in parts:
        for index, (_, other, total) in enumerate(whole):
            if (mask & other).sum() >= INSIDE * area:
                whole[index] = (whole[index][0], other | mask, total)
                if 2 * area >= total:
                    kinds[index] = (name, area)
                break
        else:
            whole.append((name, mask, area))
            kinds.append((name, area))
    return [figure_of(mask, kind) for (kind, _), (_, mask, _) in zip(kinds, whole, strict=True)]


def figure_of(mask: Bools, kind: str = "") -> Figure:
    """Return the figure of a mask (H, W), which is not empty."""
    centre, size = [], []
    for axis in (1, 0):
        covered = np.flatnonzero(mask.any(axis=axis))
        first, last, length = int(covered[0]), int(covered[-1]) + 1, mask.shape[1 - axis]
        centre.append((first + last) / 2 / length)
        size.append((last - first) / length)
    return Figure(kind, mask, (centre[0], centre[1]), (size[0], size[1]))
