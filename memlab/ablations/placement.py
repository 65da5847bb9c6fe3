"""Where else the same change could be made: occlusions placed as controls.

A control has the shape and area of the region's own mask, overlaps nothing that is labelled and no
other control, and lies where the image is most like it: as far from the middle, as busy, as
varied in light. Two controls that share pixels would be more alike than a control and the region,
which never do, and whatever a model reads would look specific to the region. A region above a
quarter of the image has no such place; its control is a random blob of its area, which covers
nothing annotated either. Where the unannotated part of the image is smaller than the region, as
beside a whole background, the image has no control.

A region that the frame cuts off has no edge there. Its control, inside the image, has: there it
ends without fading out. Known, and left so: any other shape would have another area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.imaging.colour import luma
from memlab.imaging.morphology import blobs
from memlab.types import Context

CANDIDATES = 32
"""Places looked at for each draw; the most similar is taken."""
LARGE = 0.25
"""Share of the image above which the control is a blob: next to it nothing has room."""
MEASURES = ("area", "eccentricity", "gradient_energy", "luminance_sd")
"""What is known of a region and of each place: share of the image's area, distance of its centre
from the middle in half diagonals, mean squared gradient of luma, standard deviation of luma."""
SCALES = {"eccentricity": 0.15, "gradient_energy": 1.0, "luminance_sd": 0.1}
"""Differences that count as much as one another: of shares of the half diagonal, of the logarithm
of energy, of the pixel range."""
EQUAL = 1e-5
"""Candidates that differ by less are equally similar, and the first is taken: on flat images the
choice must not hang on rounding."""
AT_ONCE = 8
"""Images looked at together: bounds the memory."""

Place = Literal["own", "elsewhere", "blob"]
"""What was changed: the region itself, its shape at another place, or a blob of its area."""


@dataclass(frozen=True)
class Placements:
    """Places for one region of each image of a batch; small, so that it can be kept.

    Args:
        shifts: (B, K, 2) int64, pixels down and across.
        found: (B, K) bool, whether there is such a place.
        own: measure to (B,) of the region itself, NaN where there is none.
        placed: measure to (B, K) of the places, NaN where there is none.
        large: (B,) bool, whose places are blobs.
        outlines: the blobs, (blobs, K, pixels / 8) as bits.
    """

    shifts: Tensor
    found: Tensor
    own: dict[str, Tensor]
    placed: dict[str, Tensor]
    large: Tensor
    outlines: NDArray[np.uint8]

    def where(self, weights: Tensor, draw: int) -> Tensor:
        """Weights of one draw's places, (B, 1, H, W); the region's own where there is none.

        Args:
            weights: (B, 1, H, W) in [0, 1], of the region itself.
            draw: below K.
        """
        moved = torch.stack(
            [
                own.roll((int(shift[0]), int(shift[1])), dims=(1, 2))
                for own, shift in zip(weights, self.shifts[:, draw], strict=True)
            ]
        )
        if self.large.any():
            bits = np.unpackbits(self.outlines[:, draw], axis=1, count=weights[0].numel())
            shaped = torch.from_numpy(bits).view(-1, *weights.shape[1:])
            moved[self.large.to(moved.device)] = shaped.to(moved)
        return moved

    def kinds(self, draw: int) -> list[Place | None]:
        """What the places of one draw are; None where there is none."""
        there, large = self.found[:, draw].tolist(), self.large.tolist()
        return [
            None if not found else "blob" if blob else "elsewhere"
            for found, blob in zip(there, large, strict=True)
        ]


def placements(
    images: Tensor, weights: Tensor, labelled: Tensor, context: Context, draws: int, name: str
) -> Placements:
    """Look for places.

    Places of one image share no pixels, margins included; where there is no room for K of them
    the last draws have none.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        weights: (B, 1, H, W) in [0, 1], of the region to be imitated; it may be empty.
        labelled: (B, 1, H, W) of 0 and 1: where no control may lie, the region itself included; its
            margin need not be, because nothing labelled is there.
        context: of the images; its ids and seed are used.
        draws: K, how many places are wanted.
        name: of the region, for the random numbers: the same places serve all doses and fills.

    Returns:
        The places; the result for one image does not depend on the others, and a draw's not on
        how many more there are.
    """
    if images.device.type == "mps":  # which has no double precision
        images, weights, labelled = images.cpu(), weights.cpu(), labelled.cpu()
    count, size = len(images), (images.shape[-2], images.shape[-1])
    shifts = torch.zeros(count, draws, 2, dtype=torch.int64)
    found = torch.zeros(count, draws, dtype=torch.bool)
    own = {measure: torch.full((count,), torch.nan, dtype=torch.float64) for measure in MEASURES}
    placed = {
        measure: torch.full((count, draws), torch.nan, dtype=torch.float64) for measure in MEASURES
    }
    large = (weights.double().mean(dim=(1, 2, 3)) > LARGE).cpu()
    there = weights.flatten(1).amax(dim=1).cpu() > 0
    for some in torch.split(there.nonzero().flatten(), AT_ONCE):
        at = some.to(images.device)
        every, free, touching = _every_shift(images[at], weights[at], labelled[at])
        unlike = _unlike(every)
        for row, image in enumerate(some.tolist()):
            for measure in MEASURES:
                own[measure][image] = every[measure][row, 0, 0]
            if large[image]:
                continue
            drawn = [replace(context, ids=[context.ids[image]], draw=draw) for draw in range(draws)]
            generators = [one.generators(f"placement {name}")[0] for one in drawn]
            chosen = _choose(free[row], touching[row], unlike[row], generators)
            for draw, (y, x) in enumerate(chosen):
                shifts[image, draw] = torch.tensor([y, x])
                found[image, draw] = True
                for measure in MEASURES:
                    placed[measure][image, draw] = every[measure][row, y, x]
    outlines = []
    for image in large.nonzero().flatten().tolist():
        # a blob that covered what is annotated would show its effect, with the sign turned
        free = (labelled[image : image + 1] <= 0).cpu()
        if round(float(own["area"][image]) * free.numel()) > int(free.sum()):
            outlines.append(np.zeros((draws, math.ceil(free.numel() / 8)), dtype=np.uint8))
            continue
        outlined = [
            replace(context, ids=[context.ids[image]], draw=draw).generators(f"blob {name}")[0]
            for draw in range(draws)
        ]
        area = own["area"][image].expand(draws)
        shaped = blobs(area, size, outlined, free.expand(draws, -1, -1, -1))
        found[image] = True
        for measure, values in _measures(images[image : image + 1], shaped).items():
            placed[measure][image] = values
        outlines.append(np.packbits(shaped.flatten(1).numpy() > 0, axis=1))
    kept = np.stack(outlines) if outlines else np.zeros((0, draws, 0), dtype=np.uint8)
    return Placements(shifts, found, own, placed, large, kept)


def _choose(
    free: Tensor, touching: Tensor, unlike: Tensor, generators: Sequence[torch.Generator]
) -> list[tuple[int, int]]:
    """Shifts of one image, at most one for each generator; none shares pixels with another."""
    free = free.clone()
    chosen: list[tuple[int, int]] = []
    for generator in generators:
        options = free.flatten().nonzero().flatten()
        if not len(options):
            break
        if len(options) > CANDIDATES:
            options = options[torch.randint(len(options), (CANDIDATES,), generator=generator)]
        values = unlike.flatten()[options]
        best = int(options[int((values <= values.min() + EQUAL).nonzero()[0])])
        y, x = divmod(best, free.shape[1])
        free &= ~touching.roll((y, x), dims=(0, 1))
        chosen.append((y, x))
    return chosen


def _every_shift(
    images: Tensor, weights: Tensor, labelled: Tensor
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Of the weights at every shift (B, H, W), on the CPU: measures, free, touching the unshifted.

    In double precision, so that a choice between candidates never hangs on rounding.
    """
    weights, maps = weights.double(), _maps(images)
    support = (weights > 0).double()
    taken = (labelled > 0).double()
    energy, mean, square = (_shifted(weights, maps) / weights.sum((2, 3), True)).unbind(1)
    overlap = _shifted(support, taken)[:, 0]
    every = {
        "area": weights.mean(dim=(2, 3), keepdim=True)[:, 0].expand_as(energy),
        "eccentricity": _eccentricity(weights),
        "gradient_energy": energy.clamp(min=0),
        "luminance_sd": (square - mean.square()).clamp(min=0).sqrt(),
    }
    free = _inside_frame(support) & (overlap < 0.5)
    touching = _shifted(support, support)[:, 0] > 0.5
    return {measure: values.cpu() for measure, values in every.items()}, free.cpu(), touching.cpu()


