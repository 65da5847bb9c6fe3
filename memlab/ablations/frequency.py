"""Spatial frequency: takes fine detail out, or coarse shapes."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.errors import MemlabError
from memlab.imaging.filters import gaussian_blur, high_pass
from memlab.types import Context

PIXELS = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Ladder of a blur in pixels, the prototype's 5 among them."""


class Blur(Ablation):
    """Gaussian blur. At 256 pixels the default is the prototype's radius of 5 pixels.

    Args:
        sigma: standard deviation, in % of the image's width.
        region: where: `all`, a region's name, or `not NAME`.
        unit: of sigma: percent (of the width) or pixels, those of the image as it is changed: in
            a test of the model's input size, whatever the file's is.
    """

    family = "frequency"
    unit = "% of width"
    target = "high_frequency_energy"
    control = "floor"
    ladder = (0.5, 1.0, 2.0, 4.0, 8.0)
    maximum = 25.0
    moves = ("oracle_high_frequency",)
    spares = ("oracle_redness", "oracle_face_luminance", "oracle_face_chroma")

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
        """Blur by a sigma of `dose`, in the unit of this object."""
        return gaussian_blur(images, 100 * dose / images.shape[-1] if self.in_pixels else dose)


class Highpass(Ablation):
    """Take coarse light and dark out and leave the fine structure. The mean luma stays.

    Colour stays too, but gets paler where a dark or light place has no room for it.

    Args:
        cutoff: cycles per image width at which half of the amplitude is left; coarser structure
            goes.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "frequency"
    unit = "cycles per width"
    target = "low_frequency_energy"
    control = "floor"
    ladder = (1.0, 2.0, 4.0, 8.0, 16.0)
    maximum = 32.0
    spares = (
        "oracle_chroma",
        "oracle_redness",
        "oracle_high_frequency",
        "oracle_face_chroma",
        "oracle_watermark",
    )

    def __init__(self, cutoff: float = 4.0, region: str = "all") -> None:
        super().__init__(dose=cutoff, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Take out what is coarser than `dose` cycles per width."""
        return high_pass(images, dose)
