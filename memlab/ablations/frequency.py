"""Spatial frequency: takes fine detail out, or coarse shapes."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.base import Ablation, Context
from memlab.ablations.functional.frequency import gaussian_blur


class Blur(Ablation):
    """Gaussian blur. At 256 pixels the default is the prototype's radius of 5 pixels.

    Args:
        sigma: standard deviation in % of the picture's width.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "frequency"
    unit = "% of width"
    target = "high_frequency_energy"
    control = "floor"
    ladder = (0.5, 1.0, 2.0, 4.0, 8.0)
    maximum = 25.0

    def __init__(self, sigma: float = 2.0, region: str = "all") -> None:
        super().__init__(dose=sigma, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Blur by a sigma of `dose` % of the width."""
        return gaussian_blur(images, dose)