def _measures(image: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Measures of one image (1, 3, H, W) under K weights (K, 1, H, W): (K,) each."""
    weights = weights.double()
    shares = weights / weights.sum((2, 3), True)
    energy, mean, square = (shares * _maps(image).cpu()).sum((2, 3)).unbind(1)
    return {
        "area": weights.mean(dim=(1, 2, 3)),
        "eccentricity": _eccentricity(weights)[:, 0, 0],
        "gradient_energy": energy,
        "luminance_sd": (square - mean.square()).clamp(min=0).sqrt(),
    }


def _maps(images: Tensor) -> Tensor:
    """What is averaged under weights: squared gradient of luma, luma, its square: (B, 3, H, W)."""
    light = luma(images.double())
    down, across = torch.gradient(light, dim=(2, 3))
    return torch.cat([down.square() + across.square(), light, light.square()], dim=1)


def _shifted(weights: Tensor, maps: Tensor) -> Tensor:
    """Sums of maps (B, C, H, W) under weights (B, 1, H, W) that are shifted around the edge.

    The value at (y, x) is that for a shift of y down and x across.
    """
    spectrum = torch.fft.rfft2(weights).conj() * torch.fft.rfft2(maps)
    sums: Tensor = torch.fft.irfft2(spectrum, s=weights.shape[-2:])
    return sums


def _ends(support: Tensor) -> list[tuple[Tensor, Tensor]]:
    """First and last row, and column, that a support (B, 1, H, W) covers: (B, 1) each."""
    ends = []
    for axis, length in ((3, support.shape[2]), (2, support.shape[3])):
        covered = support.amax(dim=axis)[:, 0] > 0  # (B, length)
        steps = torch.arange(length, device=support.device)
        first = torch.where(covered, steps, length).amin(dim=1, keepdim=True)
        ends.append((first, torch.where(covered, steps, -1).amax(dim=1, keepdim=True)))
    return ends


def _inside_frame(support: Tensor) -> Tensor:
    """Shifts that wrap nothing around the edge: (B, H, W) bool."""
    axes = []
    for (first, last), length in zip(_ends(support), support.shape[2:], strict=True):
        steps = torch.arange(length, device=support.device)
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
        if measure == "gradient_energy":
            values = (values + 1e-6).log()
        elif measure == "luminance_sd":
            values = (values.square() + 1e-8).sqrt()  # a root is coarse near 0
        total += (values - values[:, :1, :1]).abs() / scale
    return total
