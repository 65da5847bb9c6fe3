"""What a model is: images in [0, 1] to memorability scores, on proven weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from memlab.errors import MemlabError
from memlab.metrics.conformal import LEVEL, Calibration, thinned
from memlab.metrics.scores import ScoreMetrics
from memlab.precision import single_precision
from memlab.scorer import Scorer, with_unscored
from memlab.types import Batch, Context

if TYPE_CHECKING:
    import pandas as pd

    from memlab.ablations.base import Ablation
    from memlab.ablations.plan import Doses
    from memlab.attributions.base import Attribution
    from memlab.data.inputs import Images
    from memlab.inference.explain import Maps
    from memlab.masks.given import Masks


class MemorabilityModel(Scorer, LightningModule):
    """A predictor of memorability that the Trainer can evaluate.

    A subclass implements `forward`, `input_size` and `weights_id`. Where it can be cut in two it
    also has `stem(images) -> A`, `score(A) -> (B,)` and `grid(A) -> (B, C, h, w)`, and maps are
    computed there; `embed(images) -> (B, D)` gives features. Normalisation happens inside.

    Where several branches meet behind the seam, each with places of its own, `grid` lays them on
    one grid, their channels behind one another, and `branches` says whose they are.

    One that must know where something is, as oracles may, names the regions in `needs_context` and
    implements `forward(images, context)`: whoever scores calls `scores`, which hands both over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.val_metrics = ScoreMetrics()
        self.test_metrics = ScoreMetrics()

    def predict(
        self,
        images: Images,
        *,
        batch_size: int = 32,
        num_workers: int = 0,
        device: str | torch.device | None = None,
        level: float = LEVEL,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Score images of any kind and size; see `memlab.inference.predict.predict`."""
        from memlab.inference.predict import predict

        return predict(self, images, batch_size, num_workers, device, level, progress)

    def explain(
        self,
        images: Images,
        method: str | Attribution = "grad_cam",
        *,
        batch_size: int = 32,
        num_workers: int = 0,
        device: str | torch.device | None = None,
        progress: bool = True,
    ) -> Maps:
        """Explain the scores of images by place; see `memlab.inference.explain`."""
        from memlab.inference.explain import explain_images

        return explain_images(self, images, method, batch_size, num_workers, device, progress)

    def ablate(
        self,
        images: Images,
        ablations: str | Ablation | Sequence[str | Ablation],
        doses: Doses = "primary",
        *,
        masks: Masks | None = None,
        batch_size: int = 32,
        num_workers: int = 0,
        device: str | torch.device | None = None,
        seed: int = 0,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Take something out of images and score them; see `memlab.inference.ablate`."""
        from memlab.inference.ablate import ablate_images

        return ablate_images(
            self, images, ablations, doses, masks, batch_size, num_workers, device, seed, progress
        )

    def predict_batch(self, batch: Batch) -> Tensor:
        """Scores (B,) of a batch's images."""
        return self.scores(batch["images"], Context(batch["ids"], masks=batch["masks"]))

    def setup(self, stage: str) -> None:
        """Have the masks that the model needs loaded with the images."""
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
                f"{len(batch['ids'])} images; one score an image, (B,), is needed"
            )
        return predicted.float()

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the images; callbacks find them under `predicted` (B,)."""
        predicted = self._evaluate(batch)
        if self.trainer.state.fn != TrainerFn.FITTING:  # there, an undefined metric says so
            self._name_unscored(batch, predicted)
        valid = batch["valid"]
        self.val_metrics.update(predicted[valid], batch["scores"][valid])
        return {"predicted": predicted}

    def on_train_start(self) -> None:
        """Take note of the training labels."""
        labels = self.trainer.datamodule.table.part("train")["score"]  # type: ignore[attr-defined]
        self.calibration = Calibration(labels=thinned(labels.to_numpy(dtype=float)))

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Forget the validation errors: the weights are about to change."""
        labels = self.calibration.labels
        self.calibration = Calibration(labels=labels, reason="no validation at these weights")

    def on_validation_epoch_end(self) -> None:
        """Log every statistic; one that there is none of is logged as NaN.

        While training, the errors of all processes are kept for prediction intervals.
        """
        if self.trainer.state.fn == TrainerFn.FITTING:
            predicted, scores = self.val_metrics.compute().numpy()
            errors = np.sort(np.abs(scores - predicted))
            self.calibration = Calibration(errors, self.calibration.labels, reason="")
        self._log("val", self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the images; callbacks find them under `predicted` (B,)."""
        predicted = self._evaluate(batch)
        self._name_unscored(batch, predicted)
        valid = batch["valid"]
        self.test_metrics.update(predicted[valid], batch["scores"][valid])
        return {"predicted": predicted}

    def on_test_epoch_end(self) -> None:
        """Log every statistic; one that there is none of is logged as NaN."""
        self._log("test", self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Score the images; callbacks find them under `predicted` (B,)."""
        predicted = self._evaluate(batch)
        self._name_unscored(batch, predicted)
        return {"predicted": predicted}

    def _name_unscored(self, batch: Batch, predicted: Tensor) -> None:
        """Take images without a finite prediction out of the batch's valid ones, and list them."""
        named = with_unscored(batch, predicted)
        skipped = self.trainer.datamodule.skipped  # type: ignore[attr-defined]
        for name, error, before in zip(batch["ids"], named["errors"], batch["errors"], strict=True):
            if error and not before:
                skipped[name] = error
        batch.update(named)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint what the model is and how far it errs, as plain data."""
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
        """Take over how far the weights that are being loaded err."""
        kept: dict[str, Any] = {
            name: value.double().numpy() if isinstance(value, Tensor) else value
            for name, value in checkpoint["memlab"].get("calibration", {}).items()
        }
        self.calibration = Calibration(**kept)

    def _log(self, split: str, metrics: ScoreMetrics) -> None:
        for name, statistic in metrics.statistics().items():
            value = float("nan") if statistic.value is None else statistic.value
            shown = split == "val" and name == "spearman"
            # equal on every process already, because the metric gathered the images; sync_dist
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
