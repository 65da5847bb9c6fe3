"""Filling of a cache of decoded images ahead of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch.utils.data import DataLoader, Dataset

from memlab.data.dataset import ImageDataset


@dataclass
class Filled:
    """Counts of images: `there` before, `decoded` now, `lost` (decoded, not kept); errors."""

    there: int = 0
    decoded: int = 0
    lost: int = 0
    errors: list[str] = field(default_factory=list)


def fill(
    images: ImageDataset, num_workers: int, progress: Callable[[int], None] | None = None
) -> Filled:
    """Decode the images that are missing from a data set's cache.

    Args:
        images: a data set with a cache.
        num_workers: processes that decode.
        progress: called with the number of images done since the last call.
    """
    found = Filled()
    loader: DataLoader[list[tuple[str, str]]] = DataLoader(
        _Filling(images),  # type: ignore[arg-type]
        batch_size=16,
        num_workers=num_workers,
        collate_fn=list,
    )
    for outcomes in loader:
        for outcome, error in outcomes:
            if error:
                found.errors.append(error)
            else:
                setattr(found, outcome, getattr(found, outcome) + 1)
        if progress:
            progress(len(outcomes))
    return found


class _Filling(Dataset[tuple[str, str]]):
    """Outcome of each image, and why it could not be read."""

    def __init__(self, images: ImageDataset) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[str, str]:
        cache, image = self.images.cache, self.images.images[index]
        if cache is None or cache.read(image) is not None:
            return "there", ""
        error = self.images[index]["error"]
        return "lost" if cache.read(image) is None else "decoded", error
