"""Base class of models that score images, as used by ablations, attributions and inference."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from memlab.data.geometry import Resampler
from memlab.data.kept_split import KeptSplit
from memlab.errors import MemlabError, PluginError
from memlab.metrics.conformal import Calibration
from memlab.registry import described, plugin_of
from memlab.spec import Specified
from memlab.types import Batch, Context

UNSCORED = "which is no score"
"""End of the error reason of an image without a finite prediction."""


class Scorer(Specified, nn.Module, ABC):
    """Base class of predictors of memorability; see `MemorabilityModel`.

    `calibration` holds the validation errors of exactly the current weights, if the model was
    validated, and the kind of training labels. Checkpoints keep both.
    """

    device: torch.device
    """Device of the weights."""

    needs_context: tuple[str, ...] = ()
    """Regions whose masks `forward` needs: masks of the unchanged image, also after an ablation.
    Empty for a model that reads images alone, as all trained models do."""

    kept_split: KeptSplit | None = None
    """Split of the run from which the model was loaded, if the run keeps its split."""

    resampler: Resampler = "torch"
    """Library that resizes images: `pillow` if published scores depend on its exact grey levels."""

    def __init__(self) -> None:
        super().__init__()
        self.calibration = Calibration()

    @property
    def title(self) -> str:
        """Return the name of the model in messages."""
        return type(self).__name__

    @property
    def card(self) -> dict[str, str]:
        """Return what users of a published model's scores must know; empty for other models.

        The keys are `output` (meaning of a score), `trained_on` (data that are no clean test),
        `licence` (of the weights) and `weights` (their origin). The card is written to the results.
        """
        return {}

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """Return the names of the data sets that the model was trained on, None if unknown.

        memlab uses the names to report that images are no clean test; see `memlab.models.leak`.
        """
        return None

    def card_notes(self) -> list[str]:
        """Return at most one sentence: the card, or that the training data are unknown."""
        said = {"output": "a score is the", "trained_on": "trained on", "licence": "weights:"}
        parts = [f"{words} {self.card[name]}" for name, words in said.items() if name in self.card]
        if "trained_on" not in self.card and self.seen_data is None:
            learnt = self.weights_id() not in (None, "closed-form")
            parts += ["what it was trained on is not known"] if learnt else []
        return [f"{self.title}: {'; '.join(parts)}"] if parts else []

    @property
    def branches(self) -> dict[str, int]:
        """Return the number of grid channels of each parallel branch, in order."""
        return {}

    @property
    def readout_layer(self) -> nn.Module | None:
        """Return the layer that reads the penultimate features; None if there is none.

        It is the last linear layer with one output. A model that computes its score otherwise
        overrides this.
        """
        linear = [one for one in self.modules() if isinstance(one, nn.Linear)]
        return next((one for one in reversed(linear) if one.out_features == 1), None)

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Return the side in pixels of the square input images."""

    @abstractmethod
    def weights_id(self) -> str | None:
        """Return a hash of the loaded weights, `closed-form`, or None if nothing proves loading."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), RGB in [0, 1], to scores (B,), without checks or resizing."""

    def scores(self, images: Tensor, context: Context) -> Tensor:
        """Return the scores of images, changed or not, with the context of the unchanged images.

        Args:
            images: (B, 3, H, W), RGB in [0, 1].
            context: context of the same images, with the masks of the unchanged images.

        Returns:
            (B,) scores.

        Raises:
            MemlabError: if the model needs masks that the context lacks.
            PluginError: if the model does not return one score per image.
        """
        missing = [region for region in self.needs_context if region not in context.masks]
        if missing:
            raise MemlabError(
                f"{self.title} needs masks of {missing[0]!r}, and there are none here: use memlab "
                "test on a data set with masks, such as synthetic images"
            )
        predicted = self(images, context) if self.needs_context else self(images)
        shape = tuple(predicted.shape) if isinstance(predicted, Tensor) else None
        if shape != (len(images),):
            found = f"scores of shape {shape}" if shape is not None else type(predicted).__name__
            who = described(type(self)) if plugin_of(type(self)) else self.title
            raise PluginError(
                f"{who} returned {found} for {len(images)} images; one score "
                "per image, a tensor of shape (B,), is needed"
            )
        scores: Tensor = predicted
        return scores


def with_unscored(batch: Batch, predicted: Tensor) -> Batch:
    """Return the batch with images marked invalid that have no finite prediction.

    Args:
        batch: the scored batch.
        predicted: (B,) scores of the batch.
    """
    finite = torch.isfinite(predicted.detach())
    valid: Tensor = batch["valid"]
    if bool((finite.to(valid.device) | ~valid).all()):
        return batch
    errors = [
        error or ("" if fine else f"{name}: the model predicts {value:g}, {UNSCORED}")
        for name, error, fine, value in zip(
            batch["ids"], batch["errors"], finite.tolist(), predicted.tolist(), strict=True
        )
    ]
    return {**batch, "valid": valid & finite.to(valid.device), "errors": errors}
