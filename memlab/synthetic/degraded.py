"""Degraded masks, as from a poor detector: of the wrong shape, or missing."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

IOU: Final = 0.6
"""Intersection over union of a degraded mask with the exact one."""

MISSED: Final = 0.2
"""Share of the masks that are missing."""


def degraded(
    mask: NDArray[np.bool_], rng: np.random.Generator, iou: float = IOU, missed: float = MISSED
) -> NDArray[np.bool_]:
    """Return a mask as a poor detector would produce it.

    The edge moves inwards on some sides and outwards on others, until the two masks have the
    requested overlap. At .6 the area grows or shrinks by up to a quarter.

    Args:
        mask: (H, W), the exact mask.
        rng: random generator.
        iou: intersection over union with the exact mask, (0, 1]; to the nearest pixel, if the image
            has room for the added pixels.
        missed: probability that the mask is empty.

    Returns:
        (H, W), empty if the detector misses the region.
    """
    lost = rng.random() < missed
    growth = rng.uniform((1.0 + iou) / 2.0, 2.0 / (1.0 + iou))  # bounds of the reachable growth
    coarse = rng.standard_normal((5, 5)).astype(np.float32)
    area = int(mask.sum())
    if lost or area == 0:
        return np.zeros_like(mask)
    kept_area = round(area * iou * (1.0 + growth) / (1.0 + iou))
    added = round(area * growth) - kept_area
    shape = (mask.shape[1], mask.shape[0])
    soft = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).filter(
        ImageFilter.GaussianBlur(max(1.0, 0.25 * area**0.5))
    )
    bumps = Image.fromarray(coarse).resize(shape, Image.Resampling.BICUBIC)
    likely = np.asarray(soft) / 255.0 + 0.25 * np.asarray(bumps)
    inside, outside = np.flatnonzero(mask), np.flatnonzero(~mask)
    detected = np.zeros(mask.size, dtype=bool)
    detected[inside[np.argsort(-likely.flat[inside], kind="stable")[:kept_area]]] = True
    detected[outside[np.argsort(-likely.flat[outside], kind="stable")[:added]]] = True
    return detected.reshape(mask.shape)
