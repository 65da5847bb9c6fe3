"""Spatial-frequency ablations: remove fine detail or coarse structure."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.errors import MemlabError
from memlab.imaging.filters import gaussian_blur, high_pass
from memlab.types import Context

PIXELS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Ladder of `Blur` in pixels, which includes the 5 pixels of the Columbia student study."""


class Blur(Ablation):
    """Gaussian blur of the image.

    At a width of 256 pixels the default is about the blur of radius 5 pixels in the Columbia
    student study.

    Args:
        sigma: standard deviation, in % of the image's width.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
        unit: unit of sigma: percent (of the width) or pixels of the changed image, which in a test
            has the model's input size.
    """

    family = "frequency"
    unit = "% of width"
    target = "high_frequency_energy"
    control = "nuisance-baseline"
    dose_name = "σ"
    ladder = (0.5, 1.0, 2.0, 4.0, 8.0)
    maximum = 25.0

    def __init__(
        self,
        sigma: float = 2.0,
        region: str = "all",
        unit: Literal["percent", "pixels"] = "percent",
    ) -> None:
        if unit not in ("percent", "pixels"):
            raise MemlabError(f"{self.name}: unit {unit!r} is neither percent nor pixels")
        self.in_pixels = unit == "pixels"
        if self.in_pixels:
            self.unit, self.ladder, self.maximum = "pixels", PIXELS, 64.0
        super().__init__(dose=sigma, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Blur with sigma `dose`, in the unit of this instance."""
        return gaussian_blur(images, 100 * dose / images.shape[-1] if self.in_pixels else dose)


class Highpass(Ablation):
    """High-pass filter of luma: removes coarse structure and keeps fine detail and mean luma.

    Colour stays, but is paler in dark and light areas where the full colour is outside the RGB
    gamut.

    Args:
        cutoff: cycles per image width at which half of the amplitude is left; coarser structure
            is removed.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "frequency"
    unit = "cycles per width"
    target = "low_frequency_energy"
    control = "nuisance-baseline"
    ladder = (1.0, 2.0, 4.0, 8.0, 16.0)
    maximum = 32.0

    def __init__(self, cutoff: float = 4.0, region: str = "all") -> None:
        super().__init__(dose=cutoff, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Remove structure coarser than `dose` cycles per width."""
        return high_pass(images, dose)
