"""Anybody's plain torch.nn.Module, run as it is: no subclass, no package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from memlab.errors import CheckpointError, MemlabError
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.spec import import_typed
from memlab.types import Context

INPUT_SIZE = 224
"""Side in pixels of the images for a module that does not say (`input_size`)."""

_SEAM = ("stem", "score", "grid")


class ForeignModel(MemorabilityModel):
    """A module of somebody's that maps images to scores.

    Its `forward` takes (B, 3, H, W), RGB in [0, 1], and returns (B,) or (B, 1); normalisation and
    loading of weights belong inside it. It may have `input_size` (224 otherwise), `resampler`,
    `weights_id()`, and for maps `stem`, `score`, `grid` and `branches`, or `cam_layer()`. With
    `needs_context`, a tuple of regions, its `forward` takes a `memlab.Context` with their masks
    besides the images. What its users must know it says in `card` and `seen_data`, as those of
    `MemorabilityModel`, and `embed(images)` gives features.

    Without a `weights_id()` of its own the module is made twice, and the weights that its
    constructor leaves are compared: if they differ, they are random, and nothing was loaded.

    Args:
        target: package.module:Class, importable from here; made without arguments.

    Raises:
        MemlabError: if it cannot be imported or made.
        CheckpointError: if nothing proves its weights.
    """

    def __init__(self, target: str) -> None:
        super().__init__()
        self.target = target
        make = _maker(target)
        self.network = make()
        self.needs_context = _regions(self.network, target)
        seam = _SEAM if all(_method(self.network, name) for name in _SEAM) else ()
        self.resampler = getattr(self.network, "resampler", self.resampler)
        for name in (*seam, "cam_layer", "embed"):
            if method := _method(self.network, name):
                setattr(self, name, method)
        own = _method(self.network, "weights_id")
        self._weights_id: str | None = own() if own else _proof(self.network, make, target)

    @property
    def input_size(self) -> int:
        """The module's own, else 224."""
        return int(getattr(self.network, "input_size", INPUT_SIZE))

    def weights_id(self) -> str | None:
        """The module's own, else the hash of what its constructor left, or `closed-form`."""
        return self._weights_id

    @property
    def card(self) -> dict[str, str]:
        """The module's own, else empty."""
        return _said(self.network, "card", str)

    @property
    def branches(self) -> dict[str, int]:
        """The module's own, else none."""
        return _said(self.network, "branches", int)

    @property
    def title(self) -> str:
        """What messages call it: package.module:Class."""
        return self.target

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """The module's own, else None."""
        own = getattr(self.network, "seen_data", None)
        return tuple(own) if isinstance(own, list | tuple) else None

    def forward(self, images: Tensor, *context: Context) -> Tensor:
        """Images (B, 3, H, W), RGB in [0, 1], to scores (B,)."""
        scores: Tensor = self.network(images, *context)
        return scores.squeeze(1) if scores.ndim == 2 and scores.shape[1] == 1 else scores


def model_from(target: str) -> MemorabilityModel:
    """The model that package.module:Class means, made without arguments.

    Raises:
        MemlabError: if it is no model, or cannot be made; CheckpointError as `ForeignModel`.
    """
    cls = import_typed(target)
    if issubclass(cls, MemorabilityModel):
        model: MemorabilityModel = _maker(target)()  # type: ignore[assignment]
        return model
    return ForeignModel(target)


def _maker(target: str) -> Callable[[], nn.Module]:
    cls = import_typed(target)
    if not issubclass(cls, nn.Module):
        raise MemlabError(f"{target}: not a subclass of torch.nn.Module")

    def make() -> nn.Module:
        try:
            module: nn.Module = cls()
        except TypeError as error:
            raise MemlabError(f"{target}: cannot be made without arguments: {error}") from error
        return module

    return make


def _regions(network: nn.Module, target: str) -> tuple[str, ...]:
    named = getattr(network, "needs_context", None) or ()
    if not isinstance(named, tuple | list) or not all(isinstance(name, str) for name in named):
        raise MemlabError(
            f"{target}: needs_context {named!r}: a tuple of regions, such as ('faces',)"
        )
    return tuple(named)


def _said(network: nn.Module, name: str, kind: type) -> dict[str, Any]:
    found = getattr(network, name, None)  # a part of the network may bear the name, too
    said = isinstance(found, dict) and all(isinstance(value, kind) for value in found.values())
    return dict(found) if said else {}  # type: ignore[arg-type]


def _method(network: nn.Module, name: str) -> Callable[[], Any] | None:
    found = getattr(network, name, None)  # a part of the network may bear the name, too
    return found if callable(found) and not isinstance(found, nn.Module) else None


def _proof(network: nn.Module, make: Callable[[], nn.Module], target: str) -> str:
    first = _tensors(network)
    if not first:
        return "closed-form"
    found = hash_weights(first)
    if hash_weights(_tensors(make())) != found:
        raise CheckpointError(
            f"{target}: its weights are random, made twice they differ: load them in its "
            "constructor, or give it a method weights_id() that names them"
        )
    return found


def _tensors(network: nn.Module) -> dict[str, Any]:
    state = network.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
