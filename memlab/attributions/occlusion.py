"""Occlusion: how much a score falls if a cell of the image is covered."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor

from memlab.attributions.base import Explained, FullAttribution, Given
from memlab.errors import MemlabError
from memlab.imaging.fills import Computed, filled
from memlab.scorer import Scorer

MOST = 32
"""Largest number of cells along a side."""


class Occlusion(FullAttribution):
    """Score of the image minus its score with a cell covered (Zeiler and Fergus 2014, ECCV).

    The cells do not overlap. A cell is filled from the pixels around it, because a grey square is a
    figure of its own: edges that no photograph has. Covered cells interact, so a map does not sum
    to a difference of scores. It works for any model, with or without a feature layer or gradients.

    Args:
        cells: cells along each side; the model is run `cells` squared times.
        fill: blur (of the surroundings, sigma 10 % of the width), mean (mean colour around the
            cell), or grey (mid grey, as in the paper).
    """

    unit = "score that is lost when the cell is covered"

    def __init__(self, cells: int = 8, fill: Computed = "blur") -> None:
        if not 2 <= cells <= MOST:
            raise MemlabError(f"occlusion: cells {cells} is outside 2 to {MOST}")
        if fill == "harmonic" or fill not in get_args(Computed):
            raise MemlabError(f"occlusion: fill is {fill!r}; give blur, mean or grey")
        self.cells = cells
        self.fill = fill

    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps (B, 1, cells, cells)."""
        count, (height, width) = len(images), images.shape[2:]
        if min(height, width) < self.cells:
            raise MemlabError(
                f"occlusion: images of {width} × {height} pixels have no {self.cells} × "
                f"{self.cells} cells; give fewer cells"
            )
        places = torch.arange(count, device=images.device)
        maps = images.new_zeros(count, 1, self.cells, self.cells)
        with torch.no_grad():
            clean = given.scores(model, images, places)
            for row in range(self.cells):
                for column in range(self.cells):
                    hole = torch.zeros_like(images[:, :1])
                    hole[:, :, _span(row, self.cells, height), _span(column, self.cells, width)] = 1
                    changed = torch.where(hole > 0, filled(self.fill, images, hole, ()), images)
                    covered = given.scores(model, changed.clamp(0, 1), places)
                    maps[:, 0, row, column] = clean - covered
        return Explained(maps, scores=clean)


def _span(place: int, cells: int, length: int) -> slice:
    """Return the pixels of a cell along one side; cells differ by one pixel at most."""
    return slice(place * length // cells, (place + 1) * length // cells)
