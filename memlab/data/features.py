"""Features of a frozen backbone: every image is decoded and encoded once."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.distributed import all_gather_object
from torch.utils.data import DataLoader, Dataset, Subset

from memlab.data.dataset import ImageDataset, collate, to_float
from memlab.files import fingerprint, make_folder, replacing
from memlab.imaging.decode import decoder
from memlab.progress import progress
from memlab.stop_signals import ignore_signals
from memlab.types import Batch, Sample


@dataclass(frozen=True)
class Encoder:
    """Encoder of images to features that training does not change.

    Args:
        embed: maps images (B, 3, H, W) in [0, 1] to features (B, D), without gradient.
        weights: returns the hash of the encoder's weights. It is called only when features are
            needed: a resumed run loads its weights from the checkpoint first.
        device: device of the images.
    """

    embed: Callable[[Tensor], Tensor]
    weights: Callable[[], str]
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
    """Compute the features of all images, or read those of an earlier run.

    Args:
        photos: the images to encode.
        encoder: the encoder, in single precision.
        batch_size: images per batch.
        num_workers: processes that decode.
        folder: where features are kept for later runs, keyed by weights, images, decoder and
            geometry; None to keep them in memory only.
        processes: number of processes that share the work.
        rank: rank of this process.
    """
    path = None if folder is None else make_folder(folder) / f"{_key(photos, encoder)}.features"
    known = None if path is None else _agreed(path, len(photos), processes)
    if known is not None:
        return FeatureDataset(photos, torch.from_numpy(known), [""] * len(photos))

    own = range(rank, len(photos), processes)
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
            found = encoder.embed(images).float().cpu().numpy()
            parts.append((batch["index"].tolist(), found, batch["errors"]))
            advance(len(batch["ids"]))
    if processes > 1:
        gathered: list[list[tuple[list[int], np.ndarray, list[str]]]] = [[]] * processes
        all_gather_object(gathered, parts)
        parts = [part for share in gathered for part in share]
    order = np.argsort([index for indices, _, _ in parts for index in indices])
    values = np.concatenate([found for _, found, _ in parts])[order]
    errors = [error for _, _, some in parts for error in some]
    errors = [errors[place] for place in order]
    for place in np.flatnonzero(~np.isfinite(values).all(axis=1)):
        # replaced by zeros: an image with an error takes no part in training
        values[place] = 0
        errors[place] = errors[place] or (
            f"{photos.paths[place]}: the backbone's features of it are NaN or infinite"
        )
    if path is not None and rank == 0 and not any(errors):
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, features=values, checksum=np.array(_checksum(values)))
    return FeatureDataset(photos, torch.from_numpy(values), errors)


def _agreed(path: Path, count: int, processes: int) -> np.ndarray | None:
    """Return the kept features if every process can read them, else None: all compute anew."""
    found = _kept(path, count)
    if processes == 1:
        return found
    there: list[bool] = [False] * processes
    all_gather_object(there, found is not None)
    return found if all(there) else None


def _kept(path: Path, count: int) -> np.ndarray | None:
    """Return kept features (n, D), or None if the file is missing or damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as content:
            values: np.ndarray = content["features"]
            checksum = str(content["checksum"])
        if values.dtype != np.float32 or values.ndim != 2 or len(values) != count:
            raise ValueError(f"features of shape {values.shape} for {count} images")
        if checksum != _checksum(values) or not np.isfinite(values).all():
            raise ValueError("its checksum does not match")
    except Exception as error:  # zipfile and NumPy raise many exception types on a damaged file
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        print(  # noqa: T201
            f"memlab: {path}: damaged ({first}); the features are computed again", file=sys.stderr
        )
        return None
    return values


def _checksum(values: np.ndarray) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(values).data):08x}"


def _key(images: ImageDataset, encoder: Encoder) -> str:
    states = [(str(path.resolve()), path.stat()) for path in images.paths if path.is_file()]
    made_of = {
        "weights": encoder.weights(),
        "images": [(name, state.st_size, state.st_mtime_ns) for name, state in states],
        "decoder": decoder(),
        "geometry": images.geometry.describe(),
    }
    return fingerprint(json.dumps(made_of, sort_keys=True))
