"""Contracts of all groups except ablations."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback

from memlab.attributions.base import Attribution, explain
from memlab.backbones.base import Backbone
from memlab.backbones.timm import Timm
from memlab.data.sources.base import Source
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing.breach import near, require
from memlab.testing.samples import middle, sample_images
from memlab.types import Context


def check_backbone(cls: type[Backbone]) -> None:
    """Check that a backbone is the composition of its halves, with a spatial feature layer.

    Raises:
        PluginError: if the contract is broken; names the broken part.
    """
    require(issubclass(cls, Backbone), cls, "is not a subclass of memlab.Backbone")
    require("pretrained" in inspect.signature(cls).parameters, cls, "takes no `pretrained`")
    backbone: Any = cls(pretrained=False)
    backbone.eval()
    size = backbone.input_size
    images = sample_images(2, size) - 0.5
    with torch.no_grad():
        activations = backbone.stem(images)
        features = backbone.tail(activations)
        shape = (2, backbone.feature_dim)
        require(features.shape == shape, cls, f"features are {tuple(features.shape)}, not {shape}")
        require(torch.equal(backbone(images), features), cls, "forward is not tail after stem")
        alone = backbone(images[:1])
        require(near(alone, features[:1], 1e-4), cls, "depends on the batch in evaluation mode")
    require(len(backbone.mean) == len(backbone.std) == 3, cls, "mean and std need three channels")
    inside = [id(parameter) for block in backbone.blocks() for parameter in block.parameters()]
    parameters = {id(parameter) for parameter in backbone.parameters()}
    once = len(inside) == len(parameters) and set(inside) == parameters
    require(once, cls, "has a parameter that is not in exactly one of its blocks")
    parts = activations if isinstance(activations, tuple) else (activations,)
    leaves = tuple(part.detach().requires_grad_() for part in parts)
    seam = leaves if isinstance(activations, tuple) else leaves[0]
    gradients = torch.autograd.grad(backbone.tail(seam).square().sum(), leaves)
    grid = backbone.grid(gradients if isinstance(activations, tuple) else gradients[0])
    require(grid.ndim == 4 and len(grid) == 2, cls, "grid is not (B, C, h, w)")
    require(
        bool(grid.abs().sum() > 0), cls, "no gradient reaches the positions at the feature layer"
    )


def check_model(cls: type[MemorabilityModel]) -> None:
    """Check that a model scores each image independently, with identifiable weights.

    Raises:
        PluginError: if the contract is broken; names the broken part.
    """
    require(issubclass(cls, MemorabilityModel), cls, "is not a subclass of MemorabilityModel")
    if any(
        parameter.default is parameter.empty
        for parameter in inspect.signature(cls).parameters.values()
    ):
        return  # built from parts, like the regressor; nothing to check without them
    model = cls().eval()
    require(bool(model.weights_id()), cls, "cannot name its weights: weights_id() is None")
    images = sample_images(2, model.input_size)
    with torch.no_grad():
        context = Context(["a", "b"], masks={name: middle(images) for name in model.needs_context})
        scores = model.scores(images, context)
        require(scores.shape == (2,), cls, f"scores are {tuple(scores.shape)}, not (2,)")
        require(bool(scores.isfinite().all()), cls, "scores are not finite")
        alone = model.scores(images[:1], context.select(torch.tensor([0])))
        require(near(alone, scores[:1]), cls, "a score depends on the other images")


def check_attribution(cls: type[Attribution]) -> None:
    """Check that an attribution returns maps and leaves the model bit-identical.

    Raises:
        PluginError: if the contract is broken; names the broken part.
    """
    require(issubclass(cls, Attribution), cls, "is not a subclass of memlab.Attribution")
    require(bool(getattr(cls, "unit", "")), cls, "does not declare a 'unit'")
    backbone = Timm("test_resnet", pretrained=False, image_size=64)
    model = MemorabilityRegressor(backbone).train()
    state = hash_weights(model.state_dict())
    with torch.inference_mode():
        maps = explain(cls(), model, sample_images(3, 64))
    require(maps.shape[:2] == (3, 1), cls, f"maps are {tuple(maps.shape)}, not (3, 1, h, w)")
    require(bool(maps.isfinite().all()), cls, "returned values that are not finite")
    require(hash_weights(model.state_dict()) == state, cls, "changes the model's weights")
    clean = all(parameter.grad is None for parameter in model.parameters())
    require(clean, cls, "leaves gradients in the model")
    require(all(module.training for module in model.modules()), cls, "leaves training mode")
    hooks = any(module._forward_hooks or module._backward_hooks for module in model.modules())
    require(not hooks, cls, "leaves hooks in the model")


def check_source(cls: type[Source]) -> None:
    """Check that a source needs no arguments and does not recognise an empty folder.

    Raises:
        PluginError: if the contract is broken; names the broken part.
    """
    require(issubclass(cls, Source), cls, "is not a subclass of memlab.Source")
    with tempfile.TemporaryDirectory() as folder:
        require(not cls().recognises(Path(folder)), cls, "claims an empty folder as its own")


def check_callback(cls: type[Callback]) -> None:
    """Check that a callback is a Lightning callback.

    Raises:
        PluginError: if it is not.
    """
    require(issubclass(cls, Callback), cls, "is not a subclass of lightning.pytorch.Callback")


def check_regions(cls: type[Any]) -> None:
    """Check that a region detector returns named masks of the images' size.

    Raises:
        PluginError: if the contract is broken; names the broken part.
    """
    images = sample_images(2, 64)
    masks = cls()(images)
    for name, mask in masks.items():
        require(mask.shape == (2, 1, 64, 64), cls, f"mask {name!r} is {tuple(mask.shape)}")
        require(bool(((mask == 0) | (mask == 1)).all()), cls, f"mask {name!r} is not 0 or 1")
