"""What scores images: the part of a model that ablations, attributions and inference know."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from memlab.data.geometry import Resampler
from memlab.data.kept_split import KeptSplit
from memlab.errors import MemlabError, PluginError
from memlab.metrics.conformal import Calibration
from memlab.registry import described
from memlab.spec import Specified
from memlab.types import Batch, Context

UNSCORED = "which is no score"
"""How the reason ends for an image without a finite prediction."""


class Scorer(Specified, nn.Module, ABC):
    """A predictor of memorability, whoever trains or tests it; see `MemorabilityModel`.

    `calibration` holds the validation errors at exactly the weights that it has, if there was a
    validation, and what the training labels were; checkpoints keep both.
    """

    device: torch.device
    """Where its weights are."""

    needs_context: tuple[str, ...] = ()
    """Regions whose masks `forward` needs: those of the unchanged image, whatever an ablation did
    to it. None for a model that looks at images alone, as all trained ones do."""

    kept_split: KeptSplit | None = None
    """The images of the run that it is loaded from, where that keeps them."""

    resampler: Resampler = "torch"
    """Who brings images to size: `pillow` where published scores hang on its grey levels."""

    def __init__(self) -> None:
        super().__init__()
        self.calibration = Calibration()

    @property
    def title(self) -> str:
        """What messages call it."""
        return type(self).__name__

    @property
    def card(self) -> dict[str, str]:
        """What users of its scores must know, where it is a published model; else empty.

        `output` (what a score is), `trained_on` (data that are no clean test), `licence` (of the
        weights), `weights` (where they are from). It goes into the results.
        """
        return {}

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """Names of the data sets that it was trained on; None where that is not known.

        By them memlab can say that images are no clean test; see `memlab.models.leak`.
        """
        return None

    def card_notes(self) -> list[str]:
        """The card in a sentence for those who read scores, or that its training is not known."""
        said = {"output": "a score is the", "trained_on": "trained on", "licence": "weights:"}
        parts = [f"{words} {self.card[name]}" for name, words in said.items() if name in self.card]
        if "trained_on" not in self.card and self.seen_data is None:
            learnt = self.weights_id() not in (None, "closed-form")
            parts += ["what it was trained on is not known"] if learnt else []
        return [f"{self.title}: {'; '.join(parts)}"] if parts else []

    @property
    def branches(self) -> dict[str, int]:
        """Of parallel branches, how many of the grid's channels belong to each, in their order."""
        return {}

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Side in pixels of the square images it takes."""

    @abstractmethod
    def weights_id(self) -> str | None:
        """Hash of the weights that were loaded, `closed-form`, or None if nothing proves them."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), RGB in [0, 1], to scores (B,); nothing is checked or resized."""

    def scores(self, images: Tensor, context: Context) -> Tensor:
        """Scores of images, changed or not, given what is known of the unchanged ones.

        Args:
            images: (B, 3, H, W), RGB in [0, 1].
            context: of the same images, with the masks of the unchanged ones.

        Returns:
            (B,) scores.

        Raises:
            MemlabError: if the model needs masks that are not there.
        """
        missing = [region for region in self.needs_context if region not in context.masks]
        if missing:
            raise MemlabError(
                f"{self.title} needs masks of {missing[0]!r}, and there are none here: use memlab "
                "test on a data set with masks, such as rendered scenes"
            )
        predicted = self(images, context) if self.needs_context else self(images)
        shape = tuple(predicted.shape) if isinstance(predicted, Tensor) else None
        if shape != (len(images),):
            found = f"scores of shape {shape}" if shape is not None else type(predicted).__name__
            raise PluginError(
                f"{described(type(self))} returned {found} for {len(images)} images; one score a "
                "image, a tensor of shape (B,), is needed"
            )
        scores: Tensor = predicted
        return scores


def with_unscored(batch: Batch, predicted: Tensor) -> Batch:
    """The batch, where images without a finite prediction are invalid and have the reason.

    Args:
        batch: as it was scored.
        predicted: (B,) its scores.
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
