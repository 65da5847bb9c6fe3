"""Contrast and light: takes light and dark out, or the light as a whole."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.imaging.contrast import darken, flatten_luma
from memlab.types import Context


class Contrast(Ablation):
    """Move luma towards its mean; colour stays where it fits. At 1 only colour is left.

    Args:
        amount: share of the contrast taken out, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`; the mean is the whole image's.
    """

    family = "contrast"
    unit = "of the contrast"
    target = "luma_sd"
    control = "floor"
    ladder = (0.3, 0.5, 0.7, 0.85, 0.95)
    maximum = 1.0
    moves = ("oracle_high_frequency",)
    spares = ("oracle_chroma", "oracle_redness", "oracle_face_chroma", "oracle_watermark")

    def __init__(self, amount: float = 0.7, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Take the share `dose` of the contrast out."""
        return flatten_luma(images, dose)


class Brightness(Ablation):
    """Darken: pixel values are multiplied by 1 less the dose. Contrast and chroma fall as much.

    Args:
        amount: share of the light taken out, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "contrast"
    unit = "of the light"
    target = "luma_mean"
    control = "floor"
    ladder = (0.15, 0.3, 0.45, 0.6, 0.8)
    maximum = 1.0
    moves = ("oracle_chroma", "oracle_redness", "oracle_high_frequency")
    spares = ("oracle_watermark",)

    def __init__(self, amount: float = 0.45, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Take the share `dose` of the light out."""
        return darken(images, dose)
