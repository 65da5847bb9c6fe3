"""Base class of attributions, and the functions that run them."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from memlab.errors import MemlabError, PluginError
from memlab.precision import evaluation_mode, single_precision
from memlab.registry import described, plugin_of
from memlab.scorer import Scorer
from memlab.spec import Specified


class Attribution(Specified, ABC):
    """Base class of methods that explain a score by image position.

    A subclass implements `maps`, which must not change the model: use `torch.autograd.grad`, not
    `backward`, and remove all hooks.
    """

    unit: ClassVar[str]
    """Unit of a map's values, printed at the colour bar."""

    @functools.cached_property
    def name(self) -> str:
        """Return the plugin name, or the lower-case class name if the class is not registered."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else type(self).__name__.lower()

    @abstractmethod
    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return maps that explain the scores of images; the caller enables gradients.

        Args:
            model: model in evaluation mode.
            images: (B, 3, H, W), RGB in [0, 1], without a gradient.

        Returns:
            (B, 1, h, w), signed, at the method's own resolution, not normalised; or (B, K, h, w)
            with one map per branch of the model, whose sum is the map.
        """


def explain(attribution: Attribution, model: Scorer, images: Tensor) -> Tensor:
    """Return the maps of images, summed over branches; see `explain_branches`.

    Returns:
        (B, 1, h, w), signed, detached.
    """
    return explain_branches(attribution, model, images).sum(dim=1, keepdim=True)


def explain_branches(attribution: Attribution, model: Scorer, images: Tensor) -> Tensor:
    """Return the maps of images per branch, in single precision, in any calling context.

    Test loops run in inference mode, where `enable_grad` has no effect. The function therefore
    leaves inference mode and copies the images, because tensors made in this mode cannot have
    gradients.

    Args:
        attribution: the method.
        model: the model; training flags, parameters, gradients and hooks stay unchanged.
        images: (B, 3, H, W), RGB in [0, 1].

    Returns:
        (B, K, h, w), signed, detached: one map for each of the model's `branches`, or a single map.

    Raises:
        MemlabError: if the model has no feature layer.
        PluginError: if the maps have another shape or are not finite.
    """
    with (
        evaluation_mode(model),
        torch.inference_mode(False),
        torch.enable_grad(),
        single_precision(images.device.type),
    ):
        returned: Any = attribution.maps(model, images.detach().clone().float())
    if not isinstance(returned, Tensor):
        kind = type(returned).__name__
        raise PluginError(f"attribution {described(type(attribution))} returned {kind}, no tensor")
    maps = returned.detach()
    if maps.ndim != 4 or len(maps) != len(images) or maps.shape[1] not in (1, len(model.branches)):
        raise PluginError(
            f"attribution {described(type(attribution))} returned {tuple(maps.shape)}, "
            f"not ({len(images)}, 1, h, w)"
        )
    if not maps.isfinite().all():
        raise PluginError(
            f"attribution {described(type(attribution))} returned values that are not finite"
        )
    return maps


def by_branch(model: Scorer, maps: Tensor) -> dict[str, Any]:
    """Return the maps as arrays, in the layout of `maps/METHOD.npz`.

    Args:
        model: the explained model.
        maps: (B, K, h, w), from `explain_branches`.

    Returns:
        `maps` (B, h, w), and if the model has branches, `maps_NAME` (B, h, w) of each.
    """
    arrays = {"maps": maps.sum(dim=1)}
    if maps.shape[1] > 1:
        arrays |= {f"maps_{name}": maps[:, at] for at, name in enumerate(model.branches)}
    return {name: values.cpu().numpy() for name, values in arrays.items()}


def require_feature_layer(model: Scorer, method: str) -> None:
    """Raise a MemlabError if a model has no feature layer."""
    missing = [name for name in ("stem", "score", "grid") if not hasattr(model, name)]
    if missing:
        raise MemlabError(
            f"{model.title} has no feature layer ({', '.join(missing)}) and no cam_layer(), so "
            f"{method} cannot run: give it a method cam_layer() that returns the module to look at"
        )
