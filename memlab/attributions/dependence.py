"""Check of maps by cascade randomisation: do they depend on what the model has learned?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from memlab.attributions.base import Attribution, Given, explain_branches, seen_by
from memlab.attributions.baselines import edge_maps
from memlab.attributions.randomisation import blocks_from_output, randomised, similarity
from memlab.attributions.reference import parts_of
from memlab.precision import evaluation_mode, single_precision
from memlab.scorer import Scorer

IMAGES = 16
"""Largest number of images of a check: it costs as much as four maps of each of them."""
STAGES = ("head", "half", "all")
"""What is randomised: the last layer with weights, the half of them next to the output, all."""
CONTROL = "edges"
"""Positive control: a map of edges, which does not look at the model and must not change."""
COLUMNS = tuple(f"randomised_{stage}" for stage in (*STAGES, CONTROL))


def dependence(
    part: Attribution, model: Scorer, images: Tensor, given: Given, seed: int
) -> dict[str, Tensor]:
    """Return how similar maps stay if the model loses what it has learned, (B,) each.

    `randomised_head`, `randomised_half` and `randomised_all` are Spearman's ρ over cells of the
    trained model's map and the map after these weights were shuffled (`randomisation.randomised`).
    `randomised_edges` is the same for a map of edges and all weights. NaN for a constant map.

    A contrast compares with the mean image here, whose activations exist in every copy, instead of
    the mean activations. Parameters, buffers, gradients and random states of the model stay as they
    are; a copy is changed.

    Args:
        part: the method.
        model: the trained model.
        images: (B, 3, H, W), RGB in [0, 1].
        given: reference and context, as for the maps.
        seed: seed of the shuffles.

    Returns:
        An empty dictionary for a model without weights; `randomised_all` and `randomised_edges`
        alone for one whose weights are in a single block.
    """
    count = len(list(blocks_from_output(model)))
    if not count:
        return {}
    stages = dict(zip(STAGES, (1, (count + 1) // 2, count), strict=True))
    if count == 1:  # the head cannot be told from the rest
        stages = {"all": 1}
    with torch.inference_mode(False):  # copies that are made there could have no gradients
        pixels = images.detach().clone()

        def maps_of(scorer: Scorer) -> Tensor:
            return _maps(part, scorer, pixels, given)

        trained = maps_of(model)

        def edges_of(_scorer: Scorer) -> Tensor:
            return edge_maps(pixels, trained)

        edges, found = edges_of(model), {}
        for done, (_name, changed) in enumerate(randomised(model, seed), start=1):
            for stage, number in stages.items():
                if done == number:
                    found[stage] = similarity(trained, maps_of(changed))
            if done == count:
                found[CONTROL] = similarity(edges, edges_of(changed))
    return {f"randomised_{stage}": rho for stage, rho in found.items()}


def _maps(part: Attribution, model: Scorer, images: Tensor, given: Given) -> Tensor:
    """Return maps (B, 1, h, w); a contrast compares with the mean image as this model sees it."""
    reference = given.reference
    if reference is not None:
        seen: Any = seen_by(part, model)
        device = images.device.type
        with torch.no_grad(), evaluation_mode(model), single_precision(device):
            layered = reference.activations != ()
            parts = parts_of(seen.stem(reference.image)) if layered else ()
        # ranks need no exact integral: without a tolerance, it takes the fewest steps
        reference = replace(reference, activations=parts, sd=math.inf)
    explained = explain_branches(part, model, images, replace(given, reference=reference))
    return explained.maps.sum(dim=1, keepdim=True)
