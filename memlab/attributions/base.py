"""Base class of attributions, and the functions that run them."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor

from memlab.attributions.sizes import large_enough, require_cells
from memlab.attributions.views import seen_at
from memlab.errors import MemlabError, PluginError
from memlab.precision import evaluation_mode, single_precision
from memlab.registry import described, plugin_of
from memlab.scorer import Scorer
from memlab.spec import Specified
from memlab.types import Context

if TYPE_CHECKING:
    from memlab.attributions.reference import Reference


@dataclass(frozen=True)
class Given:
    """What a method may use besides the model and the images.

    Args:
        reference: reference of a contrast; None if there is none.
        context: context of the images, for models that need masks; None if there is none.
    """

    reference: Reference | None = None
    context: Context | None = None

    def scores(self, model: Scorer, images: Tensor, places: Tensor) -> Tensor:
        """Return the scores (b,) of changed images.

        Args:
            model: the model.
            images: (b, 3, H, W).
            places: (b,) int64, which of the explained images each of them is.
        """
        context = self.context or Context([str(place) for place in range(int(places.max()) + 1)])
        return model.scores(images, context.select(places.cpu()))


@dataclass(frozen=True)
class Explained:
    """Maps of images, and figures of each map.

    Args:
        maps: (B, 1 or branches, h, w), signed, as `Attribution.maps` returns them.
        columns: name to (B,) values, such as `residual`.
        scores: (B,) scores of the images, which most methods compute anyway; None if the method did
            not. `explain_branches` adds them.
    """

    maps: Tensor
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    scores: Tensor | None = None


class Attribution(Specified, ABC):
    """Base class of methods that explain a score by image position.

    A subclass implements `maps`, which must not change the model: use `torch.autograd.grad`, not
    `backward`, and remove all hooks.
    """

    unit: ClassVar[str]
    """Unit of a map's values, printed at the colour bar."""
    contrasts: ClassVar[bool] = False
    """Whether the method compares with a `Reference`."""

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

    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps with figures of each; by default `maps` alone.

        A method overrides this to use what is given, or to report figures such as `residual`.

        Args:
            model: model in evaluation mode.
            images: (B, 3, H, W), RGB in [0, 1], without a gradient.
            given: a reference, and the context of the images.
        """
        return Explained(self.maps(model, images))


class FullAttribution(Attribution):
    """Base class of methods that implement `explained`, because they use what is given."""

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return the maps alone, with nothing given; see `explained`."""
        return self.explained(model, images, Given()).maps

    @abstractmethod
    def explained(self, model: Scorer, images: Tensor, given: Given) -> Explained:
        """Return maps with figures of each; see `Attribution.explained`."""


class LayerAttribution(Attribution):
    """Base class of methods that look at the model's feature layer.

    Args:
        layer: step of the backbone after which to look (`Backbone.chain`); by default the model's
            feature layer, which is the deepest. An earlier one has a finer grid and knows less of
            what the image shows. `auto` chooses the layer whose maps the scores follow most
            (`memlab.attributions.candidates`).
    """

    def __init__(self, layer: str | None = None) -> None:
        self.layer = layer

    def at(self, layer: str | None) -> Self:
        """Return the same method at another layer."""
        return type(self)(**{**self._arguments, "layer": layer})


def explain(attribution: Attribution, model: Scorer, images: Tensor) -> Tensor:
    """Return the maps of images, summed over branches; see `explain_branches`.

    Returns:
        (B, 1, h, w), signed, detached.
    """
    return explain_branches(attribution, model, images).maps.sum(dim=1, keepdim=True)


