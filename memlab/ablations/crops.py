"""Centre crop: takes the surroundings out and enlarges the middle."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, Context
from memlab.ablations.functional.crops import window


class CenterCrop(Ablation):
    """Keep the middle, zoomed back to the full size. The default keeps half of either side.

    It changes scale as well as context: its control is a window of the same size, zoomed
    alike, at a random place.

    Args:
        removed: % of the width, and of the height, cut away.
    """

    family = "context"
    unit = "% of width removed"
    target = "field_of_view"
    control = "windows"
    ladder = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
    maximum = 90.0

    def __init__(self, removed: float = 50.0) -> None:
        super().__init__(dose=removed)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Cut `dose` % of width and height away, half at either side."""
        places = torch.full((len(images), 2), 0.5)
        if context.role == "control":
            drawn = context.generators(self.name)
            places = torch.stack([torch.rand(2, generator=one) for one in drawn])
        return window(images, dose, places)
