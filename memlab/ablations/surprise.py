"""Distance of changed images to the unchanged images, in the model's penultimate features.

A large distance says that the model was never trained on such images, so that its score of them
says little about images that exist. Features are read in the same forward pass as the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from memlab.data.dataset import collate, to_float
from memlab.precision import evaluation_mode, single_precision
from memlab.scorer import Scorer
from memlab.seeds import seed_of
from memlab.types import Batch, Context, Sample

REFERENCE = 256
"""Maximum number of unchanged images whose features are kept."""
FEWEST = 20
"""Minimum number of unchanged images; with fewer, distances are not computed."""
NEIGHBOURS = 5
"""The distance of an image is its mean distance to this many nearest unchanged images."""


class CleanFeatures:
    """Features of unchanged images, and distances of other images to them.

    Each feature is divided by its standard deviation. The distance of an image is its mean
    Euclidean distance to the `NEIGHBOURS` nearest unchanged images, without the image itself.

    Args:
        layer: module of the model whose input is the penultimate features.
        ids: ids of the unchanged images.
        features: (n, D), of the same images, n at least `FEWEST`.
    """

    def __init__(self, layer: nn.Module, ids: Sequence[str], features: Tensor) -> None:
        self.layer = layer
        features = features.cpu().double()
        spread = features.std(dim=0)
        # a feature that never varies may vary in changed images: it counts as the typical feature
        usual = spread[spread > 0].median() if (spread > 0).any() else torch.ones(())
        self._scale = torch.where(spread > 1e-3 * usual, spread, usual.to(spread))
        self._features = features / self._scale
        self._places = {name: place for place, name in enumerate(ids)}
        clean = self._distances(ids, features)
        self._mean, self._sd = clean.mean(), clean.std().clamp(min=1e-12)
        self._sorted = clean.sort().values

    def surprise(self, ids: Sequence[str], heard: Sequence[Tensor]) -> Tensor:
        """Return quantile and distance of images, (B, 2) on the CPU.

        Args:
            ids: ids of the images; an unchanged image of the same id is left out.
            heard: inputs of the layer, as `listening` collected them in one forward pass.

        Returns:
            The quantile of the distance among those of the unchanged images, 0 to 1; and the
            distance, in standard deviations from the mean of the unchanged images. NaN if the layer
            did not receive features of these images.
        """
        features = pooled(heard, len(ids))
        if features is None or features.shape[1] != self._features.shape[1]:
            return torch.full((len(ids), 2), torch.nan)
        found = self._distances(ids, features)
        rank = torch.searchsorted(self._sorted, found, right=True) / len(self._sorted)
        return torch.stack([rank.double(), (found - self._mean) / self._sd], dim=1)

    def _distances(self, ids: Sequence[str], features: Tensor) -> Tensor:
        """Return the mean distance of each image to its nearest unchanged images: (B,), on CPU."""
        # double, because in single precision large batches lose digits to cancellation
        apart = torch.cdist(features.cpu().double() / self._scale, self._features)
        own = [(row, self._places[name]) for row, name in enumerate(ids) if name in self._places]
        if own:
            rows, places = torch.tensor(own).unbind(1)
            apart[rows, places] = torch.inf
        return apart.topk(NEIGHBOURS, largest=False).values.mean(dim=1)


@contextmanager
def listening(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Yield a list to which each forward pass appends the layer's input."""
    heard: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        heard.append(inputs[0].detach())

    handle = layer.register_forward_pre_hook(keep)
    try:
        yield heard
    finally:
        handle.remove()


def pooled(heard: Sequence[Tensor], count: int) -> Tensor | None:
    """Return features (B, D) from the inputs of a layer, None if they are not of `count` images.

    Args:
        heard: the layer's inputs in one forward pass; several inputs of one shape are averaged.
        count: B, the number of images.
    """
    if not heard or any(part.shape != heard[0].shape for part in heard):
        return None
    if heard[0].ndim < 2 or len(heard[0]) != count:
        return None
    features = torch.stack([part.float() for part in heard]).mean(dim=0)
    return features.flatten(1, -2).mean(dim=1) if features.ndim > 2 else features


@torch.no_grad()
def clean_features(
    model: Scorer, images: Dataset[Sample], count: int, seed: int = 0, batch_size: int = 64
) -> CleanFeatures | None:
    """Return the features of unchanged images, for the distances of changed images.

    At most `REFERENCE` images are drawn and scored once. The draw depends on the seed and on the
    number of images alone, so that every process and every resumed run draws the same images.

    Args:
        model: the model, on its device.
        images: the evaluated images, as samples.
        count: number of images.
        seed: seed of the draw.
        batch_size: images per batch.

    Returns:
        The features, or None: the model has no layer that reads features (`readout_layer`), the
        features are not finite, or fewer than `FEWEST` images can be read.
    """
    layer = model.readout_layer
    if layer is None or count < FEWEST:
        return None
    generator = torch.Generator().manual_seed(seed_of(seed, "clean features", str(count)))
    drawn = sorted(torch.randperm(count, generator=generator)[:REFERENCE].tolist())
    ids: list[str] = []
    parts: list[Tensor] = []
    with evaluation_mode(model), single_precision(model.device.type):
        for batch in DataLoader(Subset(images, drawn), batch_size, collate_fn=collate):
            shown = _on_device(batch, model.device)
            with listening(layer) as heard:
                model.scores(shown["images"], Context(shown["ids"], masks=shown["masks"]))
            features = pooled(heard, len(shown["ids"]))
            if features is None:
                return None
            fine = shown["valid"].to(features.device) & features.isfinite().all(dim=1)
            ids += [name for name, one in zip(shown["ids"], fine.tolist(), strict=True) if one]
            parts.append(features[fine])
    return CleanFeatures(layer, ids, torch.cat(parts)) if len(ids) >= FEWEST else None


def _on_device(batch: Batch, device: torch.device) -> Batch:
    moved: Batch = {
        **batch,
        "images": batch["images"].to(device),
        "masks": {region: mask.to(device) for region, mask in batch["masks"].items()},
    }
    return moved if moved["images"].is_floating_point() else to_float(moved)
