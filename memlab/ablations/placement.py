"""Positions of matched controls: the same change on the same shape elsewhere in the image.

A control has the shape and area of the region's mask. It overlaps no labelled region and no other
control. Among random candidates it lies where eccentricity, gradient energy and luminance SD are
most similar to those of the region. Controls of one image share no pixels, because controls that
share pixels have more similar effects than a control and the region, and then any region would
look specific. A region that covers more than a quarter of the image has no such position, and a
smaller one may have none between other figures. Its controls are then random shapes of its area,
which keep the region's margin from every labelled region. An image whose unlabelled part is smaller
than the region, such as a whole background, has no control.

Known limitation: where the frame cuts off the region, the region has no edge, but the control,
which lies inside the frame, has a hard edge. Any other shape would have another area.
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
from memlab.imaging.morphology import blobs, dilated
from memlab.imaging.shifts import inside_frame, shifted_sums
from memlab.types import Context

CANDIDATES = 32
"""Candidate positions per draw; the most similar candidate is used."""
LARGE = 0.25
"""Share of the image above which a shifted copy does not fit and the control is a random shape."""
LEAST = 2
"""Matched controls without which the controls are random shapes: fewer have no variance."""
MEASURES = ("area", "eccentricity", "gradient_energy", "luminance_sd")
"""Measures of a region and of each position: share of the image's area, distance of the centre from
the middle in half diagonals, mean squared gradient of luma, standard deviation of luma."""
SCALES = {"eccentricity": 0.15, "gradient_energy": 1.0, "luminance_sd": 0.1}
"""Scale of the difference in each measure: in half diagonals, in the logarithm of energy, in the
pixel range. Differences of one scale count equally."""
EQUAL = 1e-5
"""Candidates whose dissimilarity differs by less are tied, and the first is used. On flat images
the choice must not depend on rounding."""
AT_ONCE = 8
"""Images processed together; bounds the memory."""

Place = Literal["own", "matched", "random-shape"]
"""Changed area: the region itself, its shape at another position, or a random shape."""


@dataclass(frozen=True)
class Placements:
    """Control positions for one region of each image of a batch; small enough to cache.

    Args:
        shifts: (B, K, 2) int64, pixels down and across.
        found: (B, K) bool, whether the draw has a valid position.
        own: measure to (B,) of the region itself, NaN if the image lacks the region.
        placed: measure to (B, K) of the controls, NaN without a valid position.
        shaped: (B,) bool, whether the controls are random shapes.
        outlines: the random shapes, (images with random shapes, K, pixels / 8) as bits.
    """

    shifts: Tensor
    found: Tensor
    own: dict[str, Tensor]
    placed: dict[str, Tensor]
    shaped: Tensor
    outlines: NDArray[np.uint8]

    def where(self, weights: Tensor, draw: int) -> Tensor:
        """Return the weights of one draw's controls, (B, 1, H, W).

        Where the draw has no valid position, the weights are those of the region itself.

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
        if self.shaped.any():
            bits = np.unpackbits(self.outlines[:, draw], axis=1, count=weights[0].numel())
            shaped = torch.from_numpy(bits).view(-1, *weights.shape[1:])
            moved[self.shaped.to(moved.device)] = shaped.to(moved)
        return moved

    def kinds(self, draw: int) -> list[Place | None]:
        """Return the kind of each control of one draw, None without a valid position."""
        there, shaped = self.found[:, draw].tolist(), self.shaped.tolist()
        return [
            None if not found else "random-shape" if blob else "matched"
            for found, blob in zip(there, shaped, strict=True)
        ]


