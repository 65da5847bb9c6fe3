"""Checks of images and masks before and after an ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from memlab.errors import MemlabError, PluginError

_BITS_OF_ONE = 0x3F800000  # of 1.0 in single precision


def require_images(
    changed: Any, images: Tensor, ids: Sequence[str], who: str, how: str, slack: float
) -> tuple[float, float]:
    """Check that changed images have the shape, dtype, device and range of the originals.

    Args:
        changed: the return value of an ablation.
        images: (B, 3, H, W) in [0, 1], the unchanged images.
        ids: ids of the images.
        who: name of the ablation, for the error message.
        how: description of the change, for the error message.
        slack: how far outside [0, 1] a value may lie.

    Returns:
        The lowest and the highest value.

    Raises:
        PluginError: if a check fails; the message names the first bad image.
    """
    if not isinstance(changed, Tensor):
        kind = type(changed).__name__
        raise PluginError(f"{who} returned {kind}, not images (image {ids[0]})")
    kinds = [(one.dtype, one.device) for one in (changed, images)]
    if changed.shape != images.shape or kinds[0] != kinds[1]:
        found, wanted = (
            f"{tuple(one.shape)} {str(one.dtype).removeprefix('torch.')} on {one.device}"
            for one in (changed, images)
        )
        raise PluginError(f"{who} returned {found}, not {wanted} (image {ids[0]})")
    low, high = _range(changed)  # a comparison with NaN is false
    if not (low >= -slack and high <= 1 + slack):
        inside = ((changed >= -slack) & (changed <= 1 + slack)).flatten(1).all(dim=1)
        place = int((~inside).nonzero()[0])
        one = changed[place]
        what = "NaN" if one.isnan().any() else f"{one.min():g} to {one.max():g}"
        raise PluginError(
            f"{who} returned values outside [0, 1] ({what}) for image {ids[place]} {how}"
        )
    return low, high


def _range(images: Tensor) -> tuple[float, float]:
    """Return the lowest and the highest value, NaN if any value is NaN.

    The bits of floats from 0 to infinity, read as integers, are in the order of the floats. Bits of
    negative floats are negative integers, and bits of NaN are above those of infinity or negative.
    If all bits are between those of 0 and 1, their range tells the range of the floats, in two
    thirds of the time.
    """
    if images.dtype == torch.float32:
        bits = images.view(torch.int32).aminmax()
        if int(bits.min) >= 0 and int(bits.max) <= _BITS_OF_ONE:
            return float(bits.min.view(torch.float32)), float(bits.max.view(torch.float32))
    low, high = images.aminmax()
    return float(low), float(high)


def require_sizes(
    images: Tensor, masks: Mapping[str, Tensor], ids: Sequence[str], asker: str
) -> None:
    """Check that each mask tensor has one mask per image, of the image's size.

    Args:
        images: (B, 3, H, W).
        masks: region to (B, 1, H, W).
        ids: ids of the images.
        asker: prefix of the error message.

    Raises:
        MemlabError: if a check fails; the message names the region, an image and both sizes.
    """
    count, height, width = len(images), *images.shape[-2:]
    for region, mask in masks.items():
        if mask.shape[-2:] != (height, width):
            raise MemlabError(
                f"{asker}: the mask of {region!r} is {mask.shape[-1]} × {mask.shape[-2]} "
                f"pixels, the image {ids[0]} is {width} × {height}; "
                "give masks of the image's size"
            )
        if mask.shape != (count, 1, height, width):
            raise MemlabError(
                f"{asker}: masks of {region!r} are {tuple(mask.shape)}; give one an image, "
                f"{(count, 1, height, width)}"
            )


def partial(mask: Tensor) -> Tensor:
    """Return which masks (B, 1, H, W) are neither empty nor full: (B,) bool, on the CPU."""
    inside = (mask > 0).flatten(1)
    return (inside.any(dim=1) & ~inside.all(dim=1)).cpu()
