"""Contrast-CAM: why a score differs from that of the mean image, in units of the score."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab.attributions.base import Explained, Given, LayerAttribution, require_feature_layer
from memlab.attributions.grids import placed
from memlab.attributions.integrals import RESIDUAL, path_integral
from memlab.attributions.reference import parts_of, reference_of, whole_of
from memlab.scorer import Scorer


class ContrastCAM(LayerAttribution):
    """Contributions of the feature layer to the difference from the mean activations.

    A classifier's map answers why a class. A regressor's score needs something to be compared with
    (Letzgus et al. 2022, IEEE Signal Processing Magazine, doi:10.1109/MSP.2022.3153277): here the
    mean activations of the training images. Gradients of the score are integrated along the
    straight path from these to the image's own activations (`integrals.path_integral`), through
    the part of the model after the feature layer. The map and `unlocated` sum to the score minus
    that of the mean activations, for any head; `residual` is what the integral missed.

    `unlocated` is the part of the difference that has no position, such as that of a class token.
    Without reference images, the explained images are their own reference.
    """

    unit = "score"
    contrasts = True

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return maps (B, 1 or branches, h, w); the reference is the mean of the images."""
        return self.explained(model, images, Given()).maps

    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps (B, 1 or branches, h, w), and per image `unlocated`, `residual`, `steps`."""
        require_feature_layer(model, self.name)
        found: Any = model
        reference = given.reference or reference_of(model, [images])
        with torch.no_grad():
            activations = found.stem(images)
        integral = path_integral(
            lambda parts, _places: found.score(whole_of(parts, activations)),
            reference.activations,
            tuple(part.detach() for part in parts_of(activations)),
            RESIDUAL * reference.sd,
        )
        maps = placed(model, whole_of(integral.parts, activations))
        everything = sum(part.double().flatten(1).sum(dim=1) for part in integral.parts)
        return Explained(
            maps,
            {
                "unlocated": (everything - maps.double().sum(dim=(1, 2, 3))).float(),
                "residual": integral.residual,
                "steps": integral.steps,
            },
        )
