"""Where else the same change could be made: occlusions placed as controls.

A control has the shape and area of the region's own mask, overlaps nothing that is labelled, and
lies where the picture is most like it: as far from the middle, as busy, as varied in light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memlab.ablations.base import Context
from memlab.ablations.functional.colour import luma

CANDIDATES = 32
"""Places looked at for each draw; the most similar is taken."""
MEASURES = ("area", "eccentricity", "gradient_energy", "luminance_sd")
"""What is known of a region and of each place: share of the picture's area, distance of its centre
from the middle in half diagonals, mean squared gradient of luma, standard deviation of luma."""
SCALES = {"eccentricity": 0.15, "gradient_energy": 1.0, "luminance_sd": 0.1}
"""Differences that count as much as one another: of shares of the half diagonal, of the logarithm
of energy, of the pixel range."""


@dataclass(frozen=True)
class Placements:
    """Places for one region of each picture of a batch.

    Args:
        weights: (B, 1, H, W) in [0, 1], of the region itself.
        shifts: (B, K, 2) int64, pixels down and across.
        found: (B, K) bool, whether there is such a place.
        own: measure to (B,) of the region itself.
        placed: measure to (B, K) of the places, NaN where there is none.
    """

    weights: Tensor
    shifts: Tensor
    found: Tensor
    own: dict[str, Tensor]
    placed: dict[str, Tensor]

    def where(self, draw: int) -> Tensor:
        """Weights of one draw's places, (B, 1, H, W); the region's own where there is none."""
        return torch.stack(
            [
                weights.roll((int(shift[0]), int(shift[1])), dims=(1, 2))
                for weights, shift in zip(self.weights, self.shifts[:, draw], strict=True)
            ]
        )


def placements(
    images: Tensor, weights: Tensor, labelled: Tensor, context: Context, draws: int, name: str
) -> Placements:
    """Look for places.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        weights: (B, 1, H, W) in [0, 1], of the region to be imitated.
        labelled: (B, 1, H, W) of 0 and 1: where no control may lie.
        context: of the pictures; its ids and seed are used.
        draws: K, how many places are wanted.
        name: of the region, for the random numbers: the same places serve all doses and fills.

    Returns:
        The places; the result for one picture does not depend on the others.
    """
    # in double precision, so that a choice between candidates never hangs on rounding
    weights, light = weights.double(), luma(images).double()
    support = (weights > 0).double()
    down, across = torch.gradient(light, dim=(2, 3))
    maps = torch.cat([down.square() + across.square(), light, light.square()], dim=1)
    energy, mean, square = (_shifted(weights, maps) / weights.sum((2, 3), True)).unbind(1)
    every = {
        "area": weights.mean(dim=(2, 3), keepdim=True)[:, 0].expand_as(energy),
        "eccentricity": _eccentricity(weights),
        "gradient_energy": energy,
        "luminance_sd": (square - mean.square()).clamp(min=0).sqrt(),
    }
    overlap = _shifted(support, ((labelled > 0) | (support > 0)).double())[:, 0]
    free = (_inside_frame(support) & (overlap < 0.5)).cpu()
    unlike = _unlike(every).cpu()
    places = torch.zeros(len(images), draws, dtype=torch.int64)
    found = free.flatten(1).any(dim=1)[:, None].expand(-1, draws)
    for draw in range(draws):
        drawn = replace(context, draw=draw).generators(f"placement {name}")
        for picture, generator in enumerate(drawn):
            options = free[picture].flatten().nonzero().flatten()
            if len(options):
                some = options[torch.randint(len(options), (CANDIDATES,), generator=generator)]
                places[picture, draw] = some[unlike[picture].flatten()[some].argmin()]
    width = images.shape[-1]
    placed = {
        measure: values.cpu().flatten(1).gather(1, places).where(found, torch.nan)
        for measure, values in every.items()
    }
    return Placements(
        weights.to(images.dtype),
        torch.stack([places // width, places % width], dim=2),
        found,
        {measure: values[:, 0, 0].cpu() for measure, values in every.items()},
        placed,
    )


def _shifted(weights: Tensor, maps: Tensor) -> Tensor:
    """Sums of maps (B, C, H, W) under weights (B, 1, H, W) that are shifted around the edge.

    The value at (y, x) is that for a shift of y down and x across.
    """
    spectrum = torch.fft.rfft2(weights).conj() * torch.fft.rfft2(maps)
    sums: Tensor = torch.fft.irfft2(spectrum, s=weights.shape[-2:])
    return sums


def _inside_frame(support: Tensor) -> Tensor:
    """Shifts that wrap nothing around the edge: (B, H, W) bool."""
    axes = []
    for axis, length in ((3, support.shape[2]), (2, support.shape[3])):
        covered = support.amax(dim=axis)[:, 0] > 0  # (B, length)
        steps = torch.arange(length, device=support.device)
        first = torch.where(covered, steps, length).amin(dim=1, keepdim=True)
        last = torch.where(covered, steps, -1).amax(dim=1, keepdim=True)
        axes.append((steps <= length - 1 - last) | (steps >= length - first))
    return axes[0][:, :, None] & axes[1][:, None, :]


def _eccentricity(weights: Tensor) -> Tensor:
    """Distance of the shifted weights' centre from the middle, in half diagonals: (B, H, W)."""
    height, width = weights.shape[-2:]
    middles = []
    for axis, length in ((3, height), (2, width)):
        along = weights.sum(dim=axis)[:, 0]
        steps = torch.arange(length, device=weights.device, dtype=weights.dtype)
        centre = (along @ steps / along.sum(dim=1)).unsqueeze(1)
        middles.append((centre + steps) % length - (length - 1) / 2)
    half = math.hypot(height / 2, width / 2)
    return torch.hypot(middles[0][:, :, None], middles[1][:, None, :]) / half


def _unlike(every: dict[str, Tensor]) -> Tensor:
    """How much each shift differs from none, over all measures: (B, H, W)."""
    total = torch.zeros_like(every["eccentricity"])
    for measure, scale in SCALES.items():
        values = every[measure]
        values = (values + 1e-6).log() if measure == "gradient_energy" else values
        total += (values - values[:, :1, :1]).abs() / scale
    return total
