"""What a model is: pictures in [0, 1] to memorability scores, on proven weights."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from memlab.data.dataset import Batch
from memlab.errors import MemlabError
from memlab.metrics.scores import ScoreMetrics
from memlab.models.precision import single_precision
from memlab.spec import Specified


class MemorabilityModel(Specified, LightningModule, ABC):
    """A predictor of memorability that the Trainer can evaluate.

    A subclass implements `forward`, `input_size` and `weights_id`. Where it can be cut in two it
    also has `stem(images) -> A`, `score(A) -> (B,)` and `grid(A) -> (B, C, h, w)`, and maps are
    computed there; `embed(images) -> (B, D)` gives features. Normalisation happens inside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.val_metrics = ScoreMetrics()
        self.test_metrics = ScoreMetrics()

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Side in pixels of the square pictures it takes."""

    @abstractmethod
    def weights_id(self) -> str | None:
        """Hash of the weights that were loaded, `closed-form`, or None if nothing proves them."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W), RGB in [0, 1], to scores (B,)."""

    def predict_batch(self, batch: Batch) -> Tensor:
        """Scores (B,) of a batch's pictures."""
        predicted: Tensor = self(batch["images"])
        return predicted

    def _evaluate(self, batch: Batch) -> Tensor:
        with single_precision(self.device.type):
            predicted = self.predict_batch(batch)
        if predicted.shape != (len(batch["ids"]),):
            raise MemlabError(
                f"{type(self).__name__} returned scores of shape {tuple(predicted.shape)} for "
                f"{len(batch['ids'])} pictures; one score a picture, (B,), is needed"
            )
        return predicted.float()

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the pictures; callbacks find them under `predicted` (B,)."""
        valid = batch["valid"]
        predicted = self._evaluate(batch)
        self.val_metrics.update(predicted[valid], batch["scores"][valid])
        return {"predicted": predicted}

    def on_validation_epoch_end(self) -> None:
        """Log every statistic; one that there is none of is logged as NaN."""
        self._log("val", self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the pictures; callbacks find them under `predicted` (B,)."""
        valid = batch["valid"]
        predicted = self._evaluate(batch)
        self.test_metrics.update(predicted[valid], batch["scores"][valid])
        return {"predicted": predicted}

    def on_test_epoch_end(self) -> None:
        """Log every statistic; one that there is none of is logged as NaN."""
        self._log("test", self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the pictures; callbacks find them under `predicted` (B,)."""
        return {"predicted": self._evaluate(batch)}

    def _log(self, split: str, metrics: ScoreMetrics) -> None:
        for name, statistic in metrics.statistics().items():
            value = float("nan") if statistic.value is None else statistic.value
            shown = split == "val" and name == "spearman"
            # equal on every process already, because the metric gathered the pictures; sync_dist
            # changes nothing, but Lightning warns without it
            self.log(f"{split}/{name}", value, prog_bar=shown, sync_dist=True)
        metrics.reset()


def hash_weights(state: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of names, shapes, types and values of a state dict."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name]
        digest.update(f"{name}\0{tuple(value.shape)}\0{value.dtype}\0".encode())
        raw = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(raw.numpy().data)
    return digest.hexdigest()[:16]
