"""The blind scan's occlusion: one cell of a grid, wherever nothing is labelled."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.plan import Condition
from memlab.imaging.cells import SIDE, cell_free, cell_weights, fill_cell
from memlab.types import Context

FREE = 0.75
"""Share of a cell that must not be labelled: what is left alone would weaken the occlusion."""


class OccludeCell(Ablation):
    """Replace one cell of a grid by what surrounds it; labelled pixels stay as they are.

    Not in the catalogue: it takes nothing out by name. `memlab test --scan` makes one per cell.

    Args:
        strength: 1 replaces the cell, less mixes it with the image.
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
    """

    family = "region"
    unit = "of the cell"
    target = "high_frequency_energy"
    control = "floor"
    ladder = (1.0,)
    maximum = 1.0

    def __init__(self, strength: float = 1.0, row: int = 0, column: int = 0) -> None:
        super().__init__(dose=strength)
        self.row = row
        self.column = column

    def eligible(self, context: Context) -> Tensor:
        """Images of whose cell at least three quarters are not labelled: (B,) bool."""
        labelled = labels(context)
        if labelled is None:
            return torch.ones(len(context.ids), dtype=torch.bool)
        return cell_free(self.row, self.column, labelled) >= FREE

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Fill the cell with what surrounds it, softly, but for what is labelled."""
        weights = cell_weights(self.row, self.column, *images.shape[-2:]).to(images)
        labelled = labels(context)
        if labelled is not None:
            weights = weights * (labelled == 0)
        return torch.lerp(images, fill_cell(images, self.row, self.column), dose * weights)


def labels(context: Context) -> Tensor | None:
    """Where something is labelled, (B, 1, H, W) of 0 and 1; None without masks.

    `background` is no label: all that is not something else lies in it.
    """
    masks = [mask for name, mask in context.masks.items() if name != "background"]
    if not masks:
        return None
    return torch.stack([mask > 0 for mask in masks]).any(dim=0).float()


def scan_conditions() -> list[Condition]:
    """One condition per cell, row by row."""
    cells = [OccludeCell(1.0, row, column) for row in range(SIDE) for column in range(SIDE)]
    return [Condition(cell, cell.dose) for cell in cells]
