"""Pixels that masks label: where no control and no added region may lie."""

from __future__ import annotations

from torch import Tensor

from memlab.masks.expression import mask_of
from memlab.types import Context


def labelled(context: Context, like: Tensor) -> Tensor:
    """Return the pixels of all labelled regions, (B, 1, H, W) of 0 and 1.

    Every region but the background counts. Where the background has masks of its own, pixels that
    it leaves out show something as well, even if no other region covers them.

    Args:
        context: context of the images with their masks.
        like: a tensor of the result's shape, type and device.
    """
    found = like.new_zeros(like.shape)
    for name, mask in context.masks.items():
        if name != "background":
            found = found.maximum((mask > 0).to(found))
    own = context.masks.get("background")
    figures = None if own is None else mask_of("figures", context.masks)
    if figures is not None:
        known = context.annotated_for("background").to(found).view(-1, 1, 1, 1)
        found = found.maximum((figures > 0).to(found) * known)
    return found
