"""Where in the 256 × 256 image the places of each branch are."""

from __future__ import annotations

from torch import Tensor

from memlab.models.published.places import CELLS, shares

SEEN = (14, 241)
"""The rows and columns of the 256 that the crop keeps: from, to."""

_FIRST = {13: (17, 16), 8: (0, 32)}
"""Of grids by their side: the pixel of the crop that the first place's receptive field is centred
on, and the pixels from one to the next. conv5: kernels of 11 at stride 4 without padding and two
poolings of 3 at stride 2. layer4: padded everywhere, five halvings."""


def on_image(grid: Tensor) -> Tensor:
    """A branch's places on the common grid of the whole image.

    A place is the cell around the centre of its receptive field, cut off where the crop ends. It is
    shared out to the common cells by the area that they have in common, then multiplied by 16 over
    the side of the branch's own grid. So sums over places keep their ratio, and Grad-CAM on the
    result (the mean gradient over places times the activation) is, cell for cell, the branch's own
    map shared out, with the branch's own sum.

    Args:
        grid: (B, C, 13, 13) or (B, C, 8, 8), activations or their gradients.

    Returns:
        (B, C, 16, 16).
    """
    side = grid.shape[-1]
    along = shares(side, *_FIRST[side], SEEN).to(grid)
    placed: Tensor = along @ grid @ along.T * (CELLS / side)
    return placed
