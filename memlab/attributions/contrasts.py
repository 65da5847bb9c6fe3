"""Base class of contrasts: why a score differs from that of a reference."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from memlab.attributions.base import Explained, FullAttribution, Given
from memlab.attributions.integrals import PathIntegral
from memlab.attributions.reference import Reference, reference_of
from memlab.scorer import Scorer


class Contrast(FullAttribution):
    """Base class of methods that integrate gradients of the score from a reference to the image.

    A classifier's map answers why a class. A regressor's score needs something to be compared with
    (Letzgus et al. 2022, IEEE Signal Processing Magazine, doi:10.1109/MSP.2022.3153277). The map
    and `unlocated` sum to the score minus that of the reference, for any model; `residual` is what
    the integral missed. Without reference images, the explained images are their own reference.
    """

    unit = "score"
    contrasts = True

    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps (B, 1 or branches, h, w), and figures of each, (B,).

        `reference` is the score of the reference, `unlocated` the part of the difference that has
        no position, such as that of a class token, `residual` the error of the integral, and
        `steps` its number of steps.
        """
        self.require(model)
        reference = given.reference or reference_of(model, [images], given)
        integral, maps = self.integrated(model, images, reference, given)
        everything = sum(part.double().flatten(1).sum(dim=1) for part in integral.parts)
        unlocated = (everything - maps.double().sum(dim=(1, 2, 3))).float()
        columns = {
            "reference": integral.scores - integral.difference,
            "unlocated": unlocated,
            "residual": integral.residual,
            "steps": integral.steps,
        }
        return Explained(maps, columns, integral.scores)

    def require(self, model: Scorer) -> None:
        """Raise a MemlabError if the method cannot explain the model; by default it can."""

    @abstractmethod
    def integrated(
        self, model: Scorer, images: Tensor, reference: Reference, given: Given
    ) -> tuple[PathIntegral, Tensor]:
        """Return the contributions of all values, and by position, (B, 1 or branches, h, w)."""
