"""Features of a frozen backbone: every image is decoded and encoded once."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.distributed import all_gather_object
from torch.utils.data import DataLoader, Dataset, Subset

from memlab.data.dataset import ImageDataset, collate, to_float
from memlab.data.feature_store import add_features, image_key, read_features
from memlab.files import fingerprint, make_folder
from memlab.imaging.decode import decoder
from memlab.progress import progress
from memlab.stop_signals import ignore_signals
from memlab.types import Batch, Sample


@dataclass(frozen=True)
class Encoder:
    """Encoder of images to features that training does not change.

    Args:
        embed: maps images (B, 3, H, W) in [0, 1] to features (B, D), without gradient.
        identity: returns a hash of all that decides the features: weights, network, and the means
            and SDs that normalise its input. It is called only when features are needed: a resumed
            run loads its weights from the checkpoint first.
        device: device of the images.
    """

    embed: Callable[[Tensor], Tensor]
    identity: Callable[[], str]
    device: torch.device


class FeatureDataset(Dataset[Sample]):
    """Samples with features in place of pixels.

    Args:
        images: the data set that the features were computed from.
        features: (n, D) float32, in the order of `images`.
        errors: why each image could not be read; empty if it could.
    """

    def __init__(self, images: ImageDataset, features: Tensor, errors: list[str]) -> None:
        self.images = images
        self.features = features
        self.errors = errors

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        return Sample(
            index=index,
            id=self.images.ids[index],
            image=torch.empty(3, 0, 0, dtype=torch.uint8),
            score=float(self.images.scores[index]),
            masks={},
            error=self.errors[index],
            features=self.features[index],
        )


def featured(
    photos: ImageDataset,
    encoder: Encoder,
    batch_size: int,
    num_workers: int,
    folder: Path | None = None,
    processes: int = 1,
    rank: int = 0,
) -> FeatureDataset:
    """Compute the features of all images, except those that an earlier run computed.

    Args:
        photos: the images to encode.
        encoder: the encoder, in single precision.
        batch_size: images per batch.
        num_workers: processes that decode.
        folder: where features are kept for later runs, in a file for this encoder, decoder and
            geometry; None to keep them in memory only.
        processes: number of processes that share the work.
        rank: rank of this process.
    """
    path = None if folder is None else make_folder(folder) / f"{_key(photos, encoder)}.features"
    keys = [image_key(place) for place in photos.paths]
    known = {} if path is None else read_features(path)
    missing = _agreed([place for place, key in enumerate(keys) if key not in known], processes)
    found, errors = _encoded(photos, missing, encoder, batch_size, num_workers, processes, rank)
    if rank == 0:
        _say_read(len(photos) - len(missing), path)
    new = {keys[place]: values for place, values in found.items() if not errors[place]}
    if path is not None and rank == 0 and new:
        add_features(path, new)
    rows = [found[place] if place in found else known[key] for place, key in enumerate(keys)]
    return FeatureDataset(photos, torch.from_numpy(np.stack(rows)), errors)


def _encoded(
    photos: ImageDataset,
    missing: list[int],
    encoder: Encoder,
    batch_size: int,
    num_workers: int,
    processes: int,
    rank: int,
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Return the features of the missing images by position, and each image's error or ""."""
    errors = [""] * len(photos)
    if not missing:
        return {}, errors
    began = time.perf_counter()
    own = missing[rank::processes]
    loader = DataLoader(
        Subset(photos, own),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=collate,
        worker_init_fn=ignore_signals,
    )
    parts: list[tuple[list[int], np.ndarray, list[str]]] = []
    with progress("Features", len(own)) as advance:
        for loaded in loader:
            batch: Batch = loaded
            images = to_float({**batch, "images": batch["images"].to(encoder.device)})["images"]
            values = encoder.embed(images).float().cpu().numpy()
            parts.append((batch["index"].tolist(), values, batch["errors"]))
            advance(len(batch["ids"]))
    if processes > 1:
        gathered: list[list[tuple[list[int], np.ndarray, list[str]]]] = [[]] * processes
        all_gather_object(gathered, parts)
        parts = [part for share in gathered for part in share]
    found: dict[int, np.ndarray] = {}
    for places, values, why in parts:
        for place, row, error in zip(places, values, why, strict=True):
            finite = bool(np.isfinite(row).all())
            # replaced by zeros: an image with an error takes no part in training
            found[place] = row if finite else np.zeros_like(row)
            errors[place] = error or (
                ""
                if finite
                else f"{photos.paths[place]}: the backbone's features of it are NaN or infinite"
            )
    if rank == 0:
        seconds = time.perf_counter() - began
        print(  # noqa: T201
            f"memlab: computed the features of {len(missing)} images in {seconds:.1f} s: "
            f"{len(missing) / seconds:.1f} images/s",
            file=sys.stderr,
        )
    return found, errors


def _say_read(count: int, path: Path | None) -> None:
    if count:
        print(f"memlab: read the features of {count} images from {path}", file=sys.stderr)  # noqa: T201


def _agreed(missing: list[int], processes: int) -> list[int]:
    """Return the images that at least one process lacks: all processes compute the same ones."""
    if processes == 1:
        return missing
    gathered: list[list[int]] = [[]] * processes
    all_gather_object(gathered, missing)
    return sorted(set().union(*gathered))


def _key(images: ImageDataset, encoder: Encoder) -> str:
    made_of = {
        "encoder": encoder.identity(),
        "decoder": decoder(),
        "geometry": images.geometry.describe(),
    }
    return fingerprint(json.dumps(made_of, sort_keys=True))
