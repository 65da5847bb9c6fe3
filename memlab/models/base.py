"""Base class of models: images in [0, 1] to memorability scores, with verified weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from memlab.errors import MemlabError
from memlab.inference.ablate import ablate as ablate_images
from memlab.inference.explain import explain as explain_images
from memlab.inference.predict import predict as predict_images
from memlab.metrics.conformal import Calibration, thinned
from memlab.metrics.scores import ScoreMetrics
from memlab.precision import single_precision
from memlab.scorer import Scorer, with_unscored
from memlab.types import Batch, Context


class MemorabilityModel(Scorer, LightningModule):
    """Predictor of memorability that the Trainer can evaluate.

    A subclass implements `forward`, `input_size` and `weights_id`. A model that can be split at a
    feature layer also implements `stem(images) -> A`, `score(A) -> (B,)` and `grid(A) -> (B, C, h,
    w)`; attribution maps are computed at that layer. `embed(images) -> (B, D)` returns features.
    The model normalises images itself.

    If several branches with different spatial grids are merged after the feature layer, `grid`
    resamples them to one grid, concatenates their channels, and `branches` says how many channels
    belong to each branch.

    A model that needs region masks (some white-box models do) lists the regions in `needs_context`
    and implements `forward(images, context)`. Callers use `scores`, which passes both arguments.
    """

    def __init__(self) -> None:
        super().__init__()
        self.val_metrics = ScoreMetrics()
        self.test_metrics = ScoreMetrics()

    predict = predict_images
    explain = explain_images
    ablate = ablate_images

    def predict_batch(self, batch: Batch) -> Tensor:
        """Return the scores (B,) of a batch's images."""
        return self.scores(batch["images"], Context(batch["ids"], masks=batch["masks"]))

    def setup(self, stage: str) -> None:
        """Load the masks that the model needs together with the images."""
        if self.needs_context:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            data.require_regions(self.needs_context)
            data.load_regions(self.needs_context)

    def _evaluate(self, batch: Batch) -> Tensor:
        with single_precision(self.device.type):
            predicted = self.predict_batch(batch)
        if predicted.shape != (len(batch["ids"]),):
            raise MemlabError(
                f"{self.title} returned scores of shape {tuple(predicted.shape)} for "
                f"{len(batch['ids'])} images; one score per image, (B,), is needed"
            )
        return predicted.float()

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the images; callbacks read the scores under `predicted` (B,)."""
        predicted = self._evaluate(batch)
        if self.trainer.state.fn != TrainerFn.FITTING:  # fitting reports it in the metric
            self._name_unscored(batch, predicted)
        valid = batch["valid"]
        self.val_metrics.update(predicted[valid], batch["scores"][valid])
        return {"predicted": predicted}

    def on_train_start(self) -> None:
        """Store the training labels for percentiles."""
        labels = self.trainer.datamodule.table.part("train")["score"]  # type: ignore[attr-defined]
        self.calibration = Calibration(labels=thinned(labels.to_numpy(dtype=float)))

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Discard the validation errors, because the weights are about to change."""
        labels = self.calibration.labels
        self.calibration = Calibration(labels=labels, reason="no validation at these weights")

    def on_validation_epoch_end(self) -> None:
        """Log every statistic; an undefined statistic is logged as NaN.

        While fitting, the errors of all processes are kept for prediction intervals.
        """
        if self.trainer.state.fn == TrainerFn.FITTING:
            predicted, scores = self.val_metrics.compute().numpy()
            errors = np.sort(np.abs(scores - predicted))
            self.calibration = Calibration(errors, self.calibration.labels, reason="")
        self._log("val", self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the images; callbacks read the scores under `predicted` (B,)."""
        predicted = self._evaluate(batch)
        self._name_unscored(batch, predicted)
        valid = batch["valid"]
        self.test_metrics.update(predicted[valid], batch["scores"][valid])
        return {"predicted": predicted}

    def on_test_epoch_end(self) -> None:
        """Log every statistic; an undefined statistic is logged as NaN."""
        self._log("test", self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the images; callbacks read the scores under `predicted` (B,)."""
        predicted = self._evaluate(batch)
        self._name_unscored(batch, predicted)
        return {"predicted": predicted}

    def _name_unscored(self, batch: Batch, predicted: Tensor) -> None:
        """Mark images without a finite prediction as not valid, and list them as skipped."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if data is None:  # a loader of the user's own, whose batches may say less
            return
        named = with_unscored(batch, predicted)
        skipped = data.skipped
        for name, error, before in zip(batch["ids"], named["errors"], batch["errors"], strict=True):
            if error and not before:
                skipped[name] = error
        batch.update(named)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write the model's spec and its calibration to the checkpoint, as plain data."""
        calibration = {
            name: torch.tensor(values, dtype=torch.float32)
            for name in ("residuals", "labels")
            if (values := getattr(self.calibration, name)) is not None
        }
        checkpoint["memlab"] = {
            "schema": 1,
            "model": self.spec,
            "input_size": self.input_size,
            "calibration": {**calibration, "reason": self.calibration.reason},
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Read the calibration that belongs to the checkpoint's weights."""
        calibration: dict[str, Any] = {
            name: value.double().numpy() if isinstance(value, Tensor) else value
            for name, value in checkpoint["memlab"].get("calibration", {}).items()
        }
        self.calibration = Calibration(**calibration)

    def _log(self, split: str, metrics: ScoreMetrics) -> None:
        for name, statistic in metrics.statistics().items():
            value = float("nan") if statistic.value is None else statistic.value
            in_progress_bar = split == "val" and name == "spearman"
            # The metric gathers the images, so the value is already equal on every process.
            # sync_dist changes nothing, but Lightning warns without it.
            self.log(f"{split}/{name}", value, prog_bar=in_progress_bar, sync_dist=True)
        metrics.reset()


def hash_weights(state: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of a state dict.

    The hash covers the names, shapes, types and values of all entries.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name]
        digest.update(f"{name}\0{tuple(value.shape)}\0{value.dtype}\0".encode())
        raw = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(raw.numpy().data)
    return digest.hexdigest()[:16]
