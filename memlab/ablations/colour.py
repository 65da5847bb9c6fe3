"""Grey-scale: takes colour out."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.base import Ablation, Context
from memlab.ablations.functional.colour import desaturate


class Grayscale(Ablation):
    """Move every pixel towards its luma; at 1 nothing but luma (Pillow's mode `L`) is left.

    Args:
        amount: share of the colour taken out, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "of the colour"
    target = "chroma"
    control = "floor"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Take the share `dose` of the colour out."""
        return desaturate(images, dose)
