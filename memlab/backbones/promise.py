"""Checks that a backbone's features match the attributes that the backbone declares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab.backbones.base import Backbone
from memlab.errors import PluginError
from memlab.registry import described


def check_declared(backbone: Backbone) -> None:
    """Check that a backbone declares the attributes that its head needs.

    Raises:
        PluginError: if an attribute is missing or invalid; the message names the plugin.
    """
    name = described(type(backbone))
    for attribute in ("feature_dim", "input_size"):
        value: Any = getattr(backbone, attribute, None)
        if not isinstance(value, int) or value < 1:
            raise PluginError(
                f"{name}: {attribute} is {value!r}; a whole number, at least 1, is needed"
            )
    for attribute in ("mean", "std"):
        value = getattr(backbone, attribute, None)
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise PluginError(f"{name}: {attribute} is {value!r}; three numbers are needed")


def check_features(backbone: Backbone, features: Any, count: int) -> None:
    """Check that features have the shape (B, feature_dim); this runs no forward pass.

    Raises:
        PluginError: if the features are not floats or have another shape; the message names the
            plugin and both shapes.
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
    """Compute the features of two small images, before training starts.

    The function restores the backbone's training flags and the random state.

    Args:
        backbone: a trained or new backbone.
        size: side in pixels of the images.
        device: device of the backbone.

    Raises:
        PluginError: if the features do not match what the backbone declares, or are not finite; the
            message names the plugin.
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
    except Exception as error:  # plugin code may raise any exception
        message = " ".join(str(error).split())[:200]
        raise PluginError(
            f"{described(type(backbone))}: cannot compute features of images of {size} pixels: "
            f"{type(error).__name__}: {message}"
        ) from error
    finally:
        for module, mode in modes.items():
            module.training = mode
    check_features(backbone, features, len(images))
    if not features.isfinite().all():
        raise PluginError(f"{described(type(backbone))}: its features are not finite")
