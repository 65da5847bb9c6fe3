"""Whether a backbone gives the features that it says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab.backbones.base import Backbone
from memlab.errors import PluginError
from memlab.registry import described


def check_declared(backbone: Backbone) -> None:
    """See that a backbone says what is needed to build a head on it.

    Raises:
        PluginError: if it does not; names the plugin.
    """
    name = described(type(backbone))
    for what in ("feature_dim", "input_size"):
        value: Any = getattr(backbone, what, None)
        if not isinstance(value, int) or value < 1:
            raise PluginError(f"{name}: {what} is {value!r}; a whole number, at least 1, is needed")
    for what in ("mean", "std"):
        value = getattr(backbone, what, None)
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise PluginError(f"{name}: {what} is {value!r}; three numbers are needed")


def check_features(backbone: Backbone, features: Any, count: int) -> None:
    """See that features have the shape (B, feature_dim); costs no computation.

    Raises:
        PluginError: if they have another one; names the plugin and both lengths.
    """
    if not isinstance(features, Tensor) or not features.is_floating_point():
        kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
        raise PluginError(f"{described(type(backbone))}: its features are {kind}, not float")
    if features.shape != (count, backbone.feature_dim):
        raise PluginError(
            f"{described(type(backbone))}: its features have the shape {tuple(features.shape)} for "
            f"{count} images; by its feature_dim {backbone.feature_dim} it must be "
            f"({count}, {backbone.feature_dim})"
        )


@torch.no_grad()
def try_backbone(backbone: Backbone, size: int, device: torch.device) -> None:
    """Compute the features of two small images, before anything is trained on them.

    The backbone's modes and the random numbers stay as they are.

    Args:
        backbone: a trained or new one.
        size: side in pixels of the images.
        device: where it is.

    Raises:
        PluginError: if the features are not what the backbone says, or not finite; names the
            plugin.
    """
    modes = {module: module.training for module in backbone.modules()}
    ramp = torch.linspace(-1, 1, size, device=device)
    images = torch.stack([ramp.expand(3, size, size), ramp.flip(0).expand(3, size, size)])
    cuda = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=cuda):
            features = backbone.eval()(images)
    except PluginError:
        raise
    except Exception as error:  # a plugin's code may raise anything
        said = " ".join(str(error).split())[:200]
        raise PluginError(
            f"{described(type(backbone))}: cannot compute features of images of {size} pixels: "
            f"{type(error).__name__}: {said}"
        ) from error
    finally:
        for module, mode in modes.items():
            module.training = mode
    check_features(backbone, features, len(images))
    if not features.isfinite().all():
        raise PluginError(f"{described(type(backbone))}: its features are not finite")
