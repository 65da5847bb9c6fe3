"""Linear maps along the columns and rows of images, such as blurring and resizing.

A map is a matrix, and most matrices are narrow bands: a blurred pixel depends on its neighbours
only. On a CPU the product skips the zeros beside the band.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 32
"""Results computed together. Fewer results would skip more zeros, in less efficient products."""
WIDE = 0.6
"""Share of the matrix inside the blocks above which one product of the whole matrix is faster."""


@dataclass(frozen=True, eq=False)
class LineMap:
    """Linear map of a line of pixels.

    Args:
        matrix: (results, pixels), on the CPU.
        blocks: for each `BLOCK` results: the results, the pixels that they depend on, and the
            weights, (results of the block, pixels of the block).
    """

    matrix: Tensor
    blocks: tuple[tuple[slice, slice, Tensor], ...]

    @classmethod
    def of(cls, matrix: Tensor) -> LineMap:
        """Find the blocks of a matrix, (results, pixels) on the CPU."""
        return cls(matrix, tuple(_blocks(matrix)))

    @property
    def narrow(self) -> bool:
        """Return whether the blocks hold few enough entries that skipping the rest saves time."""
        return sum(part.numel() for *_, part in self.blocks) <= WIDE * self.matrix.numel()


def _blocks(matrix: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    for first in range(0, len(matrix), BLOCK):
        some = slice(first, min(first + BLOCK, len(matrix)))
        there = (matrix[some] != 0).any(dim=0).nonzero().flatten().tolist() or [0]
        pixels = slice(there[0], there[-1] + 1)
        yield some, pixels, matrix[some, pixels].contiguous()


def mapped(images: Tensor, down: LineMap, across: LineMap) -> Tensor:
    """Apply one map to the columns of images and another to their rows.

    Args:
        images: (B, C, H, W), any number of channels.
        down: map of H pixels to h.
        across: map of W pixels to w.

    Returns:
        (B, C, h, w).
    """
    on_cpu = images.device.type == "cpu" and images.dtype == torch.float32
    differentiated = torch.is_grad_enabled() and images.requires_grad
    if not on_cpu or differentiated or not (down.narrow and across.narrow):
        return down.matrix.to(images) @ (images @ across.matrix.to(images).mT)
    channels, height, width = images.shape[1:]
    high, wide = len(down.matrix), len(across.matrix)
    result = images.new_empty(len(images), channels, high, wide)
    part = images.new_empty(channels, height, wide)  # one image, which stays in the cache
    for image, target in zip(images, result, strict=True):
        rows, to_rows = image.reshape(-1, width), part.view(-1, wide)
        for some, pixels, weights in across.blocks:
            torch.mm(rows[:, pixels], weights.mT, out=to_rows[:, some])
        for some, pixels, weights in down.blocks:
            shared = weights.expand(channels, -1, -1)
            torch.bmm(shared, part[:, pixels], out=target[:, some])
    return result