def placements(
    images: Tensor,
    weights: Tensor,
    labelled: Tensor,
    context: Context,
    draws: int,
    name: str,
    margin: int = 0,
) -> Placements:
    """Find the positions of matched controls.

    Controls of one image share no pixels, including their margins. If fewer than K controls fit,
    the last draws have none.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        weights: (B, 1, H, W) in [0, 1], of the region; may be empty.
        labelled: (B, 1, H, W) of 0 and 1: where no control may lie. Includes the region itself, but
            not necessarily its margin, which contains nothing labelled.
        context: context of the images; its ids and seed are used.
        draws: K, the requested number of controls.
        name: name of the region, which seeds the random numbers; all doses and fills share
            positions.
        margin: pixels that random shapes keep from everything labelled; the weights of a shifted
            shape include its margin.

    Returns:
        The positions. The result for an image does not depend on the other images. The
        position of a draw does not depend on the number of later draws.
    """
    if images.device.type == "mps":  # MPS has no double precision
        images, weights, labelled = images.cpu(), weights.cpu(), labelled.cpu()
    count, size = len(images), (images.shape[-2], images.shape[-1])
    shifts = torch.zeros(count, draws, 2, dtype=torch.int64)
    found = torch.zeros(count, draws, dtype=torch.bool)
    own = {measure: torch.full((count,), torch.nan, dtype=torch.float64) for measure in MEASURES}
    placed = {
        measure: torch.full((count, draws), torch.nan, dtype=torch.float64) for measure in MEASURES
    }
    shaped = (weights.double().mean(dim=(1, 2, 3)) > LARGE).cpu()
    there = weights.flatten(1).amax(dim=1).cpu() > 0
    for some in torch.split(there.nonzero().flatten(), AT_ONCE):
        at = some.to(images.device)
        every, free, touching = _every_shift(images[at], weights[at], labelled[at])
        unlike = _unlike(every)
        for row, image in enumerate(some.tolist()):
            for measure in MEASURES:
                own[measure][image] = every[measure][row, 0, 0]
            if shaped[image]:
                continue
            drawn = [replace(context, ids=[context.ids[image]], draw=draw) for draw in range(draws)]
            generators = [one.generators(f"placement {name}")[0] for one in drawn]
            chosen = _choose(free[row], touching[row], unlike[row], generators)
            if len(chosen) < min(LEAST, draws):
                shaped[image] = True
                continue
            for draw, (y, x) in enumerate(chosen):
                shifts[image, draw] = torch.tensor([y, x])
                found[image, draw] = True
                for measure in MEASURES:
                    placed[measure][image, draw] = every[measure][row, y, x]
    outlines = []
    for image in shaped.nonzero().flatten().tolist():
        # a random shape over annotated pixels would include their effect, which is then subtracted
        free = dilated(labelled[image : image + 1].cpu(), margin) <= 0
        if round(float(own["area"][image]) * free.numel()) > int(free.sum()):
            outlines.append(np.zeros((draws, math.ceil(free.numel() / 8)), dtype=np.uint8))
            continue
        outlined = [
            replace(context, ids=[context.ids[image]], draw=draw).generators(f"blob {name}")[0]
            for draw in range(draws)
        ]
        area = own["area"][image].expand(draws)
        outline = blobs(area, size, outlined, free.expand(draws, -1, -1, -1))
        found[image] = True
        for measure, values in _measures(images[image : image + 1], outline).items():
            placed[measure][image] = values
        outlines.append(np.packbits(outline.flatten(1).numpy() > 0, axis=1))
    kept = np.stack(outlines) if outlines else np.zeros((0, draws, 0), dtype=np.uint8)
    return Placements(shifts, found, own, placed, shaped, kept)


def _choose(
    free: Tensor, touching: Tensor, unlike: Tensor, generators: Sequence[torch.Generator]
) -> list[tuple[int, int]]:
    """Return at most one shift per generator for one image; the shifted shapes share no pixels."""
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
    """Return measures, validity and overlap of the weights at every shift: (B, H, W) on the CPU.

    A shift is valid if the shape stays inside the frame and overlaps nothing labelled. Overlap
    tells whether the shifted and the unshifted shape share pixels. Double precision is used so that
    the choice between candidates does not depend on rounding.
    """
    weights, maps = weights.double(), _maps(images)
    support = (weights > 0).double()
    taken = (labelled > 0).double()
    energy, mean, square = (shifted_sums(weights, maps) / weights.sum((2, 3), True)).unbind(1)
    overlap = shifted_sums(support, taken)[:, 0]
    every = {
        "area": weights.mean(dim=(2, 3), keepdim=True)[:, 0].expand_as(energy),
        "eccentricity": _eccentricity(weights),
        "gradient_energy": energy.clamp(min=0),
        "luminance_sd": (square - mean.square()).clamp(min=0).sqrt(),
    }
    free = inside_frame(support) & (overlap < 0.5)
    touching = shifted_sums(support, support)[:, 0] > 0.5
    return {measure: values.cpu() for measure, values in every.items()}, free.cpu(), touching.cpu()


def _measures(image: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Return the measures of one image (1, 3, H, W) under K weights (K, 1, H, W): (K,) each."""
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
    """Return squared gradient of luma, luma, and squared luma: (B, 3, H, W)."""
    light = luma(images.double())
    down, across = torch.gradient(light, dim=(2, 3))
    return torch.cat([down.square() + across.square(), light, light.square()], dim=1)


def _eccentricity(weights: Tensor) -> Tensor:
    """Return the distance of the shifted weights' centre from the middle, in half diagonals.

    The result is (B, H, W).
    """
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
    """Return the dissimilarity of each shift to no shift, over all measures: (B, H, W)."""
    total = torch.zeros_like(every["eccentricity"])
    for measure, scale in SCALES.items():
        values = every[measure]
        if measure == "gradient_energy":
            values = (values + 1e-6).log()
        elif measure == "luminance_sd":
            values = (values.square() + 1e-8).sqrt()  # a square root is imprecise near 0
        total += (values - values[:, :1, :1]).abs() / scale
    return total
