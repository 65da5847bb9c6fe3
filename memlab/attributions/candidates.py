"""Layers where maps may be computed, and how far scores follow the maps of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.attributions.base import Given, LayerAttribution, explain_branches
from memlab.attributions.baselines import centre_maps
from memlab.attributions.cells import FEWEST_CELLS
from memlab.attributions.reference import reference_for
from memlab.attributions.sizes import large_enough
from memlab.attributions.trust import followed
from memlab.attributions.views import seen_at
from memlab.errors import MemlabError
from memlab.precision import evaluation_mode, single_precision
from memlab.progress import Advance
from memlab.scorer import Scorer
from memlab.types import Batch, Context

PIXELS_PER_CELL = 4
"""Pixels along a cell's side below which a map shows edges: 56 × 56 cells at 224 pixels."""
IMAGES = 64
"""Number of images on which a layer is chosen."""
AT_ONCE = 8
"""Images whose maps and changed copies are in memory at once: an early layer is large."""


@dataclass(frozen=True)
class Candidates:
    """How far scores follow maps of each candidate layer, per image.

    Args:
        cells: layer to the height and width of its grid, from the input to the output.
        follows: layer to (n,) mean of deletion and insertion of each image's map, in units of the
            score; empty if there is a single candidate, which needs no choice.
        centre: (n,) the same for a Gaussian in the middle of each image.
    """

    cells: dict[str, tuple[int, int]]
    follows: dict[str, NDArray[np.float64]]
    centre: NDArray[np.float64]


def candidate_layers(model: Scorer, images: Tensor) -> dict[str, tuple[int, int]]:
    """Return the layers among which one is chosen, and the cells of each.

    Steps of the backbone (`Backbone.chain`) with the same grid count once: the deepest of them
    knows the most of what the image shows. Grids of fewer than `FEWEST_CELLS` cells along a side
    are left out, and those whose cells have fewer than `PIXELS_PER_CELL` pixels; but if nothing is
    left, the finest of the coarse grids is.

    Args:
        model: model in evaluation mode; its training flags stay unchanged.
        images: (B, 3, H, W) in [0, 1], one or more.

    Returns:
        Layer to cells, from the input to the output; empty if the model has no steps with a grid.

    Raises:
        MemlabError: if the images are too small for the network.
    """
    found: Any = model
    deepest: dict[tuple[int, int], str] = {}
    with (
        torch.no_grad(),
        evaluation_mode(model),
        single_precision(images.device.type),
        large_enough(model, images),
    ):
        for name in found.chain() if hasattr(model, "chain") else ():
            try:
                grid = found.grid(seen_at(model, name).stem(images[:1]))
            except MemlabError:  # no spatial layout here
                continue
            cells = (int(grid.shape[-2]), int(grid.shape[-1]))
            deepest.pop(cells, None)
            deepest[cells] = name
    finest = min(images.shape[-2:]) / PIXELS_PER_CELL
    coarse = {cells: name for cells, name in deepest.items() if max(cells) <= finest}
    fine = {cells: name for cells, name in coarse.items() if min(cells) >= FEWEST_CELLS}
    kept = fine or dict(list(coarse.items())[:1])
    return {name: cells for cells, name in kept.items()}


def candidates(
    attribution: LayerAttribution,
    model: Scorer,
    images: Iterable[Batch],
    reference: Iterable[Batch],
    advance: Advance = lambda _steps, _now="": None,
) -> Candidates:
    """Return how far scores follow the maps of each candidate layer, on up to `IMAGES` images.

    For the choice, integrals of contrasts are not refined: their order of cells is needed, not
    their sum to the last digit.

    Args:
        attribution: the method, at any layer.
        model: the model; its training flags stay unchanged.
        images: batches of the images on which the layer is chosen, float in [0, 1], on any device.
        reference: batches of the images with whose mean a contrast compares; read once for each
            candidate, unless the method is no contrast.
        advance: called with the number of images done.

    Raises:
        MemlabError: if no image can be read or scored, or the method does not support the model.
    """
    parts = list(_readable(images, model.device))
    if not parts:
        raise MemlabError("no image can be read to choose a layer on")
    layers = candidate_layers(model, parts[0][0])
    if len(layers) < 2:
        return Candidates(layers, {}, np.empty(0))
    methods = {layer: attribution.at(layer) for layer in layers}
    given = {layer: _given(part, model, reference) for layer, part in methods.items()}
    follows: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    centre = []
    for pixels, context in parts:
        for layer, part in methods.items():
            own = replace(given[layer], context=context)
            maps = explain_branches(part, model, pixels, own).maps.sum(dim=1, keepdim=True)
            follows[layer].append(_follows(model, pixels, maps, own))
        # at full resolution: on a coarse grid it would be another map
        own = Given(context=context)
        centre.append(_follows(model, pixels, centre_maps(pixels[:, :1]), own))
        advance(len(pixels))
    every = np.stack([_joined(values) for values in (*follows.values(), centre)])
    every = every[:, np.isfinite(every).all(axis=0)]  # without images that have no score
    if not every.shape[1]:
        raise MemlabError("no image has a score to choose a layer by")
    return Candidates(layers, dict(zip(follows, every[:-1], strict=True)), every[-1])


def _given(part: LayerAttribution, model: Scorer, reference: Iterable[Batch]) -> Given:
    """Return the reference of a contrast, with a tolerance that no integral exceeds."""
    if not part.contrasts:
        return Given()
    return Given(replace(reference_for(part, model, reference), sd=float("inf")))


def _follows(model: Scorer, images: Tensor, maps: Tensor, given: Given) -> Tensor:
    """Return the mean of deletion and insertion (B,) of maps; 0 for a constant one."""
    with evaluation_mode(model), single_precision(images.device.type):
        measured = followed(model, images, maps, given)
    flat = maps.flatten(1)
    return ((measured.deletion + measured.insertion) / 2).where(
        flat.amax(dim=1) != flat.amin(dim=1),
        0.0,  # no cell is the highest
    )


def _joined(parts: list[Tensor]) -> NDArray[np.float64]:
    return torch.cat(parts).double().cpu().numpy()


def _readable(images: Iterable[Batch], device: torch.device) -> Iterable[tuple[Tensor, Context]]:
    """Yield the first `IMAGES` readable images, few at a time, with their contexts."""
    left = IMAGES
    for batch in images:
        places = batch["valid"].nonzero().flatten()[:left]
        left -= len(places)
        for some in torch.split(places, AT_ONCE):
            if len(some):
                masks = {name: mask.to(device) for name, mask in batch["masks"].items()}
                context = Context(batch["ids"], masks=masks).select(some.cpu())
                yield batch["images"][some.to(batch["images"].device)].to(device), context
        if left == 0:
            return
