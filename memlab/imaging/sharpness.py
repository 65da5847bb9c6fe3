"""Fineness of what an image shows, and transfer of it by a Gaussian filter, for patterns.

It depends on the content as well as on the blur of an image; `blur` measures the blur alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.imaging.blur import blurred
from memlab.imaging.colour import luma
from memlab.imaging.spectrum import cosine_transform
from memlab.imaging.windows import window_sums

WINDOW = 15
"""Side of the windows in pixels. Windows are in pixels because sharpness is a matter of pixels:
at a smaller size the same photograph is sharper."""
ROUNDING = 1 / 12 / 255**2
"""Variance of luma that rounding to 256 levels adds."""
SHARPEST, SOFTEST = -1.5, 16.0
"""Range of the filter's variance in square pixels; a negative variance undoes a blur."""
HALVINGS = 12
"""Halvings of the range, by which the filter is found to 0.005 square pixels."""


def sharpness(images: Tensor) -> Tensor:
    """Return the sharpness of luma: (B,), larger where an image is sharper.

    In each window, the energy of second differences is divided by that of first differences. The
    mean of the logarithm over windows is returned. The ratio is free of contrast: each window
    counts alike, whether it shows faint texture or a strong edge.

    Args:
        images: (B, 3, H, W) in [0, 1], at least 16 pixels wide and high.
    """
    return _of_luma(luma(images))


def swap_sharpness(images: Tensor, donors: Tensor) -> Tensor:
    """Blur or sharpen images until they are as sharp as the donors.

    The filter is a Gaussian, or the regularised inverse of one, the same for R, G and B. Its width
    is found by bisection. Blurring is exact. Sharpening cannot restore frequencies that a blur has
    removed.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].

    Returns:
        (B, 3, H, W) in [0, 1], with the mean colour of the images except for clipping.
    """
    wanted, grey = sharpness(donors), luma(images)
    low, high = torch.full_like(wanted, SHARPEST), torch.full_like(wanted, SOFTEST)
    coefficients = cosine_transform(grey)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        sharper = _of_luma(blurred(coefficients, middle).clamp(0, 1)) > wanted
        low, high = torch.where(sharper, middle, low), torch.where(sharper, high, middle)
    changed: Tensor = blurred(cosine_transform(images), (low + high) / 2).clamp(0, 1)
    return changed


def _of_luma(grey: Tensor) -> Tensor:
    inner = grey[..., 1:-1, 1:-1]
    beside = [grey[..., 1:-1, 2:], grey[..., 1:-1, :-2], grey[..., 2:, 1:-1], grey[..., :-2, 1:-1]]
    first = (beside[0] - beside[1]).square() + (beside[2] - beside[3]).square()
    second = (2 * inner - beside[0] - beside[1]).square()
    second = second + (2 * inner - beside[2] - beside[3]).square()
    slopes, bends = (window_sums(one, WINDOW) / WINDOW**2 for one in (first, second))
    # rounding adds 4 and 12 times its variance
    slopes = (slopes - 4 * ROUNDING).clamp(min=0) + ROUNDING
    bends = (bends - 12 * ROUNDING).clamp(min=0) + ROUNDING
    return (bends / slopes).log().mean(dim=(1, 2, 3))
