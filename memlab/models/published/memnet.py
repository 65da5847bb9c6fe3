"""MemNet, the network published with LaMem (Khosla et al. 2015)."""

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
"""Sides in pixels: of the squashed image, and of each crop."""

CORNERS = ((0, 0), (0, 29), (29, 0), (29, 29), (15, 15))
"""Top and left of the five crops; the central crop is off-centre by a pixel, as published."""

MEAN_SHA256 = "7374e6d7bb3a2e11765e4e745948c914c28a585a5fefe6aa414b71012353b19c"
"""SHA-256 of `memnet_mean.mat` in the repository LoreGoetschalckx/GANalyze."""

RELEASE = Release(model="memnet", url="http://ganalyze.csail.mit.edu/models/memnet_state_dict.p")

_MEANS = ("memnet_mean.mat", "memnet_mean.npy")
# conv5 grid: the first receptive field is centred on pixel 17 of a crop, the next 16 pixels
# further.
_SIDE, _FIRST, _STEP = 13, 17, 16


class CaffeNet(nn.Module):
    """Layers of MemNet, with the names of the published weights, for crops of 227 pixels.

    The architecture is that of Krizhevsky et al. (2012) with pooling before normalisation, as in
    Caffe's reference network, and one output. Dropout is left out: it has no weights, and the
    network is never trained here.

    Args:
        units: units of fc6 and fc7.
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
        """Return conv5 (B, 256, 13, 13) of crops (B, 3, 227, 227).

        Args:
            crops: BGR from 0 to 255 minus the mean image.
        """
        x = self.normalise(self.pool(self.conv1(crops).relu()))
        x = self.normalise(self.pool(self.conv2(x).relu()))
        x = self.conv5(self.conv4(self.conv3(x).relu()).relu()).relu()
        activations: Tensor = x
        return activations

    def embed(self, activations: Tensor) -> Tensor:
        """Return fc7 (B, units) from conv5 (B, 256, 13, 13)."""
        x = self.fc6(self.pool(activations).flatten(1)).relu()
        hidden: Tensor = self.fc7(x).relu()
        return hidden


class MemNet(FixedModel):
    """MemNet: memorability score from 0 to 1, as in LaMem's labels.

    The network is that of Khosla, Raju, Torralba & Oliva (2015, ICCV). Weights and preprocessing
    are those of GANalyze (Goetschalckx et al. 2019, ICCV), which converted both from Caffe. The
    image is squashed to 256 × 256 and converted to BGR from 0 to 255; the mean image is subtracted.
    Ten crops of 227 × 227 are scored: the corners, the centre and their mirror images. The mean of
    the ten outputs is rescaled, (mean - .7626) × 2 + .65, and clipped to [0, 1]. At a clipped
    score, changes of the image may have no effect. `input_size` is 256; images of other sizes are
    resized inside the model (bilinear, antialiased).

    **Maps** show the ten crops on one grid of 16 × 16 cells of the whole image.

    Args:
        weights: the file `memnet_state_dict.p`; by default in torch.hub's folder. The same folder
            holds the mean image, `memnet_mean.mat` or `memnet_mean.npy`.

    Raises:
        CheckpointError: if a file is missing, with its download address, or does not fit.
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
        self.mean_file = _mean_beside(path)
        mean = torch.from_numpy(_read_mean(self.mean_file)).permute(2, 0, 1)
        self.register_buffer("mean", mean.contiguous(), persistent=False)
        # On the meta device, no random weights are drawn that would be discarded.
        with torch.device("meta"):
            self.network = CaffeNet(self.units)
        self.take(self.network, path)

    @property
    def input_size(self) -> int:
        """256, the size that the original squashes images to."""
        return SQUASH

    @property
    def card(self) -> dict[str, str]:
        """Card with both files; the authors publish no hash of the weights."""
        is_published = sha256_of(self.mean_file) == MEAN_SHA256
        mean = f"{self.mean_file.name}, {'' if is_published else 'not '}GANalyze's"
        card = super().card
        return {**card, "weights": f"{card['weights']} (none is published); mean image {mean}"}

    def weights_id(self) -> str:
        """Return the first 16 hex digits of the hash of the weights and the mean image."""
        mean = hashlib.sha256(self.mean.cpu().numpy().tobytes()).hexdigest()
        return fingerprint(self.sha256 + mean)

    def crops(self, images: Tensor) -> Iterator[Tensor]:
        """Yield each of the five crops, then its mirror image: ten times (B, 3, 227, 227).

        Args:
            images: (B, 3, H, W) in [0, 1].
        """
        centred = squashed(images, (SQUASH, SQUASH)).flip(1) * 255 - self.mean
        for top, left in CORNERS:
            crop = centred[:, :, top : top + CROP, left : left + CROP]
            yield crop
            yield crop.flip(3)

    def stem(self, images: Tensor) -> Tensor:
        """Return conv5 of the ten crops, (B, 10, 256, 13, 13), of images (B, 3, H, W) in [0, 1]."""
        return torch.stack([self.network.stem(crop) for crop in self.crops(images)], dim=1)

    def _hidden(self, activations: Tensor) -> Tensor:
        hidden: Tensor = self.network.embed(activations.flatten(0, 1))
        return hidden.view(len(activations), 2 * len(CORNERS), -1)

    def score(self, activations: Tensor) -> Tensor:
        """Return scores (B,) from 0 to 1, from conv5 of the ten crops."""
        outputs = self.network.fc8(self._hidden(activations)).squeeze(2).mean(dim=1)
        scores: Tensor = ((outputs - 0.7626) * 2 + 0.65).clamp(0, 1)
        return scores

    def grid(self, activations: Tensor) -> Tensor:
        """Return all crops on one grid of the whole image, (B, 2560, 16, 16).

        A position of conv5 covers the 16 × 16 pixels around the centre of its receptive field,
        clipped at the border of its crop. Its value is distributed over the grid cells in
        proportion to the shared area, then multiplied by 16/13. Grad-CAM on the result is therefore
        the sum of the crops' Grad-CAM maps, each distributed in the same way.
        """
        on_grid = []
        for number, crop_activations in enumerate(activations.unbind(1)):
            upright = crop_activations.flip(3) if number % 2 else crop_activations
            rows, columns = (
                shares(_SIDE, _FIRST, _STEP, (start, start + CROP)).to(crop_activations)
                for start in CORNERS[number // 2]
            )
            on_grid.append(rows @ upright @ columns.T * (CELLS / _SIDE))
        return torch.cat(on_grid, dim=1)

    def embed(self, images: Tensor) -> Tensor:
        """Return the mean of fc7 over the ten crops, (B, 4096).

        Args:
            images: (B, 3, H, W) in [0, 1].
        """
        return self._hidden(self.stem(images)).mean(dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (B,) from 0 to 1 of images (B, 3, H, W), RGB in [0, 1]."""
        return self.score(self.stem(images))


def _mean_beside(weights: Path) -> Path:
    """Return the path of the mean image in the folder of the weights.

    Raises:
        CheckpointError: if there is no mean image; every score would be wrong without it.
    """
    for name in _MEANS:
        if (weights.parent / name).is_file():
            return weights.parent / name
    raise CheckpointError(
        f"{weights.parent}: no {' or '.join(_MEANS)} beside {weights.name}; MemNet needs the mean "
        f"image: fetch {RELEASE.url.rpartition('/')[0]}/{_MEANS[0]}"
    )


def _read_mean(path: Path) -> npt.NDArray[np.float32]:
    """Return the mean image (256, 256, 3), rows first, BGR from 0 to 255.

    Raises:
        CheckpointError: if the file cannot be read, or has another shape.
    """
    try:
        if path.suffix == ".npy":
            mean: Any = np.load(path, allow_pickle=False)
        else:
            from scipy.io import loadmat

            mean = loadmat(path, variable_names=["image_mean"])["image_mean"]
    except Exception as error:  # a damaged or wrong file raises many types
        message = str(error) or type(error).__name__
        raise CheckpointError(f"{path}: cannot be read as a mean image: {message}") from error
    shape = mean.shape
    if mean.ndim == 3 and shape[2] != 3:
        mean = mean.transpose(1, 2, 0)
    if mean.shape != (SQUASH, SQUASH, 3):
        raise CheckpointError(f"{path}: a mean image of shape {shape}, not (256, 256, 3)")
    return np.ascontiguousarray(mean, dtype=np.float32)
