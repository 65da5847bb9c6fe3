"""The trainable model: normalise, backbone, head."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, mse_loss
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from memlab.backbones.base import Backbone
from memlab.data.dataset import Batch
from memlab.errors import MemlabError
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.models.schedules import WarmupCosine

HUBER_DELTA = 0.1
"""Where the Huber loss turns from squared to linear: about one standard deviation of the scores."""


class MemorabilityRegressor(MemorabilityModel):
    """A backbone with a small head that predicts the memorability score.

    Args:
        backbone: the network that turns pictures into features.
        head: mlp (linear, ReLU, dropout, linear, sigmoid: the prototype's) or linear (linear,
            sigmoid).
        hidden: width of the mlp's hidden layer.
        dropout: share of hidden units dropped in training.
        loss: mse or huber (linear beyond errors of 0.1).
        optimizer: class and arguments of the optimizer; Adam with lr 1e-4 by default.
        lr_scheduler: class and arguments of a scheduler, stepped after each epoch
            (memlab.models.schedules.WarmupCosine: after each batch); none by default.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Literal["mlp", "linear"] = "mlp",
        hidden: int = 256,
        dropout: float = 0.3,
        loss: Literal["mse", "huber"] = "mse",
        optimizer: Callable[[Iterable[Any]], Optimizer] | None = None,
        lr_scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    ) -> None:
        super().__init__()
        if hidden < 1 or not 0 <= dropout < 1:
            raise MemlabError(
                f"--model.hidden {hidden}: at least 1; --model.dropout {dropout}: 0 to below 1"
            )
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        if head == "linear":
            self.head = nn.Sequential(nn.Linear(backbone.feature_dim, 1))
        else:
            self.head = nn.Sequential(
                nn.Linear(backbone.feature_dim, hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, 1),
            )
        self.loss = loss
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self._weights_id: str | None = None
        self._trained_size: int | None = None

    @property
    def input_size(self) -> int:
        """Side in pixels that it was trained at, else that the backbone was made for."""
        return self._trained_size or self.backbone.input_size

    def weights_id(self) -> str | None:
        """Hash of the checkpoint that was loaded; None before, and once training changes them."""
        return self._weights_id

    def stem(self, images: Tensor) -> Any:
        """Pictures (B, 3, H, W) in [0, 1] to the backbone's activations at its seam."""
        return self.backbone.stem((images - self.mean).div_(self.std))

    def score(self, activations: Any) -> Tensor:
        """Activations at the seam to scores (B,) in (0, 1); the head in single precision."""
        features = self.backbone.tail(activations)
        with torch.autocast(features.device.type, enabled=False):
            scores: Tensor = self.head(features.float()).squeeze(1).sigmoid()
        return scores

    def grid(self, activations: Any) -> Tensor:
        """The spatial part of activations, (B, C, h, w)."""
        return self.backbone.grid(activations)

    def embed(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] to features (B, D)."""
        return self.backbone.tail(self.stem(images))

    def forward(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W), RGB in [0, 1], to scores (B,) in (0, 1)."""
        return self.score(self.stem(images))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean loss over the pictures that could be read."""
        # a black picture must not enter batch normalisation either, so it is not shown at all
        images, scores = batch["images"][batch["valid"]], batch["scores"][batch["valid"]]
        count = len(scores)
        if count < 2:
            # nothing to normalise over; zero that touches every parameter keeps processes in step
            return sum(parameter.sum() for parameter in self.parameters()) * 0.0  # type: ignore[return-value]
        predicted = self(images)
        if self.loss == "mse":
            loss = mse_loss(predicted, scores)
        else:
            loss = huber_loss(predicted, scores, delta=HUBER_DELTA)
        return loss

    def configure_optimizers(self) -> Any:
        """The optimizer and scheduler that were given."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if self.optimizer is None:
            optimizer: Optimizer = torch.optim.Adam(parameters, lr=1e-4)
        else:
            try:
                optimizer = self.optimizer(parameters)
            except ValueError as error:
                raise MemlabError(f"--model.optimizer: {error}") from error
        if self.lr_scheduler is None:
            return optimizer
        scheduler = self.lr_scheduler(optimizer)
        interval = "epoch"
        if isinstance(scheduler, WarmupCosine):
            scheduler.span(int(self.trainer.estimated_stepping_batches))
            interval = "step"
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": interval,
                "monitor": "val/spearman",  # what ReduceLROnPlateau watches (mode: max)
            },
        }

    def on_fit_start(self) -> None:
        """Take note of the size it is trained at; the weights are no longer those loaded.

        Raises:
            MemlabError: if the backbone takes one size only, and the data have another.
        """
        size = int(self.trainer.datamodule.geometry.size)  # type: ignore[attr-defined]
        if self.backbone.fixed_size and size != self.backbone.input_size:
            raise MemlabError(
                f"this backbone takes pictures of {self.backbone.input_size} pixels only, the data "
                f"come at {size}: set --model.backbone.image_size {size}"
            )
        self._trained_size = size
        self._weights_id = None

    def on_test_start(self) -> None:
        """See that pictures come at the size that it was trained at."""
        self._same_size()

    def on_predict_start(self) -> None:
        """See that pictures come at the size that it was trained at."""
        self._same_size()

    def _same_size(self) -> None:
        size = int(self.trainer.datamodule.geometry.size)  # type: ignore[attr-defined]
        if self._trained_size not in (None, size):
            raise MemlabError(
                f"the weights were trained at {self._trained_size} pixels, the data come at "
                f"{size}: leave out --data.image_size"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint what the model is, as plain data."""
        checkpoint["memlab"] = {"schema": 1, "model": self.spec, "input_size": self.input_size}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take note of which weights are being loaded, and of the size they were trained at."""
        self._trained_size = checkpoint["memlab"]["input_size"]
        self._weights_id = hash_weights(checkpoint["state_dict"])
