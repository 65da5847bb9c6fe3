"""Filling a cache of decoded pictures ahead of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch.utils.data import DataLoader, Dataset

from memlab.data.dataset import PictureDataset


@dataclass
class Filled:
    """What was found: pictures `there` before, `decoded` now, `lost` (decoded but not kept)."""

    there: int = 0
    decoded: int = 0
    lost: int = 0
    errors: list[str] = field(default_factory=list)


def fill(
    pictures: PictureDataset, num_workers: int, progress: Callable[[int], None] | None = None
) -> Filled:
    """Decode the pictures that a data set's cache lacks.

    Args:
        pictures: a data set with a cache.
        num_workers: processes that decode.
        progress: called with the number of pictures done since the last call.
    """
    found = Filled()
    loader: DataLoader[list[tuple[str, str]]] = DataLoader(
        _Filling(pictures),  # type: ignore[arg-type]
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
    """What became of each picture, and why it could not be read."""

    def __init__(self, pictures: PictureDataset) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[str, str]:
        cache, image = self.pictures.cache, self.pictures.images[index]
        if cache is None or cache.read(image) is not None:
            return "there", ""
        error = self.pictures[index]["error"]
        return "lost" if cache.read(image) is None else "decoded", error
