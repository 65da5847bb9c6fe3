"""An example ablation: everything finer than a cell is averaged away."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from memlab import Ablation, Context


class Mosaic(Ablation):
    """Divide the image into square cells and give each its mean colour.

    Args:
        cell: side of a cell in % of the image's width.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "frequency"
    unit = "% of width"
    target = "likeness"
    control = "nuisance-baseline"
    ladder = (5.0, 10.0, 12.5, 25.0, 50.0)
    maximum = 100.0

    def __init__(self, cell: float = 12.5, region: str = "all") -> None:
        super().__init__(dose=cell, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Average over cells of `dose` % of the width."""
        cells = max(1, round(100 / dose))
        return interpolate(adaptive_avg_pool2d(images, cells), size=images.shape[-2:])
