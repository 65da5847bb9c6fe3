"""Luma, chroma, and colour transforms."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from memlab.imaging.parts import in_parts

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma (ITU-R BT.601), as in Pillow's mode `L`."""

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of linear R, G and B in luminance (sRGB, IEC 61966-2-1)."""

_KNEE, _LIGHT_KNEE = 0.04045, 0.0031308
"""Boundary of the linear and the power segment of sRGB, as a coded value and as linear light."""


def luma(images: Tensor) -> Tensor:
    """Return the luma of gamma-coded RGB images: (B, 3, H, W) to (B, 1, H, W), both in [0, 1]."""
    return _weighted(images, LUMA)


def chroma(images: Tensor) -> Tensor:
    """Return the distance of R, G and B from luma: (B, 3, H, W) in [0, 1] to (B, 1, H, W)."""
    return (images - luma(images)).square().sum(dim=1, keepdim=True).sqrt()


def with_luma(grey: Tensor, offsets: Tensor, out: Tensor | None = None) -> Tensor:
    """Return images with a given luma and colour; colours outside the RGB gamut become paler.

    Clipping R, G and B to [0, 1] instead would change luma and hue.

    Args:
        grey: luma, (B, 1, H, W) in [0, 1].
        offsets: (R, G, B) − luma, (B, 3, H, W).
        out: tensor for the result, (B, 3, H, W); by default a new tensor.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    above, below = offsets.amax(dim=1, keepdim=True), offsets.amin(dim=1, keepdim=True).neg_()
    share = gamut_share(grey, above, below)
    return torch.addcmul(grey, share, offsets, out=out).clamp_(0, 1)  # rounding


def gamut_share(grey: Tensor, above: Tensor, below: Tensor) -> Tensor:
    """Return the largest share of a colour, at most 1, that stays within the RGB gamut.

    Args:
        grey: luma, (B, 1, H, W) in [0, 1].
        above: how far the largest of R, G and B is above the luma of the full colour, (B, 1, H, W);
            overwritten.
        below: how far the smallest is below it; overwritten.

    Returns:
        (B, 1, H, W).
    """
    share = (1 - grey).div_(above.clamp_(min=1e-6))
    return torch.minimum(share, grey / below.clamp_(min=1e-6)).clamp_(max=1)


def desaturate(images: Tensor, amount: float) -> Tensor:
    """Move each pixel towards its luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the image equals Pillow's mode `L`.
    """
    grey = luma(images).expand_as(images)
    return grey.contiguous() if amount == 1 else torch.lerp(images, grey, amount)


def desaturate_light(images: Tensor, amount: float) -> Tensor:
    """Mix each pixel's light with grey light of the same luminance (CIE Y, and so L*).

    Args:
        images: (B, 3, H, W) in [0, 1], sRGB.
        amount: share of grey light, 0 to 1.
    """

    def change(some: Tensor, out: Tensor | None) -> Tensor:
        light = to_light(some)
        grey = _weighted(light, LUMINANCE)
        return from_light(torch.lerp(light, grey.expand_as(light), amount), out)

    return in_parts(change, images)


def to_light(values: Tensor) -> Tensor:
    """Decode sRGB values to linear light (IEC 61966-2-1).

    Args:
        values: any shape, in [0, 1].

    Returns:
        The same shape, in [0, 1]; within 1e-6 of the standard's formula.
    """
    levels = values.mul(255).round_()
    chosen = levels.flatten().int()
    distance = levels.div_(255).sub_(values).flatten()
    if torch.dot(distance, distance) == 0:  # 8-bit values: a table of 256 entries
        return _light_of_levels().to(values).index_select(0, chosen).view_as(values)
    return _to_light(values)


@functools.lru_cache(maxsize=1)
def _light_of_levels() -> Tensor:
    with torch.inference_mode(False):  # the cached table may be used with gradients later
        return _to_light(torch.arange(256, dtype=torch.float64) / 255)


# Both directions are a power above a knee and a line below it. Each part is computed on values
# clamped to its side, and the two parts are added. This takes a third of the time of selecting one
# of two results. A logarithm and an exponential to base 2 take a third of the time of a power.


def _to_light(values: Tensor) -> Tensor:
    power = values.clamp(min=_KNEE).add_(0.055).div_(1.055).log2_().mul_(2.4).exp2_()
    return power.add_(values.clamp(max=_KNEE).sub_(_KNEE), alpha=1 / 12.92)


def from_light(light: Tensor, out: Tensor | None = None) -> Tensor:
    """Encode linear light as sRGB values, the inverse of `to_light`.

    Args:
        light: any shape, in [0, 1].
        out: tensor for the result, of the same shape; by default a new tensor.

    Returns:
        The same shape, in [0, 1]; within 1e-6 of the standard's formula.
    """
    power = light.clamp(min=_LIGHT_KNEE).log2_().mul_(1 / 2.4).exp2_()
    line = (
        torch.clamp(light, max=_LIGHT_KNEE, out=out).mul_(12.92).sub_(12.92 * _LIGHT_KNEE + 0.055)
    )
    return line.add_(power, alpha=1.055).clamp_(min=0)  # black would be −3e-8


def rotate_hue(images: Tensor, degrees: float) -> Tensor:
    """Rotate the hue of each colour and keep luma; chroma stays within the RGB gamut.

    (R, G, B) − luma lies in the plane perpendicular to `LUMA`. A rotation in this plane (Rodrigues)
    changes neither its length, which is the chroma, nor the luma. At 180° each colour becomes its
    opposite.

    Args:
        images: (B, 3, H, W) in [0, 1].
        degrees: 0 to 360.
    """
    red, green, blue = (weight / math.hypot(*LUMA) for weight in LUMA)
    across = images.new_tensor([[0, -blue, green], [blue, 0, -red], [-green, red, 0]])
    angle = math.radians(degrees)
    turn = math.cos(angle) * torch.eye(3).to(across) + math.sin(angle) * across

    def change(some: Tensor, out: Tensor | None) -> Tensor:
        grey = luma(some)
        offsets = some - grey
        return with_luma(grey, (turn @ offsets.flatten(2)).view_as(offsets), out)

    return in_parts(change, images)


def flatten_palette(images: Tensor, amount: float) -> Tensor:
    """Move each colour towards the mean colour of the image and keep luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the image is monochrome in its mean tint.
    """

    def change(some: Tensor, out: Tensor | None) -> Tensor:
        grey = luma(some)
        offsets = some - grey
        mean = offsets.mean(dim=(2, 3), keepdim=True)
        return with_luma(grey, torch.lerp(offsets, mean.expand_as(offsets), amount), out)

    return in_parts(change, images)


def _weighted(images: Tensor, weights: tuple[float, float, float]) -> Tensor:
    red, green, blue = (images[:, place : place + 1] for place in range(3))
    return (weights[0] * red).add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])
