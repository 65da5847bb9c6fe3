"""Processing of a batch in parts, so that intermediate results stay in the cache."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PART = 1 << 21
"""Bytes of a part: three images of 224 × 224 pixels. Smaller parts would stay in a faster cache,
but the calls of many small operations would take longer than they save."""


def in_parts(change: Callable[[Tensor, Tensor | None], Tensor], images: Tensor) -> Tensor:
    """Apply a change to a few images at a time on a CPU, and to the whole batch elsewhere.

    On a CPU a sequence of elementwise operations takes up to a third less time in this way.

    Args:
        change: function of images, (b, C, H, W), and a tensor of the same shape for the result, or
            None for a new tensor. Returns the result. Changes each image independently of the
            others.
        images: (B, C, H, W).

    Returns:
        (B, C, H, W).
    """
    count = max(1, PART // max(1, images[:1].numel() * images.element_size()))
    differentiated = torch.is_grad_enabled() and images.requires_grad
    if images.device.type != "cpu" or count >= len(images) or differentiated:
        return change(images, None)
    changed = torch.empty_like(images, memory_format=torch.contiguous_format)
    for first in range(0, len(images), count):
        some = slice(first, first + count)
        change(images[some], changed[some])
    return changed
