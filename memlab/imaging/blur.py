"""Blur of an image, measured at its sharpest edges and finest detail, and Gaussian filters."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.colour import luma
from memlab.imaging.fine_detail import blur_bound
from memlab.imaging.spectrum import cosine_transform
from memlab.imaging.step_edges import step_edges

FEWEST = 8
"""Number of step edges below which the blur of an image is unknown."""
SHARPEST, SHARPER = 0.25, 0.5
"""Shares of the edges: those that tell whether an image is blurred, and how much."""
DRAWN = 1 / 4
"""Variance of a sharp edge: linear interpolation (1/6) and the difference of neighbours (1/12).
A blur below it, half a pixel, cannot be told from the pixel grid."""
PIXEL = 1 / 6
"""Variance that pixels add to a blurred edge: their width and the difference of neighbours."""
LARGEST = 4.0
"""Largest variance of the filter in square pixels, of either sign."""
FAINT = 0.003
"""Share of the amplitude below which a frequency is not restored fully: a blur has removed it."""


def blur_variance(images: Tensor) -> Tensor:
    """Return the variance of the Gaussian that blurs the images: (B,), in square pixels.

    What an image shows may have soft edges; a blur leaves no sharp ones, and no fine detail. An
    image is sharp, with variance 0, if the sharpest quarter of its step edges are as sharp as
    pixels allow, or if its detail is as fine. Otherwise the variance is that of the sharper half of
    the edges, beyond what pixels add, and at most what `fine_detail.blur_bound` allows.

    Args:
        images: (B, 3, H, W) in [0, 1].

    Returns:
        (B,), 0 for a sharp image; NaN for one with fewer than `FEWEST` step edges.
    """
    grey = luma(images)
    edges = step_edges(grey)
    order = edges.variance.argsort(stable=True)
    order = order[edges.image[order].argsort(stable=True)]
    image, variance = edges.image[order], edges.variance[order]
    count = torch.bincount(image, minlength=len(images))
    rank = torch.arange(len(image), device=image.device) - (count.cumsum(0) - count)[image]

    def sharpest(share: float) -> Tensor:
        taken = (rank < (share * count)[image]).to(variance)
        total, number = (
            torch.zeros(len(images)).to(variance).index_add_(0, image, values)
            for values in (taken * variance, taken)
        )
        mean: Tensor = total / number.clamp(min=1)
        return mean

    bound = blur_bound(grey)
    blurred = (sharpest(SHARPEST) > DRAWN) & (bound > DRAWN)
    found = torch.minimum((sharpest(SHARPER) - PIXEL).clamp(min=0), bound)
    found = torch.where(blurred, found, 0.0)
    return found.where(count >= FEWEST, torch.nan)


def blur_difference(images: Tensor, donors: Tensor) -> Tensor:
    """Return by how much the donors are more blurred, (B,) in square pixels; see `blur_variance`.

    It is 0 where the blur of either is unknown.
    """
    return difference(blur_variance(images), blur_variance(donors))


def difference(variance: Tensor, wanted: Tensor) -> Tensor:
    """Return the variance of the filter from one blur to another, (B,) in square pixels.

    Args:
        variance: (B,) as `blur_variance` returns it.
        wanted: (B,) the same of the blur that is wanted.
    """
    return (wanted - variance).nan_to_num(0).clamp(-LARGEST, LARGEST)


def as_blurred(values: Tensor, images: Tensor) -> Tensor:
    """Return values, such as weights, blurred as the images are; see `blur_variance`.

    Args:
        values: (B, C, H, W) in [0, 1], of an image with sharp edges.
        images: (B, 3, H, W) in [0, 1]. Where its blur is unknown, the values stay as they are.
    """
    return gaussian(values, blur_variance(images).nan_to_num(0))


def gaussian(images: Tensor, variance: Tensor) -> Tensor:
    """Blur images, or undo a blur, each by a variance of its own.

    Variances of blurs add, so blurring is exact. Undoing cannot restore frequencies that a blur has
    removed.

    Args:
        images: (B, C, H, W) in [0, 1].
        variance: (B,) in square pixels; negative to undo a blur, 0 to leave an image as it is.

    Returns:
        (B, C, H, W) in [0, 1].
    """
    some = variance != 0
    if not some.any():
        return images
    changed = images.clone()
    changed[some] = blurred(cosine_transform(images[some]), variance[some]).clamp(0, 1)
    return changed


def blurred(coefficients: Tensor, variance: Tensor) -> Tensor:
    """Return images from their cosine transform, as `gaussian` does, but not cut to [0, 1].

    Args:
        coefficients: (B, C, H, W), cosine transform of the images.
        variance: (B,) in square pixels; negative to undo a blur.
    """
    down, across = (_gains(size, variance) for size in coefficients.shape[-2:])
    filtered = coefficients * down[:, None, :, None] * across[:, None, None, :]
    return cosine_transform(filtered, inverse=True)


def _gains(size: int, variance: Tensor) -> Tensor:
    """Return the gain of each frequency along an axis: (B, size)."""
    frequency = torch.arange(size).to(variance) * (torch.pi / size)
    kept = (-0.5 * variance.abs()[:, None] * frequency.square()).exp()
    restored = kept * (1 + FAINT) / (kept.square() + FAINT)
    return torch.where(variance[:, None] > 0, kept, restored)
