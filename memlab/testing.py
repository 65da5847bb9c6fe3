"""Contract checks: one line in a plugin's tests says whether memlab can rely on it.

Write it so::

    from memlab.testing import check_ablation

    def test_contract() -> None:
        check_ablation(MyAblation)
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import torch
from lightning.pytorch import Callback
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.ablations import FAMILIES
from memlab.ablations.base import Ablation, Context, Control
from memlab.ablations.statistics import STATISTICS
from memlab.attributions.base import Attribution, explain
from memlab.backbones.base import Backbone
from memlab.backbones.timm import Timm
from memlab.data.sources.base import Source
from memlab.errors import MemlabError, PluginError
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.models.regressor import MemorabilityRegressor


def check_plugin(group: str, cls: type[Any]) -> None:
    """Hold a class to the contract of its group.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    try:
        _CHECKS[group](cls)
    except MemlabError:
        raise
    except Exception as error:  # a stranger's code may raise anything
        first = (str(error).strip().splitlines() or [""])[0]
        raise PluginError(f"{cls.__name__}: {type(error).__name__}: {first}") from error


def sample_pictures(count: int = 4, size: int = 48, seed: int = 0) -> Tensor:
    """Colourful pictures with structure at every scale: (count, 3, size, size) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(count, 3, size, size)
    for cells in (3, 6, 12, 24, size):
        noise = torch.rand(count, 3, cells, cells, generator=generator)
        total += interpolate(noise, size=(size, size), mode="bilinear") / 5
    low, high = total.amin(dim=(1, 2, 3), keepdim=True), total.amax(dim=(1, 2, 3), keepdim=True)
    return (total - low) / (high - low)


def check_ablation(cls: type[Ablation]) -> None:
    """An ablation declares what it must, and obeys the laws that every number rests on.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    _require(issubclass(cls, Ablation), cls, "is not a subclass of memlab.Ablation")
    for name in ("family", "unit", "target", "control", "ladder", "maximum"):
        _require(hasattr(cls, name), cls, f"does not declare {name!r}")
    _require(cls.family in FAMILIES, cls, f"family {cls.family!r} is not one of {list(FAMILIES)}")
    _require(cls.target in STATISTICS, cls, f"target {cls.target!r} is not in {list(STATISTICS)}")
    _require(cls.control in get_args(Control), cls, f"control {cls.control!r} is unknown")
    ladder = list(cls.ladder)
    _require(len(ladder) >= 5, cls, f"a ladder has at least five doses, not {len(ladder)}")
    _require(ladder == sorted(set(ladder)) and ladder[0] > 0, cls, "the ladder must grow from > 0")
    _require(ladder[-1] <= cls.maximum, cls, "the ladder goes beyond the maximum")
    ablation: Ablation = cls()  # type: ignore[call-arg]
    _require(ablation.dose in ladder, cls, "the default dose must be one of the ladder")
    first = next(iter(ablation.spec["init_args"].values()), None)
    _require(first == ablation.dose, cls, "the first argument must be the primary dose")

    images = sample_pictures()
    before = images.clone()
    masks = {region: _middle(images) for region in ablation.regions}
    context = Context(["a", "b", "c", "d"], seed=7, masks=masks)
    _require(
        bool(ablation.eligible(context).all()), cls, "rejects pictures that have what it needs"
    )
    _require(torch.equal(ablation(images, context, 0), images), cls, "dose 0 is not the identity")
    statistic = STATISTICS[cls.target]
    last = statistic(ablation, images, context, 0).mean()
    for dose in ladder:
        changed = ablation(images, context, dose)
        _require(changed.shape == images.shape, cls, "changes the shape")
        _require(changed.dtype == images.dtype, cls, "changes the type")
        inside = bool(((changed >= 0) & (changed <= 1)).all())
        _require(inside, cls, f"leaves [0, 1] or returns NaN at dose {dose:g}")
        _require(torch.equal(images, before), cls, "changes its input in place")
        again = ablation(images, context, dose)
        _require(torch.equal(changed, again), cls, "is not a function of (seed, id, draw)")
        backwards = torch.tensor([3, 2, 1, 0])
        turned = ablation(images[backwards], context.select(backwards), dose)[backwards]
        _require(_near(turned, changed), cls, "depends on the order of the batch")
        for place in range(len(images)):
            one = torch.tensor([place])
            alone = ablation(images[one], context.select(one), dose)
            _require(_near(alone, changed[one]), cls, "depends on the other pictures of the batch")
        now = statistic(ablation, images, context, dose).mean()
        _require(bool(now < last), cls, f"{cls.target} does not fall at dose {dose:g}")
        last = now


