"""Trainable model: normalisation, backbone, head."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from memlab.backbones.base import Backbone, Step, after
from memlab.backbones.promise import check_declared, check_features, try_backbone
from memlab.errors import MemlabError
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.models.finetune import check_decay, check_mode, compiled, freeze, make_optimizer
from memlab.models.losses import LOSSES
from memlab.models.regressor_options import check_options, check_unused
from memlab.models.schedules import WarmupCosine
from memlab.types import Batch


class MemorabilityRegressor(MemorabilityModel):
    """Regressor of the memorability score: a backbone with a small head.

    Args:
        backbone: the network that turns images into features.
        head: mlp (linear, ReLU, dropout, linear, sigmoid; as in the Columbia student study), linear
            (linear, sigmoid), or ridge (linear, sigmoid; solved from the features of the training
            images before training, with its strength chosen by cross-validation among them).
        hidden: width of the mlp's hidden layer.
        dropout: share of hidden units dropped in training.
        loss: mse, huber (linear beyond errors of 0.1), or rank (1 minus a soft Spearman correlation
            within the batch, plus the squared error: memlab.models.losses.rank_loss).
        unfrozen: how many blocks of the backbone are trained, counted from the head, or all; 0
            trains the head alone and freezes the backbone, batch normalisation included. With the
            head ridge, 0 trains nothing further, and other values start from the solved head.
        layer_decay: ratio of each block's learning rate to that of the next block towards the head,
            whose rate is the optimizer's; 1 is one rate for all, 0.75 is usual for transformers.
        compile: train through torch.compile, which needs a C++ compiler; evaluation is never
            compiled.
        optimizer: class and arguments of the optimizer; Adam with lr 1e-4 by default.
        lr_scheduler: class and arguments of a scheduler, stepped after each epoch
            (memlab.models.schedules.WarmupCosine: after each batch); none by default.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Literal["mlp", "linear", "ridge"] = "mlp",
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
        check_options(hidden, dropout, unfrozen, layer_decay, head, loss, compile)
        check_unused(head, unfrozen, optimizer=optimizer, lr_scheduler=lr_scheduler)
        check_declared(backbone)
        self.solved_head = head == "ridge"
        self.backbone = backbone
        self.unfrozen = unfrozen
        self.layer_decay = layer_decay
        self._frozen, self._unfrozen = freeze(backbone, unfrozen)
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        if head in ("linear", "ridge"):
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

    check_options = staticmethod(check_options)

    @property
    def frozen_backbone(self) -> bool:
        """Whether training leaves the features of every image unchanged."""
        return self.unfrozen == 0

    @property
    def solved_only(self) -> bool:
        """Whether the head is solved in closed form and nothing is trained by gradient."""
        return self.solved_head and self.frozen_backbone

    @torch.no_grad()
    def set_readout(self, weights: Tensor, bias: float) -> None:
        """Set a linear head: the logit of a score is `features @ weights + bias`.

        Args:
            weights: (D,).
            bias: constant term.
        """
        layer = self.head[0]
        assert isinstance(layer, nn.Linear)
        layer.weight.copy_(weights.unsqueeze(0))
        layer.bias.fill_(bias)

    @property
    def seen_data(self) -> tuple[str, ...]:
        """Empty: memlab trains the model, and the run records each image's split."""
        return ()

    @property
    def input_size(self) -> int:
        """Side in pixels of the training images; before training, the backbone's input size."""
        return self._trained_size or self.backbone.input_size

    def weights_id(self) -> str | None:
        """Return the hash of the loaded checkpoint; None before loading and during training."""
        return self._weights_id

    def stem(self, images: Tensor) -> Any:
        """Return the backbone's activations at its feature layer.

        Args:
            images: (B, 3, H, W) in [0, 1].
        """
        return self.backbone.stem((images - self.mean).div_(self.std))

    def chain(self) -> dict[str, Step]:
        """Return named steps whose composition is `stem`; see `Backbone.chain`."""
        return after(self.backbone.chain(), lambda images: (images - self.mean) / self.std)

    def score(self, activations: Any) -> Tensor:
        """Return scores (B,) in (0, 1) from activations at the feature layer."""
        return self.readout(self._features(activations))

    def readout(self, features: Tensor) -> Tensor:
        """Return scores (B,) from features (B, D) of `embed`; always in single precision."""
        with torch.autocast(features.device.type, enabled=False):
            scores: Tensor = self.head(features.float()).squeeze(1).sigmoid()
        return scores

    @property
    def readout_layer(self) -> nn.Module:
        """The head, which reads the features of `embed`."""
        return self.head

    def grid(self, activations: Any) -> Tensor:
        """Return the spatial part of activations, (B, C, h, w)."""
        return self.backbone.grid(activations)

    def embed(self, images: Tensor) -> Tensor:
        """Return features (B, D) of images (B, 3, H, W) in [0, 1]."""
        return self._features(self.stem(images))

    def _features(self, activations: Any) -> Tensor:
        features = self.backbone.tail(activations)
        first = activations[0] if isinstance(activations, tuple | list) else activations
        check_features(self.backbone, features, len(first))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (B,) in (0, 1) of images (B, 3, H, W), RGB in [0, 1]."""
        return self.score(self.stem(images))

    def predict_batch(self, batch: Batch) -> Tensor:
        """Return the scores (B,) of a batch, from cached features if the batch holds them."""
        if "features" in batch:
            return self.readout(batch["features"])
        return super().predict_batch(batch)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode; frozen blocks stay in evaluation mode."""
        super().train(mode)
        for block in self._frozen:
            block.eval()
        return self

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the mean loss over the images that could be read."""
        # unreadable images are black, and must not enter batch normalisation
        valid = batch["valid"]
        scores = batch["scores"][valid]
        if len(scores) < 2:
            # Batch normalisation needs two images. A zero loss that depends on every parameter
            # keeps distributed processes in step.
            return sum(parameter.sum() for parameter in self.parameters()) * 0.0  # type: ignore[return-value]
        if "features" in batch:
            return self.loss(self.readout(batch["features"][valid]), scores)
        return self.loss((self._compiled_forward or self)(batch["images"][valid]), scores)

    def configure_optimizers(self) -> Any:
        """Return the configured optimizer and scheduler."""
        if self.solved_only:
            # the one epoch measures the loss of the solved head and must not move it
            return torch.optim.SGD(self.head.parameters(), lr=0.0)
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
        # torch's own ReduceLROnPlateau does not name the metric that it monitors.
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
        """Step a scheduler that monitors no metric; the others are stepped after the epoch."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def on_train_epoch_end(self) -> None:
        """Step a scheduler that monitors a metric, if the epoch was validated.

        Lightning would step it after `last.ckpt` is written, and not at all in a resumed epoch.
        """
        if not self.trainer.fit_loop.epoch_loop._should_check_val_epoch():
            return
        for config in self.trainer.lr_scheduler_configs:
            metric = self.trainer.callback_metrics.get(str(config.monitor))
            if isinstance(config.scheduler, ReduceLROnPlateau) and metric is not None:
                config.scheduler.step(metric)

    def on_fit_start(self) -> None:
        """Record the training size and clear the weights id, because the weights will change.

        Raises:
            MemlabError: if the backbone accepts one size only, and the data have another size.
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
        """Check that the weights are those of the loaded checkpoint, if one was loaded."""
        self._same_weights()

    def on_test_start(self) -> None:
        """Check that the weights and the image size are those of the checkpoint."""
        self._same_weights()
        self._same_size()

    def on_predict_start(self) -> None:
        """Check that the weights and the image size are those of the checkpoint."""
        self._same_weights()
        self._same_size()

    def _same_weights(self) -> None:
        # Callbacks may exchange weights after loading. Lightning's WeightAveraging does: the
        # weights of the last step would be tested under the name of the average.
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
        """Record the id of the loaded weights and the size that they were trained at."""
        super().on_load_checkpoint(checkpoint)
        self._trained_size = checkpoint["memlab"]["input_size"]
        self._weights_id = hash_weights(checkpoint["state_dict"])
