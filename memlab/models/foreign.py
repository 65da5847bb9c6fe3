"""Third-party torch.nn.Module classes, run without subclassing or packaging."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from memlab.errors import CheckpointError, MemlabError
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.spec import import_typed
from memlab.types import Context

INPUT_SIZE = 224
"""Side in pixels of the images for a module without `input_size`."""

_SEAM = ("stem", "score", "grid")


class ForeignModel(MemorabilityModel):
    """Third-party module that maps images to scores.

    Its `forward` takes (B, 3, H, W), RGB in [0, 1], and returns (B,) or (B, 1). The module
    normalises images and loads its weights itself. Optional attributes are `input_size` (default
    224), `resampler` and `weights_id()`; for maps `stem`, `score`, `grid` and `branches`, or
    `cam_layer()`; and `embed(images)` for features. If `needs_context` is a tuple of regions,
    `forward` takes the images and a `memlab.Context` with masks of these regions. `card` and
    `seen_data` tell users about the model, as in `MemorabilityModel`.

    If the module has no `weights_id()`, memlab instantiates the class twice and compares the
    weights. If the weights differ, they were not loaded from a file, and memlab refuses the model.

    Args:
        target: importable class, as package.module:Class; instantiated without arguments.

    Raises:
        MemlabError: if the class cannot be imported or instantiated.
        CheckpointError: if the weights cannot be verified.
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
                # a partial function, unlike a closure, is copied with the model
                setattr(self, name, partial(_scored, method) if name == "score" else method)
        weights_id = _method(self.network, "weights_id")
        self._weights_id: str | None = (
            weights_id() if weights_id else _proof(self.network, make, target)
        )

    @property
    def input_size(self) -> int:
        """Input size of the module; 224 if the module has none."""
        return int(getattr(self.network, "input_size", INPUT_SIZE))

    def weights_id(self) -> str | None:
        """Return the module's own id, else the hash of its initial weights, or `closed-form`."""
        return self._weights_id

    @property
    def card(self) -> dict[str, str]:
        """Card of the module; empty if the module has none."""
        return _declared(self.network, "card", str)

    @property
    def branches(self) -> dict[str, int]:
        """Branches of the module; empty if the module has none."""
        return _declared(self.network, "branches", int)

    @property
    def title(self) -> str:
        """Name of the model in messages: package.module:Class."""
        return self.target

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """Data sets that the module was trained on; None if the module does not say."""
        data_sets = getattr(self.network, "seen_data", None)
        return tuple(data_sets) if isinstance(data_sets, list | tuple) else None

    def forward(self, images: Tensor, *context: Context) -> Tensor:
        """Return scores (B,) of images (B, 3, H, W), RGB in [0, 1]."""
        return _scored(self.network, images, *context)


def model_from(target: str) -> MemorabilityModel:
    """Instantiate the model class package.module:Class, without arguments.

    Raises:
        MemlabError: if the class is not a model, or cannot be instantiated.
        CheckpointError: as for `ForeignModel`.
    """
    cls = import_typed(target)
    if issubclass(cls, MemorabilityModel):
        model: MemorabilityModel = _maker(target)()  # type: ignore[assignment]
        return model
    return ForeignModel(target)


def _scored(scoring: Callable[..., Tensor], *inputs: Any) -> Tensor:
    """Return scores (B,), also if the module returns (B, 1)."""
    scores = scoring(*inputs)
    return scores.squeeze(1) if scores.ndim == 2 and scores.shape[1] == 1 else scores


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


def _declared(network: nn.Module, name: str, kind: type) -> dict[str, Any]:
    declared = getattr(network, name, None)  # a submodule may have the same name
    valid = isinstance(declared, dict) and all(
        isinstance(value, kind) for value in declared.values()
    )
    return dict(declared) if valid else {}  # type: ignore[arg-type]


def _method(network: nn.Module, name: str) -> Callable[[], Any] | None:
    attribute = getattr(network, name, None)  # a submodule may have the same name
    return attribute if callable(attribute) and not isinstance(attribute, nn.Module) else None


def _proof(network: nn.Module, make: Callable[[], nn.Module], target: str) -> str:
    first = _tensors(network)
    if not first:
        return "closed-form"
    weights_hash = hash_weights(first)
    if hash_weights(_tensors(make())) != weights_hash:
        raise CheckpointError(
            f"{target}: its weights are random, made twice they differ: load them in its "
            "constructor, or give it a method weights_id() that names them"
        )
    return weights_hash


def _tensors(network: nn.Module) -> dict[str, Any]:
    state = network.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
