"""Positions of each branch's features in the 256 × 256 image."""

from __future__ import annotations

from torch import Tensor

from memlab.models.published.places import CELLS, shares

SEEN = (14, 241)
"""First pixel and end pixel of the rows and columns that the crop keeps, of 256."""

_FIRST = {13: (17, 16), 8: (0, 32)}
"""Side of a branch's grid to the centre of its first receptive field and its step, in pixels.

conv5: kernels of 11 at stride 4 without padding and two poolings of 3 at stride 2. layer4: padded
everywhere, five halvings.
"""


def on_image(grid: Tensor) -> Tensor:
    """Return a branch's activations on the common grid of the whole image.

    A position covers the cell around the centre of its receptive field, clipped at the border of
    the crop. Its value is distributed over the common cells in proportion to the shared area, then
    multiplied by 16 over the side of the branch's own grid. Sums over positions keep their ratio.
    Grad-CAM on the result (the mean gradient over positions times the activation) equals the
    branch's own Grad-CAM map, distributed in the same way, with the same sum.

    Args:
        grid: (B, C, 13, 13) or (B, C, 8, 8), activations or their gradients.

    Returns:
        (B, C, 16, 16).
    """
    side = grid.shape[-1]
    along = shares(side, *_FIRST[side], SEEN).to(grid)
    placed: Tensor = along @ grid @ along.T * (CELLS / side)
    return placed
