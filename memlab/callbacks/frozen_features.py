"""Training on precomputed features, for a frozen backbone without augmentation."""

from __future__ import annotations

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from memlab.callbacks.base import data_of
from memlab.data.features import Encoder
from memlab.models.base import hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.precision import single_precision


class FrozenFeatures(Callback):
    """Callback that makes the data module compute every image's features once, before training.

    The head then sees the features in training and validation. Tests always use images.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the data module the backbone if precomputing features saves work."""
        data = data_of(trainer)
        data.encoder = None
        model = pl_module
        if stage != "fit" or not isinstance(model, MemorabilityRegressor):
            return
        if not model.frozen_backbone or data.augmentation != "none":
            return
        device = trainer.strategy.root_device

        @torch.no_grad()
        def embed(images: Tensor) -> Tensor:
            with single_precision(device.type):
                return model.embed(images)

        def weights() -> str:
            return hash_weights(model.backbone.state_dict())

        data.encoder = Encoder(embed, weights, device)
