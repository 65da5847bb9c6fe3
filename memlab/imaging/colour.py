"""Luma, chroma, and colour transforms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

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


def with_luma(grey: Tensor, offsets: Tensor) -> Tensor:
    """Return images with a given luma and colour; colours outside the RGB gamut become paler.

    Clipping R, G and B to [0, 1] instead would change luma and hue.

    Args:
        grey: luma, (B, 1, H, W) in [0, 1].
        offsets: (R, G, B) − luma, (B, 3, H, W).

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    above = offsets.amax(dim=1, keepdim=True).clamp(min=1e-6)
    below = offsets.amin(dim=1, keepdim=True).neg().clamp(min=1e-6)
    share = torch.minimum((1 - grey).div_(above), grey / below).clamp_(max=1)
    return torch.addcmul(grey, share, offsets)


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
    mixed = torch.empty_like(images)
    for index in range(len(images)):
        # one image at a time, so that intermediate results stay in the processor's cache
        source, target = images[index : index + 1], mixed[index]
        light = to_light(source)
        grey = _weighted(light, LUMINANCE)
        target.copy_(from_light(torch.lerp(light, grey.expand_as(light), amount))[0])
    return mixed


def to_light(values: Tensor) -> Tensor:
    """Decode sRGB values to linear light (IEC 61966-2-1).

    Args:
        values: any shape, in [0, 1].

    Returns:
        The same shape, in [0, 1]; within 1e-6 of the standard's formula.
    """
    levels = values.mul(255).round_()
    if torch.equal(levels / 255, values):  # 8-bit values: a table of 256 entries
        table = _to_light(torch.arange(256, dtype=torch.float64) / 255).to(values)
        return table.index_select(0, levels.flatten().int()).view_as(values)
    return _to_light(values)


# Both directions are a power above a knee and a line below it. Each part is computed on values
# clamped to its side, and the two parts are added. This takes a third of the time of selecting one
# of two results. A logarithm and an exponential take half of the time of a power.


def _to_light(values: Tensor) -> Tensor:
    power = values.clamp(min=_KNEE).add_(0.055).div_(1.055).log_().mul_(2.4).exp_()
    return power.add_(values.clamp(max=_KNEE).sub_(_KNEE), alpha=1 / 12.92)


def from_light(light: Tensor) -> Tensor:
    """Encode linear light as sRGB values, the inverse of `to_light`.

    Args:
        light: any shape, in [0, 1].

    Returns:
        The same shape, in [0, 1]; within 1e-6 of the standard's formula.
    """
    power = light.clamp(min=_LIGHT_KNEE).log_().mul_(1 / 2.4).exp_().mul_(1.055).sub_(0.055)
    line = light.clamp(max=_LIGHT_KNEE).sub_(_LIGHT_KNEE)
    return power.add_(line, alpha=12.92).clamp_(min=0)  # black would be −3e-8


def rotate_hue(images: Tensor, degrees: float) -> Tensor:
    """Rotate the hue of each colour and keep luma; chroma stays within the RGB gamut.

    (R, G, B) − luma lies in the plane perpendicular to `LUMA`. A rotation in this plane (Rodrigues)
    changes neither its length, which is the chroma, nor the luma. At 180° each colour becomes its
    opposite.

    Args:
        images: (B, 3, H, W) in [0, 1].
        degrees: 0 to 360.
    """
    grey = luma(images)
    offsets = images - grey
    red, green, blue = (weight / math.hypot(*LUMA) for weight in LUMA)
    across = offsets.new_tensor([[0, -blue, green], [blue, 0, -red], [-green, red, 0]])
    angle = math.radians(degrees)
    turn = math.cos(angle) * torch.eye(3).to(across) + math.sin(angle) * across
    return with_luma(grey, (turn @ offsets.flatten(2)).view_as(offsets))


def flatten_palette(images: Tensor, amount: float) -> Tensor:
    """Move each colour towards the mean colour of the image and keep luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the image is monochrome in its mean tint.
    """
    grey = luma(images)
    offsets = images - grey
    mean = offsets.mean(dim=(2, 3), keepdim=True)
    return with_luma(grey, torch.lerp(offsets, mean.expand_as(offsets), amount))


def _weighted(images: Tensor, weights: tuple[float, float, float]) -> Tensor:
    red, green, blue = (images[:, place : place + 1] for place in range(3))
    return (weights[0] * red).add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])
