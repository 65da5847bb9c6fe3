"""Figures of an image: connected parts of labelled regions, and their positions and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from torch import Tensor

from memlab.imaging.morphology import dilated, pixels_of

Bools = NDArray[np.bool_]

GAP = 2.0
"""Parts of a region that are nearer to each other than this are one figure, % of the width."""
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
    def area(self) -> int:
        """Return the number of its pixels."""
        return int(self.mask.sum())


def figures_of(masks: Mapping[str, Tensor]) -> list[list[Figure]]:
    """Return the figures of each image, the largest first.

    Args:
        masks: region name to (B, 1, H, W) of 0 and 1; `background` and `figures` are ignored.
    """
    regions = {name: mask for name, mask in masks.items() if name not in ("background", "figures")}
    if not regions:
        return []
    near = pixels_of(GAP, next(iter(regions.values())).shape[-1]) // 2
    wide, exact = {}, {}
    for name, mask in regions.items():
        there = (mask > 0).float()
        exact[name] = (there[:, 0] > 0).cpu().numpy()
        wide[name] = (dilated(there, near)[:, 0] > 0).cpu().numpy()
    count = len(next(iter(exact.values())))
    return [
        _figures({name: (wide[name][image], exact[name][image]) for name in regions})
        for image in range(count)
    ]


def _figures(masks: Mapping[str, tuple[Bools, Bools]]) -> list[Figure]:
    parts: list[tuple[str, Bools, int]] = []
    for name, (wide, exact) in masks.items():
        labels, count = label(wide, np.ones((3, 3)))
        labels = labels * exact
        areas = np.bincount(labels.ravel(), minlength=count + 1)
        parts += [
            (name, labels == number, int(areas[number]))
            for number in range(1, count + 1)
            if areas[number] >= max(4, SMALLEST * exact.size)
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
