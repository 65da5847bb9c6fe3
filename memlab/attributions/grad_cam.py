"""Grad-CAM at the model's feature layer: signed, unnormalised, without hooks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from memlab.attributions.base import Attribution, require_feature_layer
from memlab.errors import MemlabError
from memlab.scorer import Scorer


class GradCAM(Attribution):
    """Gradient-weighted activations (Selvaraju et al. 2017, ICCV, eq. 1 and 2, without the ReLU).

    A regressor's map has two signs: positions that raise the score and positions that lower it.
    Therefore the ReLU is omitted, and maps are not rescaled per image. The graph is cut at the
    feature layer, so nothing before it is stored or differentiated. Channel weights are the mean
    gradient over positions. For mean pooling and a linear head with a sigmoid, the map sums to the
    slope of the sigmoid times the logit without its offset.

    For a model without a feature layer, `cam_layer()` may return a module with output (B, C, h, w).
    This output takes the place of the feature layer, as in the paper.
    """

    unit = "score per grid cell, linearised"

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return maps (B, 1 or branches, h, w) on the grid of the feature layer.

        Args:
            model: the model.
            images: (B, 3, H, W), RGB in [0, 1].
        """
        if not hasattr(model, "stem") and hasattr(model, "cam_layer"):
            return _at_layer(model, model.cam_layer(), images)  # type: ignore[operator]
        require_feature_layer(model, "grad_cam")
        with torch.no_grad():
            activations = model.stem(images)  # type: ignore[operator]
        parts = activations if isinstance(activations, tuple) else (activations,)
        leaves = tuple(part.detach().requires_grad_() for part in parts)
        layer = leaves if isinstance(activations, tuple) else leaves[0]
        scores = model.score(layer)  # type: ignore[operator]
        gradients = torch.autograd.grad(scores.sum(), leaves)
        gradient = gradients if isinstance(activations, tuple) else gradients[0]
        # the gradient of the grid equals the grid of the gradients: `grid` only rearranges values
        weights = model.grid(gradient).mean(dim=(2, 3), keepdim=True)  # type: ignore[operator]
        grid = model.grid(layer).detach()  # type: ignore[operator]
        channels = list(model.branches.values()) or [grid.shape[1]]
        if sum(channels) != grid.shape[1]:
            raise MemlabError(
                f"{model.title}: its branches have {sum(channels)} channels ({model.branches}), "
                f"its grid {grid.shape[1]}"
            )
        parts_of_map = (weights * grid).split(channels, dim=1)
        return torch.cat([part.sum(dim=1, keepdim=True) for part in parts_of_map], dim=1)


def _at_layer(model: Scorer, layer: nn.Module, images: Tensor) -> Tensor:
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
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    maps: Tensor = (weights * outputs[0].detach()).sum(dim=1, keepdim=True)
    return maps
