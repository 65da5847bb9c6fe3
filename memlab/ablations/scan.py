"""Occlusion of the blind scan: one cell of a grid, except labelled pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.plan import Condition
from memlab.imaging.cells import SIDE, cell_free, cell_weights, fill_cell
from memlab.types import Context

FREE = 0.75
"""Minimum unlabelled share of an eligible cell. Labelled pixels stay and weaken the occlusion."""


class OccludeCell(Ablation):
    """Occlusion of one grid cell by its surroundings; labelled pixels stay unchanged.

    The class is not in the catalogue, because it removes no named property. `memlab test --scan`
    makes one instance per cell.

    Args:
        strength: share of the way from the image to the fill, 0 to 1.
        row: 0 to 7 from the top.
        column: 0 to 7 from the left.
    """

    family = "region"
    unit = "of the cell"
    target = "high_frequency_energy"
    control = "nuisance-baseline"
    ladder = (1.0,)
    maximum = 1.0

    def __init__(self, strength: float = 1.0, row: int = 0, column: int = 0) -> None:
        super().__init__(dose=strength)
        self.row = row
        self.column = column

    def eligible(self, context: Context) -> Tensor:
        """Return which images have at least three quarters of the cell unlabelled: (B,) bool."""
        labelled = labels(context)
        if labelled is None:
            return torch.ones(len(context.ids), dtype=torch.bool)
        return cell_free(self.row, self.column, labelled) >= FREE

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Fill the unlabelled part of the cell from its surroundings, with a soft edge."""
        weights = cell_weights(self.row, self.column, *images.shape[-2:]).to(images)
        labelled = labels(context)
        if labelled is not None:
            weights = weights * (labelled == 0)
        return torch.lerp(images, fill_cell(images, self.row, self.column), dose * weights)


def labels(context: Context) -> Tensor | None:
    """Return which pixels are labelled, (B, 1, H, W) of 0 and 1; None without masks.

    `background` does not count as a label, because it contains all unlabelled pixels.
    """
    masks = [mask for name, mask in context.masks.items() if name != "background"]
    if not masks:
        return None
    return torch.stack([mask > 0 for mask in masks]).any(dim=0).float()


def scan_conditions() -> list[Condition]:
    """Return one condition per cell, row by row."""
    cells = [OccludeCell(1.0, row, column) for row in range(SIDE) for column in range(SIDE)]
    return [Condition(cell, cell.dose) for cell in cells]
