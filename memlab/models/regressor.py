"""The trainable model: normalise, backbone, head."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from memlab.backbones.base import Backbone
from memlab.backbones.promise import check_declared, check_features, try_backbone
from memlab.errors import MemlabError
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.models.finetune import check_decay, check_mode, compiled, freeze, make_optimizer
from memlab.models.losses import LOSSES
from memlab.models.schedules import WarmupCosine
from memlab.types import Batch


class MemorabilityRegressor(MemorabilityModel):
    """A backbone with a small head that predicts the memorability score.

    Args:
        backbone: the network that turns images into features.
        head: mlp (linear, ReLU, dropout, linear, sigmoid: the prototype's) or linear (linear,
            sigmoid).
        hidden: width of the mlp's hidden layer.
        dropout: share of hidden units dropped in training.
        loss: mse, huber (linear beyond errors of 0.1), or rank (1 minus a soft Spearman correlation
            within the batch, plus the squared error: memlab.models.losses.rank_loss).
        unfrozen: how many blocks of the backbone are trained, counted from the head, or all; 0
            leaves it as it is, batch normalisation included, and trains the head alone.
        layer_decay: each block's learning rate as a share of that of the block behind it; the head
            has the optimizer's own. 1 is one rate for all, 0.75 usual for transformers.
        compile: train through torch.compile; needs a C++ compiler. Evaluation is never compiled.
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
        loss: Literal["mse", "huber", "rank"] = "mse",
        unfrozen: int | Literal["all"] = "all",
        layer_decay: float = 1.0,
        compile: bool = False,  # noqa: A002 - what the option is called everywhere
        optimizer: Callable[[Iterable[Any]], Optimizer] | None = None,
        lr_scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    ) -> None:
        super().__init__()
        self.check_options(hidden, dropout, unfrozen, layer_decay)
        check_declared(backbone)
        self.backbone = backbone
        self.unfrozen = unfrozen
        self.layer_decay = layer_decay
        self._frozen, self._unfrozen = freeze(backbone, unfrozen)
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
        self.loss = LOSSES[loss]
        self.compiled = compile
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self._weights_id: str | None = None
        self._trained_size: int | None = None
        self._compiled_forward: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def check_options(
        cls,
        hidden: int = 256,
        dropout: float = 0.3,
        unfrozen: int | Literal["all"] = "all",
        layer_decay: float = 1.0,
        **_: Any,
    ) -> None:
        """See that the numbers make sense; asked before a backbone is built, or downloaded.

        Raises:
            MemlabError: if one does not; names the option.
        """
        if hidden < 1:
            raise MemlabError(f"--model.hidden {hidden}: at least 1")
        if not 0 <= dropout < 1:
            raise MemlabError(f"--model.dropout {dropout:g}: 0 to below 1")
        if not 0 < layer_decay <= 1:
            raise MemlabError(f"--model.layer_decay {layer_decay:g}: above 0, at most 1")
        if unfrozen != "all" and unfrozen < 0:
            raise MemlabError(f"--model.unfrozen {unfrozen}: 0 or more, or all")
        if unfrozen == 0 and layer_decay < 1:
            raise MemlabError(
                f"--model.layer_decay {layer_decay:g} has no block to act on: --model.unfrozen 0"
            )

    @property
    def frozen_backbone(self) -> bool:
        """Whether training leaves every feature of an image as it is."""
        return self.unfrozen == 0

    @property
    def seen_data(self) -> tuple[str, ...]:
        """None by name: it is trained here, and its run says which images are which split."""
        return ()

    @property
    def input_size(self) -> int:
        """Side in pixels that it was trained at, else that the backbone was made for."""
        return self._trained_size or self.backbone.input_size

    def weights_id(self) -> str | None:
        """Hash of the checkpoint that was loaded; None before, and once training changes them."""
        return self._weights_id

    def stem(self, images: Tensor) -> Any:
        """Images (B, 3, H, W) in [0, 1] to the backbone's activations at its seam."""
        return self.backbone.stem((images - self.mean).div_(self.std))

    def score(self, activations: Any) -> Tensor:
        """Activations at the seam to scores (B,) in (0, 1)."""
        return self.readout(self._features(activations))

    def readout(self, features: Tensor) -> Tensor:
        """Features (B, D), as `embed` gives them, to scores (B,); always in single precision."""
        with torch.autocast(features.device.type, enabled=False):
            scores: Tensor = self.head(features.float()).squeeze(1).sigmoid()
        return scores

    def grid(self, activations: Any) -> Tensor:
        """The spatial part of activations, (B, C, h, w)."""
        return self.backbone.grid(activations)

    def embed(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to features (B, D)."""
        return self._features(self.stem(images))

    def _features(self, activations: Any) -> Tensor:
        features = self.backbone.tail(activations)
        first = activations[0] if isinstance(activations, tuple | list) else activations
        check_features(self.backbone, features, len(first))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), RGB in [0, 1], to scores (B,) in (0, 1)."""
        return self.score(self.stem(images))

    def predict_batch(self, batch: Batch) -> Tensor:
        """Scores (B,) of a batch's images, from their features where those are known."""
        if "features" in batch:
            return self.readout(batch["features"])
        return super().predict_batch(batch)

    def train(self, mode: bool = True) -> Self:
        """Training mode for all but the frozen blocks, which stay in evaluation mode."""
        super().train(mode)
        for block in self._frozen:
            block.eval()
        return self

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean loss over the images that could be read."""
        # a black image must not enter batch normalisation either, so it is not shown at all
        valid = batch["valid"]
        scores = batch["scores"][valid]
        if len(scores) < 2:
            # nothing to normalise over; zero that touches every parameter keeps processes in step
            return sum(parameter.sum() for parameter in self.parameters()) * 0.0  # type: ignore[return-value]
        if "features" in batch:
            return self.loss(self.readout(batch["features"][valid]), scores)
        return self.loss((self._compiled_forward or self)(batch["images"][valid]), scores)

    def configure_optimizers(self) -> Any:
        """The optimizer and scheduler that were given."""
        make = self.optimizer or functools.partial(torch.optim.Adam, lr=1e-4)
        optimizer = make_optimizer(make, self, self._unfrozen, self.layer_decay)
        if self.lr_scheduler is None:
            return optimizer
        scheduler = self.lr_scheduler(optimizer)
        interval = "epoch"
        if isinstance(scheduler, WarmupCosine):
            scheduler.span(int(self.trainer.estimated_stepping_batches))
            interval = "step"
        check_decay(optimizer, self.layer_decay)
        # torch's own cannot say what it watches
        monitor = getattr(scheduler, "monitor", "val/spearman")
        if isinstance(scheduler, ReduceLROnPlateau):
            check_mode(scheduler.mode, monitor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": interval,
                "monitor": monitor,
            },
        }

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a scheduler that watches no metric; the others wait for the end of the epoch."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def on_train_epoch_end(self) -> None:
        """Step a scheduler that watches a metric, where the epoch was validated.

        Lightning would after `last.ckpt` is written, and not at all in an epoch gone on with.
        """
        if not self.trainer.fit_loop.epoch_loop._should_check_val_epoch():
            return
        for config in self.trainer.lr_scheduler_configs:
            metric = self.trainer.callback_metrics.get(str(config.monitor))
            if isinstance(config.scheduler, ReduceLROnPlateau) and metric is not None:
                config.scheduler.step(metric)

    def on_fit_start(self) -> None:
        """Take note of the size it is trained at; the weights are no longer those loaded.

        Raises:
            MemlabError: if the backbone takes one size only, and the data have another.
        """
        size = int(self.trainer.datamodule.geometry.size)  # type: ignore[attr-defined]
        if self.backbone.fixed_size and size != self.backbone.input_size:
            raise MemlabError(
                f"this backbone takes images of {self.backbone.input_size} pixels only, the data "
                f"come at {size}: set --model.backbone.image_size {size}"
            )
        try_backbone(self.backbone, size, self.device)
        self._trained_size = size
        self._weights_id = None
        if self.compiled:
            self._compiled_forward = compiled(self.forward)

    def on_validation_start(self) -> None:
        """See that the weights are those that were loaded; while fitting, none were."""
        self._same_weights()

    def on_test_start(self) -> None:
        """See that weights and the size of images are those of the checkpoint."""
        self._same_weights()
        self._same_size()

    def on_predict_start(self) -> None:
        """See that weights and the size of images are those of the checkpoint."""
        self._same_weights()
        self._same_size()

    def _same_weights(self) -> None:
        # callbacks may exchange weights after they were loaded: Lightning's WeightAveraging does,
        # and would have those of the last step tested in the name of their average
        if self._weights_id not in (None, hash_weights(self.state_dict())):
            raise MemlabError(
                "the weights are not those of the checkpoint: a callback changed them after they "
                "were loaded (to average weights, use memlab's own: --trainer.callbacks ema)"
            )

    def _same_size(self) -> None:
        size = int(self.trainer.datamodule.geometry.size)  # type: ignore[attr-defined]
        if self._trained_size not in (None, size):
            raise MemlabError(
                f"the weights were trained at {self._trained_size} pixels, the data come at "
                f"{size}: leave out --data.image_size"
            )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take note of which weights are being loaded, and of the size they were trained at."""
        super().on_load_checkpoint(checkpoint)
        self._trained_size = checkpoint["memlab"]["input_size"]
        self._weights_id = hash_weights(checkpoint["state_dict"])
