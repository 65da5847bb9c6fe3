"""Contrast and brightness ablations."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.imaging.contrast import darken, flatten_luma
from memlab.types import Context


class Contrast(Ablation):
    """Ablation that moves luma towards its mean and keeps colour within the RGB gamut.

    At amount 1 luma is constant and only colour varies.

    Args:
        amount: share of the contrast to remove, 0 to 1.
        region: where to apply the change: `all`, a region's name, or `not NAME`; the mean is the
            whole image's.
    """

    family = "contrast"
    unit = "of the contrast"
    target = "luma_sd"
    control = "nuisance-baseline"
    ladder = (0.3, 0.5, 0.7, 0.85, 0.95)
    maximum = 1.0

    def __init__(self, amount: float = 0.7, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Remove the share `dose` of the contrast."""
        return flatten_luma(images, dose)


class Brightness(Ablation):
    """Ablation that darkens the image: pixel values are multiplied by 1 − dose.

    Contrast and chroma fall by the same factor.

    Args:
        amount: share of the light to remove, 0 to 1.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "contrast"
    unit = "of the light"
    target = "luma_mean"
    control = "nuisance-baseline"
    ladder = (0.15, 0.3, 0.45, 0.6, 0.8)
    maximum = 1.0

    def __init__(self, amount: float = 0.45, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Remove the share `dose` of the light."""
        return darken(images, dose)
