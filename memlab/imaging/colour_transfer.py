"""Transfer of an image's colours to another: the distribution of its tones, and their colours."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from memlab.imaging.colour import luma
from memlab.imaging.colour_moments import moments, transport

KNOTS = 32
"""Ranks of tone at which the mean colour is known; it is interpolated between them."""


def with_colours(images: Tensor, others: Tensor, region: Tensor) -> Tensor:
    """Return images whose colours have the distribution of other images' colours.

    The tone of a pixel is its position on the first principal axis of the image's colours, from
    dark to light. Each pixel gets the tone that has the same rank in the other image, and the mean
    colour of the other image at that rank. What deviates from the mean colour gets the covariance
    that it has in the other image. Where things are, and which of them is lighter, stays.

    A linear map of colours would keep mean and covariance only. Patterns differ in the form of
    their distribution: with equal SD, stripes have closer extremes than grain.

    Args:
        images: (B, 3, H, W) in [0, 1].
        others: (B, 3, H, W) in [0, 1].
        region: (B, 1, H, W) of 0 and 1: pixels whose colours count, of images and of others. An
            image without any stays unchanged.

    Returns:
        (B, 3, H, W) in [0, 1]. Pixels outside the region are changed by the same map.
    """
    made = [
        _recoloured(image, other, where[0] > 0) if where.any() else image.flatten(1)
        for image, other, where in zip(images, others, region, strict=True)
    ]
    return torch.stack(made).view_as(images).clamp(0, 1)


class _Colours(NamedTuple):
    """Colours of an image, apart from its tones: mean and principal axis (3, 1).

    `tones` (N,): tones of the region, sorted. `curve` (3, KNOTS): mean deviation from the axis, by
    rank. `rest` (3, N of the image): what deviates from both. `ranks` (N of the image).
    """

    mean: Tensor
    axis: Tensor
    tones: Tensor
    curve: Tensor
    rest: Tensor
    ranks: Tensor


def _recoloured(image: Tensor, other: Tensor, where: Tensor) -> Tensor:
    inside = where.flatten()
    own, new = _colours(image, where), _colours(other, where)
    covariances = (one.rest[:, inside] @ one.rest[:, inside].T for one in (own, new))
    stretch = transport(*(one / inside.sum() for one in covariances))
    place = (own.ranks * len(new.tones) - 0.5).clamp(0, len(new.tones) - 1)
    tones = _between(new.tones[None], place)
    away = _between(new.curve, own.ranks * KNOTS - 0.5)
    return new.mean + new.axis * tones + away + stretch @ own.rest


def _colours(image: Tensor, where: Tensor) -> _Colours:
    mean, covariance = (one[0] for one in moments(image[None], where[None, None].to(image)))
    axis = torch.linalg.eigh(covariance)[1][:, -1:]
    if luma(axis.view(1, 3, 1, 1)) < 0:
        axis = -axis
    pixels, inside = image.flatten(1) - mean, where.flatten()
    tone = (axis * pixels).sum(dim=0)
    tones, order = tone[inside].sort()
    below, upto = (torch.searchsorted(tones, tone, right=side) for side in (False, True))
    ranks = ((below + upto) / (2 * len(tones))).to(image)  # equal tones share their middle rank
    away = pixels - axis * tone
    steps = torch.linspace(0, len(tones), KNOTS + 1).round().long().tolist()
    sorted_away = away[:, inside][:, order]
    curve = torch.stack(
        [
            sorted_away[:, min(first, len(tones) - 1) : max(last, first + 1)].mean(dim=1)
            for first, last in pairwise(steps)
        ],
        dim=1,
    )
    return _Colours(mean, axis, tones, curve, away - _between(curve, ranks * KNOTS - 0.5), ranks)


def _between(values: Tensor, places: Tensor) -> Tensor:
    """Return values (C, K) at fractional places (N,), interpolated; constant beyond the ends."""
    places = places.clamp(0, values.shape[1] - 1)
    low = places.floor().long().clamp(max=max(0, values.shape[1] - 2))
    high = (low + 1).clamp(max=values.shape[1] - 1)
    return torch.lerp(values[:, low], values[:, high], (places - low)[None].to(values))
