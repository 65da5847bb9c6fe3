"""Crop and context ablations: remove the surroundings or the foreground."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.removal import Removal
from memlab.imaging.crops import anywhere, elsewhere, padded, zoomed
from memlab.imaging.fills import Computed
from memlab.roles import Control
from memlab.types import Context


class Window(Ablation):
    """Base class of crops, whose size depends on the dose; compared with off-centre crops.

    Args:
        removed: % of the width, and of the height, to cut away.
    """

    family = "context"
    unit = "% of width removed"
    target = "field_of_view"
    control: ClassVar[Control] = "off-centre-crops"
    ladder = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
    maximum = 90.0

    def __init__(self, removed: float = 50.0) -> None:
        super().__init__(dose=removed)


class CenterCrop(Window):
    """Centre crop, resized to the full image size.

    The default keeps half of each side. The crop changes scale as well as context; `crop_pad`
    changes context alone. Controls are off-centre crops of the same size. Their offset is at least
    a quarter of the available range along one axis.

    Args:
        removed: % of the width, and of the height, to cut away.
    """

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Crop `dose` % of width and height, then resize."""
        return zoomed(images, dose, _places(self, context))


class CropPad(Window):
    """Centre crop without resizing: the surroundings become the image's mean colour.

    The visible part is that of `center_crop`. Compared with off-centre crops.

    Args:
        removed: % of the width, and of the height, to cover.
    """

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Cover `dose` % of width and height."""
        return padded(images, dose, _places(self, context))


class RandomCrop(Window):
    """Crop at a random position, resized to the full image size.

    The position is the same for all doses.

    Args:
        removed: % of the width, and of the height, to cut away.
    """

    control = "nuisance-baseline"

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Crop `dose` % of width and height, then resize."""
        return zoomed(images, dose, anywhere(context.generators(self.name)))


class BackgroundOnly(Removal):
    """Ablation that removes faces, people, objects and text and keeps the background.

    Args:
        amount: share of the way from the image to the fill, 0 to 1.
        fill: harmonic, mean, blur or grey, as in `remove_faces`.
        margin: how far the fill extends beyond the regions, fading out, in % of the width.
    """

    family = "context"

    def __init__(
        self, amount: float = 1.0, fill: Computed = "harmonic", margin: float = 3.0
    ) -> None:
        super().__init__(amount, region="not background", fill=fill, margin=margin)


def _places(ablation: Ablation, context: Context) -> Tensor:
    """Return the crop positions: the centre, or off-centre for a control: (B, 2)."""
    if context.role == "control":
        return elsewhere(context.generators(ablation.name))
    return torch.full((len(context.ids), 2), 0.5)