def check_backbone(cls: type[Backbone]) -> None:
    """A backbone is the sum of its halves, and its seam knows about places.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    _require(issubclass(cls, Backbone), cls, "is not a subclass of memlab.Backbone")
    _require("pretrained" in inspect.signature(cls).parameters, cls, "takes no `pretrained`")
    backbone: Any = cls(pretrained=False)
    backbone.eval()
    size = backbone.input_size
    images = sample_pictures(2, size) - 0.5
    with torch.no_grad():
        activations = backbone.stem(images)
        features = backbone.tail(activations)
        shape = (2, backbone.feature_dim)
        _require(features.shape == shape, cls, f"features are {tuple(features.shape)}, not {shape}")
        _require(torch.equal(backbone(images), features), cls, "forward is not tail after stem")
        alone = backbone(images[:1])
        _require(_near(alone, features[:1], 1e-4), cls, "depends on the batch in evaluation mode")
    _require(len(backbone.mean) == len(backbone.std) == 3, cls, "mean and std need three channels")
    inside = [id(parameter) for block in backbone.blocks() for parameter in block.parameters()]
    every = {id(parameter) for parameter in backbone.parameters()}
    once = len(inside) == len(every) and set(inside) == every
    _require(once, cls, "has a parameter that is not in exactly one of its blocks")
    parts = activations if isinstance(activations, tuple) else (activations,)
    leaves = tuple(part.detach().requires_grad_() for part in parts)
    seam = leaves if isinstance(activations, tuple) else leaves[0]
    gradients = torch.autograd.grad(backbone.tail(seam).square().sum(), leaves)
    grid = backbone.grid(gradients if isinstance(activations, tuple) else gradients[0])
    _require(grid.ndim == 4 and len(grid) == 2, cls, "grid is not (B, C, h, w)")
    _require(bool(grid.abs().sum() > 0), cls, "no gradient reaches the places at the seam")


def check_model(cls: type[MemorabilityModel]) -> None:
    """A model scores pictures, each alone, on weights that it can name.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    _require(issubclass(cls, MemorabilityModel), cls, "is not a subclass of MemorabilityModel")
    if any(
        parameter.default is parameter.empty
        for parameter in inspect.signature(cls).parameters.values()
    ):
        return  # made from parts, as the regressor is: nothing to check without them
    model = cls().eval()
    _require(bool(model.weights_id()), cls, "cannot name its weights: weights_id() is None")
    images = sample_pictures(2, model.input_size)
    with torch.no_grad():
        context = Context(["a", "b"], masks={name: _middle(images) for name in model.needs_context})
        scores = model.scores(images, context)
        _require(scores.shape == (2,), cls, f"scores are {tuple(scores.shape)}, not (2,)")
        _require(bool(scores.isfinite().all()), cls, "scores are not finite")
        alone = model.scores(images[:1], context.select(torch.tensor([0])))
        _require(_near(alone, scores[:1]), cls, "a score depends on the other pictures")


def check_attribution(cls: type[Attribution]) -> None:
    """An attribution explains, and leaves the model bit for bit as it was.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    _require(issubclass(cls, Attribution), cls, "is not a subclass of memlab.Attribution")
    _require(bool(getattr(cls, "unit", "")), cls, "does not declare a 'unit'")
    backbone = Timm("test_resnet", pretrained=False, image_size=64)
    model = MemorabilityRegressor(backbone).train()
    state = hash_weights(model.state_dict())
    with torch.inference_mode():
        maps = explain(cls(), model, sample_pictures(3, 64))
    _require(maps.shape[:2] == (3, 1), cls, f"maps are {tuple(maps.shape)}, not (3, 1, h, w)")
    _require(hash_weights(model.state_dict()) == state, cls, "changes the model's weights")
    clean = all(parameter.grad is None for parameter in model.parameters())
    _require(clean, cls, "leaves gradients in the model")
    _require(all(module.training for module in model.modules()), cls, "leaves training mode")
    hooks = any(module._forward_hooks or module._backward_hooks for module in model.modules())
    _require(not hooks, cls, "leaves hooks in the model")


def check_source(cls: type[Source]) -> None:
    """A source can be made without arguments, and does not claim an empty folder.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    _require(issubclass(cls, Source), cls, "is not a subclass of memlab.Source")
    with tempfile.TemporaryDirectory() as folder:
        _require(not cls().recognises(Path(folder)), cls, "claims an empty folder as its own")


def check_callback(cls: type[Callback]) -> None:
    """A callback is Lightning's.

    Raises:
        PluginError: if it is not.
    """
    _require(issubclass(cls, Callback), cls, "is not a subclass of lightning.pytorch.Callback")


def check_regions(cls: type[Any]) -> None:
    """A finder of regions returns named masks of the pictures' size.

    Raises:
        PluginError: saying which part of the contract is broken.
    """
    images = sample_pictures(2, 64)
    masks = cls()(images)
    for name, mask in masks.items():
        _require(mask.shape == (2, 1, 64, 64), cls, f"mask {name!r} is {tuple(mask.shape)}")
        _require(bool(((mask == 0) | (mask == 1)).all()), cls, f"mask {name!r} is not 0 or 1")


_CHECKS: dict[str, Callable[[Any], None]] = {
    "ablations": check_ablation,
    "attributions": check_attribution,
    "backbones": check_backbone,
    "callbacks": check_callback,
    "models": check_model,
    "regions": check_regions,
    "sources": check_source,
}


def _require(fact: bool, cls: type[Any], breach: str) -> None:
    if not fact:
        raise PluginError(f"{cls.__name__} {breach}")


def _near(found: Tensor, wanted: Tensor, tolerance: float = 1e-5) -> bool:
    return torch.allclose(found, wanted, atol=tolerance, rtol=0)


def _middle(images: Tensor) -> Tensor:
    mask = torch.zeros(len(images), 1, *images.shape[-2:])
    edge = images.shape[-1] // 4
    mask[..., edge:-edge, edge:-edge] = 1
    return mask
