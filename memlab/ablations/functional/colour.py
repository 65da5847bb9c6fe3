"""Luma, chroma, and what changes colour."""

from __future__ import annotations

import math

import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma (ITU-R BT.601), those of Pillow's mode `L`."""

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of linear R, G and B in luminance (sRGB, IEC 61966-2-1)."""


def luma(images: Tensor) -> Tensor:
    """Luma of gamma-coded RGB pictures: (B, 3, H, W) in [0, 1] to (B, 1, H, W) in [0, 1]."""
    return _weighted(images, LUMA)


def chroma(images: Tensor) -> Tensor:
    """Distance of R, G and B from luma: (B, 3, H, W) in [0, 1] to (B, 1, H, W)."""
    return (images - luma(images)).square().sum(dim=1, keepdim=True).sqrt()


def with_luma(grey: Tensor, offsets: Tensor) -> Tensor:
    """Pictures of a given luma and colour; where a colour does not fit, it gets paler.

    Cutting R, G and B to [0, 1] instead would change luma and hue.

    Args:
        grey: luma, (B, 1, H, W) in [0, 1].
        offsets: R, G and B less luma, (B, 3, H, W).

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    above = offsets.amax(dim=1, keepdim=True).clamp(min=1e-6)
    below = offsets.amin(dim=1, keepdim=True).neg().clamp(min=1e-6)
    share = torch.minimum((1 - grey).div_(above), grey / below).clamp_(max=1)
    return torch.addcmul(grey, share, offsets)


def desaturate(images: Tensor, amount: float) -> Tensor:
    """Move every pixel towards its luma.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the picture equals Pillow's mode `L`.
    """
    return torch.lerp(images, luma(images).expand_as(images), amount)


def desaturate_light(images: Tensor, amount: float) -> Tensor:
    """Mix every pixel's light with grey light of the same luminance (CIE Y, hence L*).

    Args:
        images: (B, 3, H, W) in [0, 1], sRGB.
        amount: share of grey light, 0 to 1.
    """
    light = rgb_to_linear_rgb(images)
    grey = _weighted(light, LUMINANCE)
    mixed: Tensor = linear_rgb_to_rgb(torch.lerp(light, grey.expand_as(light), amount))
    return mixed


def rotate_hue(images: Tensor, degrees: float) -> Tensor:
    """Turn every colour in the plane of its luma; luma stays, chroma as far as it fits.

    RGB less luma lies in the plane at right angles to `LUMA`; turning it there (Rodrigues) changes
    neither its length, which is the chroma, nor the luma. At 180° a colour is its opposite.

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
    """Move every colour towards the picture's mean colour; luma stays.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way, 0 to 1; at 1 the picture is a tinted black and white one.
    """
    grey = luma(images)
    offsets = images - grey
    mean = offsets.mean(dim=(2, 3), keepdim=True)
    return with_luma(grey, torch.lerp(offsets, mean.expand_as(offsets), amount))


def _weighted(images: Tensor, weights: tuple[float, float, float]) -> Tensor:
    red, green, blue = (images[:, place : place + 1] for place in range(3))
    return (weights[0] * red).add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])
