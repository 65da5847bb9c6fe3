"""Base class of backbones: image features, and a feature layer where maps are computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from memlab.checksums import damage, is_zip
from memlab.errors import MemlabError
from memlab.spec import Specified

Step = Callable[[Tensor], Tensor]
"""One step of a network, from activations to activations."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(Specified, nn.Module, ABC):
    """Feature extractor in two halves: `forward(x) == tail(stem(x))`.

    Activations at the feature layer explain a score by position, without hooks. The constructor of
    a subclass takes `pretrained: bool` and, if it can load a local file, `weights: str | None`. The
    subclass sets the attributes below. Images arrive normalised by `mean` and `std`.
    """

    feature_dim: int
    """Length D of the feature vector."""
    input_size: int
    """Side in pixels of the square images that the backbone was made for."""
    fixed_size: bool = False
    """Whether the backbone accepts images of `input_size` only."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    """Channel means of RGB in [0, 1]; the model subtracts these before the backbone."""
    std: tuple[float, ...] = IMAGENET_STD
    """Channel standard deviations; the model divides by these before the backbone."""
    seam: ClassVar[str] = "the last spatial activations"
    """Where the network is split, in words."""

    @abstractmethod
    def stem(self, images: Tensor) -> Any:
        """Return the activations at the feature layer (a tensor or a tuple).

        Args:
            images: normalised images (B, 3, H, W).
        """

    @abstractmethod
    def tail(self, activations: Any) -> Tensor:
        """Return features (B, D) from activations at the feature layer."""

    @abstractmethod
    def grid(self, activations: Any) -> Tensor:
        """Return the spatial part of activations (or of their gradients) as (B, C, h, w).

        Raises:
            MemlabError: if the activations have no spatial layout.
        """

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, D) of normalised images (B, 3, H, W)."""
        return self.tail(self.stem(images))

    def chain(self) -> dict[str, Step]:
        """Return named steps whose composition is `stem`; empty if `stem` has no such steps.

        Maps can be computed after any step: `grid` must take the activations of each. A step may
        work in place.
        """
        return {}

    def blocks(self) -> list[nn.Module]:
        """Return the blocks that are frozen or trained as a unit, from the input to the output.

        Each parameter belongs to exactly one block. By default the whole backbone is a single
        block. A subclass with stages returns its stages (`gathered` builds blocks from parameter
        names).
        """
        return [self]


def after(chain: dict[str, Step], step: Step) -> dict[str, Step]:
    """Return a chain whose first step comes after another one, as a part of it."""
    if not chain:
        return chain
    name, first = next(iter(chain.items()))
    return {**chain, name: lambda values: first(step(values))}


def gathered(network: nn.Module, groups: Sequence[Collection[str]]) -> list[nn.Module]:
    """Build the blocks of a network from the names of the parameters in each block.

    A module whose parameters all belong to one block goes into that block. A module whose
    parameters belong to several blocks is split into its children. A module without parameters
    (dropout, pooling) goes into the block of the module before it.

    Args:
        network: the network; the blocks refer to its modules and do not copy them.
        groups: parameter names of each block, from the input to the output; together they name
            every parameter of the network.

    Returns:
        One module list for each group.
    """
    named = dict(network.named_parameters())
    block_of = {id(named[name]): number for number, names in enumerate(groups) for name in names}
    blocks = [nn.ModuleList() for _ in groups]

    def enter(module: nn.Module, last: int) -> int:
        for parameter in module.parameters(recurse=False):
            blocks[block_of[id(parameter)]].append(nn.ParameterList([parameter]))
        for child in module.children():
            inside = {block_of[id(parameter)] for parameter in child.parameters()}
            if len(inside) > 1:
                last = enter(child, last)
            else:
                last = inside.pop() if inside else last
                blocks[last].append(child)
        return last

    enter(network, 0)
    return list(blocks)


def download_error(name: str, error: Exception) -> MemlabError:
    """Return the error for pretrained weights that cannot be downloaded, with two remedies."""
    return MemlabError(
        f"cannot download the pretrained weights of {name} ({type(error).__name__}): set "
        "--model.backbone.pretrained false,\nor give a local file: --model.backbone.weights FILE"
    )


def load_weights(network: nn.Module, path: str, classifier: tuple[str, ...]) -> None:
    """Load a file of weights (.safetensors, .pth) into a network without its classifier.

    Args:
        network: the network that receives the weights.
        path: the file; memlab runs no pickled code.
        classifier: prefixes of the classifier's keys, which are skipped.

    Raises:
        MemlabError: if the file cannot be read or does not fit; the message names the first keys.
    """
    fill(network, read_weights(path), path, classifier)


def read_weights(path: str) -> dict[str, Any]:
    """Return the tensors of a file of weights (.safetensors, .pth) by name, without pickled code.

    Raises:
        MemlabError: if the file cannot be read; the message names it.
    """
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            return dict(load_file(path))
        wrong = damage(Path(path)) if is_zip(Path(path)) else ""
        if wrong:
            raise ValueError(f"damaged: {wrong}")
        state = torch.load(path, map_location="cpu", weights_only=True)
        return dict(state.get("state_dict", state.get("model", state)))
    except Exception as error:  # a damaged or wrong file raises many types
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise MemlabError(f"{path}: cannot be read as weights: {first}") from error


def fill(network: nn.Module, state: dict[str, Any], path: str, classifier: tuple[str, ...]) -> None:
    """Load tensors of the file `path`, by name, into a network without its classifier.

    Raises:
        MemlabError: if the tensors do not fit; the message names the file and the first keys.
    """
    without_classifier = {
        key: value for key, value in state.items() if not key.startswith(classifier)
    }
    problem = misfit(network.state_dict(), without_classifier)
    if problem:
        raise MemlabError(f"{path}: these weights do not fit {type(network).__name__}: {problem}")
    network.load_state_dict(without_classifier)


def misfit(expected: dict[str, Any], state: dict[str, Any]) -> str:
    """Return why a state dict does not fit, with the first keys; empty if the state dict fits."""
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    reshaped = [
        key
        for key in expected
        if key in state and expected[key].shape != getattr(state[key], "shape", 0)
    ]
    parts = [
        f"{len(keys)} {problem} (first: {keys[0]})"
        for keys, problem in (
            (missing, "missing"),
            (extra, "unknown"),
            (reshaped, "of another shape"),
        )
        if keys
    ]
    return ", ".join(parts)
