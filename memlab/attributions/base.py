"""What an attribution is, and the one way to run it."""

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
    """One way to explain a score by place.

    A subclass implements `maps`. It must leave the model as it found it: gradients are taken with
    `torch.autograd.grad`, never `backward`, and no hooks stay.
    """

    unit: ClassVar[str]
    """Unit of a map's values, as written at a colour bar."""

    @functools.cached_property
    def name(self) -> str:
        """The plugin's name, or the class's where it is not registered."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else type(self).__name__.lower()

    @abstractmethod
    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Explain the scores of some images; gradients are enabled by the caller.

        Args:
            model: in evaluation mode.
            images: (B, 3, H, W), RGB in [0, 1], without a gradient.

        Returns:
            (B, 1, h, w), signed, at the method's own resolution, never normalised; or (B, K, h, w),
            one for each of the model's `branches`: the map is their sum.
        """


def explain(attribution: Attribution, model: Scorer, images: Tensor) -> Tensor:
    """Maps of some images: those of all branches added up; see `explain_branches`.

    Returns:
        (B, 1, h, w), signed, detached.
    """
    return explain_branches(attribution, model, images).sum(dim=1, keepdim=True)


def explain_branches(attribution: Attribution, model: Scorer, images: Tensor) -> Tensor:
    """Maps of some images, in single precision, whatever context the caller is in.

    Test loops run in inference mode, where nothing can have a gradient and `enable_grad` does not
    help: the mode is left, and the images are copied because tensors made in it stay unusable.

    Args:
        attribution: the method.
        model: its training flags, parameters, gradients and hooks stay as they are.
        images: (B, 3, H, W), RGB in [0, 1].

    Returns:
        (B, K, h, w), signed, detached: one for each of the model's `branches`, or a single one.

    Raises:
        MemlabError: if the model has no seam.
        PluginError: if the maps have another shape or are not finite.
    """
    with (
        evaluation_mode(model),
        torch.inference_mode(False),
        torch.enable_grad(),
        single_precision(images.device.type),
    ):
        found: Any = attribution.maps(model, images.detach().clone().float())
    if not isinstance(found, Tensor):
        kind = type(found).__name__
        raise PluginError(f"attribution {described(type(attribution))} returned {kind}, no tensor")
    maps = found.detach()
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
    """Maps as `maps/METHOD.npz` holds them.

    Args:
        model: that was explained.
        maps: (B, K, h, w), from `explain_branches`.

    Returns:
        `maps` (B, h, w), and where there are branches `maps_NAME` (B, h, w) of each.
    """
    found = {"maps": maps.sum(dim=1)}
    if maps.shape[1] > 1:
        found |= {f"maps_{name}": maps[:, at] for at, name in enumerate(model.branches)}
    return {name: values.cpu().numpy() for name, values in found.items()}


def require_seam(model: Scorer, method: str) -> None:
    """Raise a MemlabError if a model cannot be cut at a seam."""
    missing = [name for name in ("stem", "score", "grid") if not hasattr(model, name)]
    if missing:
        raise MemlabError(
            f"{model.title} has no seam ({', '.join(missing)}) and no cam_layer(), so "
            f"{method} cannot run: give it a method cam_layer() that returns the module to look at"
        )
