"""Swaps of texture: replace the pattern of the background by that of donors."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.swaps import SwapBackground
from memlab.imaging.colour_transfer import with_colours
from memlab.imaging.push_pull import spread
from memlab.imaging.sharpness import swap_sharpness
from memlab.types import Context, Donors

PASSES = 2
"""How often sharpness and colours are matched: each match moves the other a little."""


class SwapPattern(SwapBackground):
    """Swap of the background's pattern: the donor's background in the image's own colours.

    The donor's background, without its foreground, goes behind the image's foreground. It gets the
    distribution of colours of the image's own background, so that palette, brightness and contrast
    stay, and the image's own sharpness. What changes is the pattern: the shapes in the background
    and their texture.

    Args:
        amount: blending weight of the donor's pattern, 0 to 1.
    """

    family = "texture"
    target = "pattern_to_donor"

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the donors' backgrounds in the images' colours."""
        plate = super().changed(images, context, donors).clamp(0, 1)
        own = self.core(context.masks, images)
        assert own is not None  # the region is the background
        around = spread(images, own)
        for _ in range(PASSES):
            plate = with_colours(swap_sharpness(plate, around), images, own)
        return plate
