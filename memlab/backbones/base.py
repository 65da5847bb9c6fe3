"""What a backbone is: features, and a seam where maps are computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from memlab.checksums import damage, is_zip
from memlab.errors import MemlabError
from memlab.spec import Specified

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(Specified, nn.Module, ABC):
    """Features of an image, in two halves: `forward(x) == tail(stem(x))`.

    Activations at the seam explain a score by place, without hooks. A subclass takes `pretrained:
    bool` and, if it can, `weights: str | None` in its constructor, and sets what stands below.
    Images come normalised by `mean` and `std`.
    """

    feature_dim: int
    """D, the length of the feature vector."""
    input_size: int
    """Side in pixels of the square images it was made for."""
    fixed_size: bool = False
    """Whether it takes images of that size only."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    """Channel means of RGB in [0, 1] that it expects to be taken off."""
    std: tuple[float, ...] = IMAGENET_STD
    """Channel standard deviations that it expects to be divided by."""
    seam: ClassVar[str] = "the last spatial activations"
    """Where the network is cut, in words."""

    @abstractmethod
    def stem(self, images: Tensor) -> Any:
        """Normalised images (B, 3, H, W) to the activations at the seam (a tensor or a tuple)."""

    @abstractmethod
    def tail(self, activations: Any) -> Tensor:
        """Activations at the seam to features (B, D)."""

    @abstractmethod
    def grid(self, activations: Any) -> Tensor:
        """The spatial part of activations (or of their gradients) as (B, C, h, w).

        Raises:
            MemlabError: if the network keeps no places.
        """

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) to features (B, D)."""
        return self.tail(self.stem(images))

    def blocks(self) -> list[nn.Module]:
        """The parts that are frozen or trained as one, from the input to the output.

        Every parameter is in exactly one of them. Here the backbone is a single one; a subclass
        that knows its stages gives them (`gathered` makes them from names of parameters).
        """
        return [self]


def gathered(network: nn.Module, groups: Sequence[Collection[str]]) -> list[nn.Module]:
    """Blocks of a network, made from the names of the parameters in each.

    A module whose parameters belong together goes there whole; one whose parameters do not is
    entered. What has no parameters (dropout, pooling) goes with what stands before it.

    Args:
        network: its modules are referred to, not copied.
        groups: names of parameters, from the input to the output; every one of the network's.

    Returns:
        One module list for each group.
    """
    named = dict(network.named_parameters())
    place = {id(named[name]): number for number, names in enumerate(groups) for name in names}
    blocks = [nn.ModuleList() for _ in groups]

    def enter(module: nn.Module, last: int) -> int:
        for parameter in module.parameters(recurse=False):
            blocks[place[id(parameter)]].append(nn.ParameterList([parameter]))
        for child in module.children():
            inside = {place[id(parameter)] for parameter in child.parameters()}
            if len(inside) > 1:
                last = enter(child, last)
            else:
                last = inside.pop() if inside else last
                blocks[last].append(child)
        return last

    enter(network, 0)
    return list(blocks)


def download_error(name: str, error: Exception) -> MemlabError:
    """One line for weights that could not be fetched, with the two ways on."""
    return MemlabError(
        f"cannot download the pretrained weights of {name} ({type(error).__name__}): set "
        "--model.backbone.pretrained false,\nor give a local file: --model.backbone.weights FILE"
    )


def load_weights(network: nn.Module, path: str, classifier: tuple[str, ...]) -> None:
    """Load a file of weights (.safetensors, .pth) into a network without its classifier.

    Args:
        network: where to.
        path: the file; no pickled code is run.
        classifier: prefixes of the keys that belong to the classifier left out.

    Raises:
        MemlabError: if the file cannot be read or does not fit; names the first keys.
    """
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            wrong = damage(Path(path)) if is_zip(Path(path)) else ""
            if wrong:
                raise ValueError(f"damaged: {wrong}")
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state.get("model", state))
    except Exception as error:  # unreadable in any of many ways
        first = str(error).strip().splitlines()[0]
        raise MemlabError(f"{path}: cannot be read as weights: {first}") from error
    kept = {key: value for key, value in state.items() if not key.startswith(classifier)}
    problem = misfit(network.state_dict(), kept)
    if problem:
        raise MemlabError(f"{path}: these weights do not fit {type(network).__name__}: {problem}")
    network.load_state_dict(kept)


def misfit(wanted: dict[str, Any], given: dict[str, Any]) -> str:
    """Why a state does not fit, in one line that names the first keys; empty if it fits."""
    missing = [key for key in wanted if key not in given]
    extra = [key for key in given if key not in wanted]
    other = [
        key
        for key in wanted
        if key in given and wanted[key].shape != getattr(given[key], "shape", 0)
    ]
    parts = [
        f"{len(keys)} {what} (first: {keys[0]})"
        for keys, what in ((missing, "missing"), (extra, "unknown"), (other, "of another shape"))
        if keys
    ]
    return ", ".join(parts)
