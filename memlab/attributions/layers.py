"""Activations and gradients at the model's feature layer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from memlab.attributions.base import (
    Attribution,
    Explained,
    Given,
    LayerAttribution,
    require_feature_layer,
)
from memlab.attributions.gradients import gradients_of
from memlab.attributions.grids import by_channel, placed
from memlab.attributions.reference import parts_of, whole_of
from memlab.errors import MemlabError
from memlab.scorer import Scorer


class AtLayer(NamedTuple):
    """Values at a layer and the gradients of the scores there, (B, C, h, w) per branch; scores.

    `products` are values times gradients by position, (B, 1 or branches, h, w). Where the grid
    resamples, they are not the products of `values` and `gradients`.
    """

    values: Sequence[Tensor]
    gradients: Sequence[Tensor]
    products: Tensor
    scores: Tensor


class GradientAttribution(LayerAttribution):
    """Base class of methods that need activations and one gradient of the score.

    A subclass implements `weighted`. One that overrides `maps` instead is explained by its `maps`.

    For a model without a feature layer, `cam_layer()` may return a module with output (B, C, h, w).
    This output takes the place of the feature layer.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "maps" in vars(cls) and "explained" not in vars(cls):
            cls.explained = Attribution.explained  # type: ignore[method-assign]

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return maps (B, 1 or branches, h, w) on the grid of the layer; see `weighted`."""
        return self.weighted(self._at_layer(model, images))

    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps with the scores, which the gradients need anyway."""
        found = self._at_layer(model, images)
        return Explained(self.weighted(found), scores=found.scores)

    @abstractmethod
    def weighted(self, found: AtLayer) -> Tensor:
        """Return maps (B, 1 or branches, h, w) from what was found at the layer."""

    def _at_layer(self, model: Scorer, images: Tensor) -> AtLayer:
        if not hasattr(model, "stem") and hasattr(model, "cam_layer"):
            layer: nn.Module = model.cam_layer()  # type: ignore[operator]
            return gradients_at_module(model, layer, images, self.name)
        return gradients_at_layer(model, images, self.name)


def gradients_at_layer(model: Scorer, images: Tensor, method: str) -> AtLayer:
    """Return activations at the feature layer, the gradients of the scores there, and the scores.

    The graph is cut at the feature layer, so nothing before it is stored or differentiated.

    Args:
        model: model with a feature layer.
        images: (B, 3, H, W), RGB in [0, 1].
        method: name of the method, for messages.

    Returns:
        All on the grid of the feature layer, detached.
    """
    require_feature_layer(model, method)
    found: Any = model
    with torch.no_grad():
        activations = found.stem(images)
    leaves = tuple(part.detach().requires_grad_() for part in parts_of(activations))
    scores = found.score(whole_of(leaves, activations))
    gradients = gradients_of(scores, leaves, model)
    values = tuple(leaf.detach() for leaf in leaves)
    # the gradient of the grid equals the grid of the gradients: `grid` rearranges values
    value, gradient = (by_channel(model, whole_of(one, activations)) for one in (values, gradients))
    products = tuple(one * two for one, two in zip(values, gradients, strict=True))
    return AtLayer(value, gradient, placed(model, whole_of(products, activations)), scores.detach())


def gradients_at_module(model: Scorer, layer: nn.Module, images: Tensor, method: str) -> AtLayer:
    """Return the output (B, C, h, w) of a module, the gradients of the scores there, and scores.

    Args:
        model: any model that needs images alone.
        layer: a module that runs once.
        images: (B, 3, H, W), RGB in [0, 1].
        method: name of the method, for the error.

    Raises:
        MemlabError: if the model needs masks, or the module has another output or runs twice.
    """
    if model.needs_context:
        raise MemlabError(
            f"{model.title} needs masks of {model.needs_context[0]!r}, which {method} does not "
            "hand over at cam_layer(): give it a feature layer (stem, score, grid)"
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
    value = outputs[0].detach()
    (gradient,) = gradients_of(scores, outputs, model)
    products = (value * gradient).sum(dim=1, keepdim=True)
    return AtLayer([value], [gradient], products, scores.detach())
