"""Integrated gradients of a score from the mean image to the image, pixel by pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.attributions.base import Attribution, Explained, Given
from memlab.attributions.integrals import RESIDUAL, path_integral
from memlab.attributions.reference import reference_of
from memlab.scorer import Scorer


class IntegratedGradients(Attribution):
    """Integrated gradients (Sundararajan et al. 2017, ICML) over pixels, from the mean image.

    The start of the path is the mean of the training images: a black start would say that nothing
    black can matter. Values are summed over R, G and B. The map sums to the score minus that of the
    mean image. It works for any differentiable model, with or without a feature layer.

    Without reference images, the explained images are their own reference.
    """

    unit = "score"
    contrasts = True

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return maps (B, 1, H, W); the reference is the mean of the images."""
        return self.explained(model, images, Given()).maps

    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps (B, 1, H, W), and per image `unlocated` (0), `residual` and `steps`."""
        reference = given.reference or reference_of(model, [images], given)

        def score(parts: tuple[Tensor, ...], places: Tensor) -> Tensor:
            return given.scores(model, parts[0], places)

        integral = path_integral(score, (reference.image,), (images,), RESIDUAL * reference.sd)
        return Explained(
            integral.parts[0].sum(dim=1, keepdim=True),
            {
                "unlocated": torch.zeros_like(integral.residual),
                "residual": integral.residual,
                "steps": integral.steps,
            },
        )