def explain_branches(
    attribution: Attribution, model: Scorer, images: Tensor, given: Given | None = None
) -> Explained:
    """Return the maps of images per branch, in single precision, in any calling context.

    Test loops run in inference mode, where `enable_grad` has no effect. The function therefore
    leaves inference mode and copies the images, because tensors made in this mode cannot have
    gradients.

    Args:
        attribution: the method.
        model: the model; training flags, parameters, gradients and hooks stay unchanged.
        images: (B, 3, H, W), RGB in [0, 1].
        given: a reference, and the context of the images.

    Returns:
        Maps (B, K, h, w), signed, detached: one map for each of the model's `branches`, or a single
        map; figures of each; and the scores (B,) of the images, those of `model.scores` up to
        rounding. A map with a value that is not finite is NaN everywhere; see `blanks`.

    Raises:
        MemlabError: if the model has no feature layer, or the images are too small.
        PluginError: if the maps or scores have another shape.
    """
    given = given or Given()
    with (
        evaluation_mode(model),
        torch.inference_mode(False),
        torch.enable_grad(),
        single_precision(images.device.type),
        large_enough(model, images),
    ):
        pixels = images.detach().clone().float()
        returned: Any = attribution.explained(seen_by(attribution, model), pixels, given)
        scores = getattr(returned, "scores", None)
        if scores is None:
            with torch.no_grad():
                scores = given.scores(model, pixels, torch.arange(len(pixels)))
    who = f"attribution {described(type(attribution))}"
    if not isinstance(returned, Explained) or not isinstance(returned.maps, Tensor):
        kind = type(getattr(returned, "maps", returned)).__name__
        raise PluginError(f"{who} returned {kind}, no tensor")
    maps = returned.maps.detach()
    if maps.ndim != 4 or len(maps) != len(images) or maps.shape[1] not in (1, len(model.branches)):
        raise PluginError(f"{who} returned {tuple(maps.shape)}, not ({len(images)}, 1, h, w)")
    if scores.shape != (len(images),):
        raise PluginError(
            f"{who}: the scores of {model.title} are {tuple(scores.shape)}, not ({len(images)},)"
        )
    finite = maps.flatten(1).isfinite().all(dim=1)
    maps = maps.where(finite.view(-1, 1, 1, 1), torch.nan)  # left out: no part of it is drawn
    if isinstance(attribution, LayerAttribution):
        require_cells(attribution.name, images, maps)
    columns = {name: values.detach() for name, values in returned.columns.items()}
    return Explained(maps, columns, scores.detach())


def seen_by(attribution: Attribution, model: Scorer) -> Scorer:
    """Return the model with its feature layer where the method looks.

    Raises:
        MemlabError: if the model has no such layer; lists those that it has.
    """
    seen: Scorer = seen_at(model, getattr(attribution, "layer", None))
    return seen


def by_branch(model: Scorer, found: Explained) -> dict[str, Any]:
    """Return the maps and their figures as arrays, in the layout of `maps/METHOD.npz`.

    Args:
        model: the explained model.
        found: from `explain_branches`.

    Returns:
        `maps` (B, h, w), and if the model has branches, `maps_NAME` (B, h, w) of each; the figures
        (B,) by name.
    """
    maps = found.maps
    arrays = {"maps": maps.sum(dim=1), **found.columns}
    if maps.shape[1] > 1:
        arrays |= {f"maps_{name}": maps[:, at] for at, name in enumerate(model.branches)}
    return {name: values.cpu().numpy() for name, values in arrays.items()}


def require_feature_layer(model: Scorer, method: str, *, hooks: bool = True) -> None:
    """Raise a MemlabError if a model has no feature layer.

    Args:
        model: the model.
        method: name of the method, for the message.
        hooks: whether the method can look at the output of `cam_layer()` instead.
    """
    missing = [name for name in ("stem", "score", "grid") if not hasattr(model, name)]
    if not missing:
        return
    lacking = f"{model.title} has no feature layer ({', '.join(missing)})"
    if hooks:
        raise MemlabError(
            f"{lacking} and no cam_layer(), so {method} cannot run: give it a method cam_layer() "
            "that returns the module to look at"
        )
    raise MemlabError(
        f"{lacking}, which {method} needs: give it one, or take integrated_gradients or occlusion"
    )
