"""Crop and context: takes the surroundings out, the background, or all but it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, Control
from memlab.ablations.removal import FACE_ORACLES, Remove
from memlab.imaging.crops import anywhere, elsewhere, padded, zoomed
from memlab.imaging.fills import Computed
from memlab.types import Context


class Window(Ablation):
    """A part of the image, of a size that the dose says; compared with parts elsewhere.

    Args:
        removed: % of the width, and of the height, cut away.
    """

    family = "context"
    unit = "% of width removed"
    target = "field_of_view"
    control: ClassVar[Control] = "windows"
    ladder = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
    maximum = 90.0

    def __init__(self, removed: float = 50.0) -> None:
        super().__init__(dose=removed)


class CenterCrop(Window):
    """Keep the middle, zoomed back to the full size. The default keeps half of either side.

    It changes scale as well as context: `crop_pad` tells them apart. Compared with windows of the
    same size elsewhere, off the middle by a quarter of the way to the edge and more.

    Args:
        removed: % of the width, and of the height, cut away.
    """

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Cut `dose` % of width and height away."""
        return zoomed(images, dose, _places(self, context))


class CropPad(Window):
    """Keep the middle where it is, and cover what surrounds it with the image's mean colour.

    The same window as `center_crop`, without the zoom. Compared with windows elsewhere.

    Args:
        removed: % of the width, and of the height, covered.
    """

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Cover `dose` % of width and height."""
        return padded(images, dose, _places(self, context))


class RandomCrop(Window):
    """Keep a window anywhere, zoomed back to the full size: one place for all doses.

    Args:
        removed: % of the width, and of the height, cut away.
    """

    control = "floor"
    moves = ("oracle_redness",)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Cut `dose` % of width and height away."""
        return zoomed(images, dose, anywhere(context.generators(self.name)))


class ForegroundOnly(Remove):
    """Show faces, people, objects and text alone: everything else becomes mid grey.

    Asks what the foreground alone tells, and gives the numbers of `remove_background` at its
    defaults: one question from two sides, which `all` asks once. Grey, because any colour taken
    from the image would tell of the background, or hide what is shown.

    Args:
        amount: share of the way from the image to grey, 0 to 1.
    """

    family = "context"
    unit = "of the way to grey"
    same_as = "remove_background"
    moves = ("oracle_chroma", "oracle_redness")

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(amount, region="background", fill="grey", margin=0.0)


class BackgroundOnly(Remove):
    """Show the background alone: faces, people, objects and text are taken out.

    Args:
        amount: share of the way from the image to the fill, 0 to 1.
        fill: harmonic, mean, blur or grey, as of `remove`.
        margin: how far beyond them the hole reaches, fading out, in % of the width.
    """

    family = "context"
    moves = (*FACE_ORACLES, "oracle_chroma", "oracle_redness")

    def __init__(
        self, amount: float = 1.0, fill: Computed = "harmonic", margin: float = 3.0
    ) -> None:
        super().__init__(amount, region="not background", fill=fill, margin=margin)


def _places(ablation: Ablation, context: Context) -> Tensor:
    """The middle, or for a control a place elsewhere: (B, 2)."""
    if context.role == "control":
        return elsewhere(context.generators(ablation.name))
    return torch.full((len(context.ids), 2), 0.5)
