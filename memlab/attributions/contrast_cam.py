"""Contrast-CAM: why a score differs from that of the mean image, in units of the score."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab.attributions.base import Given, LayerAttribution, require_feature_layer
from memlab.attributions.contrasts import Contrast
from memlab.attributions.grids import placed
from memlab.attributions.integrals import RESIDUAL, PathIntegral, path_integral
from memlab.attributions.reference import Reference, parts_of, whole_of
from memlab.scorer import Scorer


class ContrastCAM(Contrast, LayerAttribution):
    """Contributions of the feature layer to the difference from the mean activations.

    Gradients of the score are integrated along the straight path from the mean activations of the
    training images to the image's own activations (`integrals.path_integral`), through the part of
    the model after the feature layer.

    Args:
        layer: see `LayerAttribution`.
    """

    def require(self, model: Scorer) -> None:
        """Raise a MemlabError if the model has no feature layer."""
        require_feature_layer(model, self.name, hooks=False)

    def integrated(
        self, model: Scorer, images: Tensor, reference: Reference, given: Given
    ) -> tuple[PathIntegral, Tensor]:
        """Return the contributions of all activations, and on the grid of the feature layer."""
        found: Any = model
        with torch.no_grad():
            activations = found.stem(images)
        integral = path_integral(
            model,
            lambda parts, _places: found.score(whole_of(parts, activations)),
            reference.activations,
            tuple(part.detach() for part in parts_of(activations)),
            RESIDUAL * reference.sd,
        )
        return integral, placed(model, whole_of(integral.parts, activations))
