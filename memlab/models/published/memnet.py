"""MemNet, the network that came with LaMem (Khosla et al. 2015)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from memlab.data.geometry import squashed
from memlab.errors import CheckpointError
from memlab.files import fingerprint
from memlab.models.published.base import FixedModel
from memlab.models.published.files import Release, sha256_of
from memlab.models.published.places import CELLS, shares

SQUASH, CROP = 256, 227
"""Sides in pixels: what images are squashed to, and of what the network sees at once."""

CORNERS = ((0, 0), (0, 29), (29, 0), (29, 29), (15, 15))
"""Top and left of the five crops; the middle one lies a pixel off the middle, as published."""

MEAN_SHA256 = "7374e6d7bb3a2e11765e4e745948c914c28a585a5fefe6aa414b71012353b19c"
"""Of `memnet_mean.mat` as it is in the repository LoreGoetschalckx/GANalyze."""

RELEASE = Release(model="memnet", url="http://ganalyze.csail.mit.edu/models/memnet_state_dict.p")

_MEANS = ("memnet_mean.mat", "memnet_mean.npy")
# conv5's places: the first receptive field is centred on pixel 17 of a crop, the next 16 further
_SIDE, _FIRST, _STEP = 13, 17, 16


class CaffeNet(nn.Module):
    """The layers of MemNet, called as in the published weights, for crops of 227 pixels.

    Krizhevsky et al. (2012) with pooling before normalisation, as Caffe's reference network, and
    one output. Dropout is left out: it has no weights, and this is evaluated, not trained.

    Args:
        units: of fc6 and fc7.
    """

    def __init__(self, units: int = 4096) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(256 * 6 * 6, units)
        self.fc7 = nn.Linear(units, units)
        self.fc8 = nn.Linear(units, 1)
        self.pool = nn.MaxPool2d(3, 2)
        self.normalise = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

    def stem(self, crops: Tensor) -> Tensor:
        """(B, 3, 227, 227), BGR from 0 to 255 without the mean, to conv5: (B, 256, 13, 13)."""
        x = self.normalise(self.pool(self.conv1(crops).relu()))
        x = self.normalise(self.pool(self.conv2(x).relu()))
        x = self.conv5(self.conv4(self.conv3(x).relu()).relu()).relu()
        places: Tensor = x
        return places

    def embed(self, places: Tensor) -> Tensor:
        """conv5 (B, 256, 13, 13) to fc7 (B, units)."""
        x = self.fc6(self.pool(places).flatten(1)).relu()
        hidden: Tensor = self.fc7(x).relu()
        return hidden


class MemNet(FixedModel):
    """MemNet: how memorable an image is, 0 to 1, as LaMem's labels.

    The network of Khosla, Raju, Torralba & Oliva (2015, ICCV), with the weights and the handling of
    images of GANalyze (Goetschalckx et al. 2019, ICCV), which took both over from Caffe: squashed
    to 256 × 256, BGR from 0 to 255 without a mean image, ten crops of 227 × 227 (the corners and
    the middle, and their mirror images), the mean of the ten outputs, stretched: (mean - .7626) × 2
    + .65, cut off at 0 and 1. Where it is cut off no change shows. `input_size` is 256; images of
    another size are brought there inside (bilinear, antialiased).

    **Maps** show the ten crops on one grid of 16 × 16 cells, each place where it is in the image.

    Args:
        weights: the file `memnet_state_dict.p`; by default in torch.hub's folder. Beside it lies
            the mean image, `memnet_mean.mat` or `memnet_mean.npy`.

    Raises:
        CheckpointError: if one of the files is not there, with where to fetch it; or does not fit.
    """

    about: ClassVar[dict[str, str]] = {
        "output": "memorability as of LaMem's labels",
        "trained_on": "LaMem (which of its images were held out is not known)",
        "licence": "not stated; LaMem itself is for academic research and education",
    }
    data = ("LaMem",)
    units: ClassVar[int] = 4096
    mean: Tensor

    def __init__(self, weights: str | None = None) -> None:
        super().__init__()
        path = RELEASE.find(weights)
        self.mean_file = mean_beside(path)
        mean = torch.from_numpy(read_mean(self.mean_file)).permute(2, 0, 1)
        self.register_buffer("mean", mean.contiguous(), persistent=False)
        # without memory, so that no random weights are drawn only to be thrown away
        with torch.device("meta"):
            self.network = CaffeNet(self.units)
        self.take(self.network, path)

    @property
    def input_size(self) -> int:
        """256, where the original squashes images to."""
        return SQUASH

    @property
    def card(self) -> dict[str, str]:
        """What it predicts, and the two files; of the weights no hash is published."""
        known = sha256_of(self.mean_file) == MEAN_SHA256
        mean = f"{self.mean_file.name}, {'' if known else 'not '}GANalyze's"
        card = super().card
        return {**card, "weights": f"{card['weights']} (none is published); mean image {mean}"}

    def weights_id(self) -> str:
        """First 16 hex digits of the hash of the weights' and the mean image's SHA-256."""
        mean = hashlib.sha256(self.mean.cpu().numpy().tobytes()).hexdigest()
        return fingerprint(self.sha256 + mean)

    def crops(self, images: Tensor) -> Iterator[Tensor]:
        """Yield ten times (B, 3, 227, 227) of images (B, 3, H, W): each crop, then its mirror."""
        centred = squashed(images, (SQUASH, SQUASH)).flip(1) * 255 - self.mean
        for top, left in CORNERS:
            crop = centred[:, :, top : top + CROP, left : left + CROP]
            yield crop
            yield crop.flip(3)

    def stem(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to conv5 of the ten crops: (B, 10, 256, 13, 13)."""
        return torch.stack([self.network.stem(crop) for crop in self.crops(images)], dim=1)

    def _hidden(self, activations: Tensor) -> Tensor:
        hidden: Tensor = self.network.embed(activations.flatten(0, 1))
        return hidden.view(len(activations), 2 * len(CORNERS), -1)

    def score(self, activations: Tensor) -> Tensor:
        """conv5 of the ten crops to scores (B,) from 0 to 1."""
        outputs = self.network.fc8(self._hidden(activations)).squeeze(2).mean(dim=1)
        scores: Tensor = ((outputs - 0.7626) * 2 + 0.65).clamp(0, 1)
        return scores

    def grid(self, activations: Tensor) -> Tensor:
        """All crops on one grid of the whole image, (B, 2560, 16, 16).

        A place is the cell of 16 pixels around the centre of its receptive field, cut off where its
        crop ends; it is shared out to the grid's cells by the area in common, then multiplied by
        16/13, so that Grad-CAM on the result is the sum of the crops' own maps, each shared out.
        """
        placed = []
        for number, places in enumerate(activations.unbind(1)):
            upright = places.flip(3) if number % 2 else places
            rows, columns = (
                shares(_SIDE, _FIRST, _STEP, (start, start + CROP)).to(places)
                for start in CORNERS[number // 2]
            )
            placed.append(rows @ upright @ columns.T * (CELLS / _SIDE))
        return torch.cat(placed, dim=1)

    def embed(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to fc7, its mean over the ten crops: (B, 4096)."""
        return self._hidden(self.stem(images)).mean(dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W), RGB in [0, 1], to scores (B,) from 0 to 1."""
        return self.score(self.stem(images))


def mean_beside(weights: Path) -> Path:
    """The mean image in the folder of the weights.

    Raises:
        CheckpointError: if there is none; without it every score would be wrong.
    """
    for name in _MEANS:
        if (weights.parent / name).is_file():
            return weights.parent / name
    raise CheckpointError(
        f"{weights.parent}: no {' or '.join(_MEANS)} beside {weights.name}; MemNet needs the mean "
        f"image: fetch {RELEASE.url.rpartition('/')[0]}/{_MEANS[0]}"
    )


def read_mean(path: Path) -> npt.NDArray[np.float32]:
    """A mean image, BGR from 0 to 255: (256, 256, 3), rows first.

    Raises:
        CheckpointError: if it cannot be read, or has another shape.
    """
    try:
        if path.suffix == ".npy":
            found: Any = np.load(path, allow_pickle=False)
        else:
            from scipy.io import loadmat

            found = loadmat(path, variable_names=["image_mean"])["image_mean"]
    except Exception as error:  # unreadable in any of many ways
        said = str(error) or type(error).__name__
        raise CheckpointError(f"{path}: cannot be read as a mean image: {said}") from error
    shape = found.shape
    if found.ndim == 3 and shape[2] != 3:
        found = found.transpose(1, 2, 0)
    if found.shape != (SQUASH, SQUASH, 3):
        raise CheckpointError(f"{path}: a mean image of shape {shape}, not (256, 256, 3)")
    return np.ascontiguousarray(found, dtype=np.float32)
