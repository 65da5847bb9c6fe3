"""Integrated gradients of a score from the mean image to the image, pixel by pixel."""

from __future__ import annotations

from torch import Tensor

from memlab.attributions.base import Given
from memlab.attributions.contrasts import Contrast
from memlab.attributions.integrals import RESIDUAL, PathIntegral, path_integral
from memlab.attributions.reference import Reference
from memlab.scorer import Scorer


class IntegratedGradients(Contrast):
    """Integrated gradients (Sundararajan et al. 2017, ICML) over pixels, from the mean image.

    The start of the path is the mean of the training images: a black start would say that nothing
    black can matter. Values are summed over R, G and B. It works for any differentiable model, with
    or without a feature layer.
    """

    def integrated(
        self, model: Scorer, images: Tensor, reference: Reference, given: Given
    ) -> tuple[PathIntegral, Tensor]:
        """Return the contributions of all values of pixels, and of the pixels, (B, 1, H, W)."""

        def score(parts: tuple[Tensor, ...], places: Tensor) -> Tensor:
            return given.scores(model, parts[0], places)

        tolerance = RESIDUAL * reference.sd
        integral = path_integral(model, score, (reference.image,), (images,), tolerance)
        return integral, integral.parts[0].sum(dim=1, keepdim=True)
