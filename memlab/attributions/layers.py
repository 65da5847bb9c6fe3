"""Activations and gradients at the model's feature layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from memlab.attributions.base import require_feature_layer
from memlab.attributions.reference import parts_of, whole_of
from memlab.errors import MemlabError
from memlab.scorer import Scorer


def gradients_at_layer(model: Scorer, images: Tensor, method: str) -> tuple[Any, Any]:
    """Return activations at the feature layer, and the gradients of the scores there.

    The graph is cut at the feature layer, so nothing before it is stored or differentiated.

    Args:
        model: model with a feature layer.
        images: (B, 3, H, W), RGB in [0, 1].
        method: name of the method, for messages.

    Returns:
        Both in the shape of the model's activations, detached.
    """
    require_feature_layer(model, method)
    found: Any = model
    with torch.no_grad():
        activations = found.stem(images)
    leaves = tuple(part.detach().requires_grad_() for part in parts_of(activations))
    scores = found.score(whole_of(leaves, activations))
    gradients = torch.autograd.grad(scores.sum(), leaves)
    values = tuple(leaf.detach() for leaf in leaves)
    return whole_of(values, activations), whole_of(gradients, activations)


def gradients_at_module(model: Scorer, layer: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output (B, C, h, w) of a module, and the gradients of the scores there.

    Args:
        model: any model that needs images alone.
        layer: a module that runs once.
        images: (B, 3, H, W), RGB in [0, 1].

    Raises:
        MemlabError: if the model needs masks, or the module has another output or runs twice.
    """
    if model.needs_context:
        raise MemlabError(
            f"{model.title} needs masks of {model.needs_context[0]!r}, which grad_cam does not "
            "hand over: give it a feature layer (stem, score, grid)"
        )
    outputs: list[Any] = []

    def record(_module: nn.Module, _inputs: Any, output: Any) -> None:
        outputs.append(output)

    handle = layer.register_forward_hook(record)
    try:
        # if the weights are frozen, the layer's output has a gradient only through the images
        scores = model(images.clone().requires_grad_())
    finally:
        handle.remove()
    if len(outputs) != 1 or not isinstance(outputs[0], Tensor) or outputs[0].ndim != 4:
        raise MemlabError(
            f"{model.title}: cam_layer() must name a module that runs once and returns (B, C, h, w)"
        )
    (gradient,) = torch.autograd.grad(scores.sum(), outputs)
    return outputs[0].detach(), gradient
