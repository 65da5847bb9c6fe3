"""Features computed once: training of a frozen backbone without augmentation, and ridge heads."""

from __future__ import annotations

import json
import sys

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from memlab.callbacks.base import data_of
from memlab.data.features import Encoder
from memlab.files import fingerprint
from memlab.models.base import hash_weights
from memlab.models.load import without_downloads
from memlab.models.regressor import MemorabilityRegressor
from memlab.precision import single_precision


def encoder_of(model: MemorabilityRegressor, device: torch.device) -> Encoder:
    """Return the encoder that computes a model's features in evaluation mode."""

    @torch.no_grad()
    def embed(images: Tensor) -> Tensor:
        modes = {module: module.training for module in model.modules()}
        try:
            with single_precision(device.type):
                return model.eval().embed(images)
        finally:
            for module, mode in modes.items():
                module.training = mode

    def identity() -> str:
        backbone = model.backbone
        made_of = [
            without_downloads(backbone.spec), backbone.mean, backbone.std,
            hash_weights(backbone.state_dict()),
        ]  # fmt: skip
        return fingerprint(json.dumps(made_of, sort_keys=True))

    return Encoder(embed, identity, device)


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
        if model.frozen_backbone and data.augmentation == "none":
            data.encoder = encoder_of(model, trainer.strategy.root_device)
        elif data.feature_cache != data.cache and not model.solved_head and trainer.is_global_zero:
            print(  # noqa: T201
                "memlab: --data.feature_cache does nothing here: features are kept of a frozen "
                "backbone without augmentation (--model.unfrozen 0 --data.augmentation none), or "
                "for a ridge head",
                file=sys.stderr,
            )
