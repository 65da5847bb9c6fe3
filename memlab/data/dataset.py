"""Data set of images: from rows of the table to batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from memlab.data.cache import ImageCache
from memlab.data.geometry import Geometry
from memlab.errors import DataError, MaskError
from memlab.imaging.decode import decode, upright_size
from memlab.imaging.pixels import to_unit
from memlab.masks.base import MaskSource, require_fit
from memlab.types import Batch, Sample


class ImageDataset(Dataset[Sample]):
    """Images of a table, decoded and resized.

    An image that cannot be read becomes a black image with its `error` set, so that it keeps its
    position in the batch. The reader of the batch decides how to handle it.

    Args:
        rows: rows of a table, numbered from 0.
        root: folder that the paths are relative to.
        geometry: how images and masks are resized.
        masks: mask source of each region to read; where an image is not annotated for a region, its
            mask is empty and `annotated` of the sample is False.
        cache: cache of decoded images (not masks); it must have a slot for every row.
        strict: raise on a mask that does not fit its image.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        root: Path,
        geometry: Geometry,
        masks: Mapping[str, MaskSource] | None = None,
        cache: ImageCache | None = None,
        strict: bool = False,
    ) -> None:
        self.geometry = geometry
        self.strict = strict
        self.cache = cache
        self.ids = [str(name) for name in rows["id"]]
        self.images = [str(name) for name in rows["image"]]
        self.paths = [root / name for name in self.images]
        self.scores = rows["score"].to_numpy(dtype="float32")
        self.regions = tuple(masks or ())
        # one source may have several regions of an image in one file
        self.sources: dict[MaskSource, list[str]] = {}
        for region, source in (masks or {}).items():
            self.sources.setdefault(source, []).append(region)
        self.annotated = {
            region: annotated_for(source, region, self.ids)
            for region, source in (masks or {}).items()
        }

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        size = self.geometry.size
        error = ""
        masks: dict[str, Tensor] = {}
        try:
            image = self._image(index)
            masks = self._masks(index, image)
        except DataError as failure:
            if self.strict and isinstance(failure, MaskError):
                raise
            error = str(failure)
            image = torch.zeros(3, size, size, dtype=torch.uint8)
            masks = {}
        return Sample(
            index=index,
            id=self.ids[index],
            image=image,
            score=float(self.scores[index]),
            masks={region: masks.get(region, _empty(size)) for region in self.regions},
            error=error,
            annotated={region: annotated[index] for region, annotated in self.annotated.items()},
        )

    def _masks(self, index: int, image: Tensor) -> dict[str, Tensor]:
        masks: dict[str, Tensor] = {}
        size: tuple[int, int] | None = None
        for source, regions in self.sources.items():
            for region, mask in source.read(self.ids[index], regions).items():
                size = size or upright_size(self.paths[index])
                require_fit(mask, self.images[index], size, image)
                masks[region] = self.geometry.mask(mask.inside)
        return masks

    def _image(self, index: int) -> Tensor:
        def fresh() -> Tensor:
            return self.geometry.image(decode(self.paths[index]))

        return self.cache.image(self.images[index], fresh) if self.cache else fresh()


def annotated_for(source: MaskSource, region: str, ids: Sequence[str]) -> list[bool]:
    """Return, for each image, whether it is annotated for a region."""
    annotated = frozenset(source.annotated(region))
    return [name in annotated for name in ids]


def _empty(size: int) -> Tensor:
    return torch.zeros(1, size, size, dtype=torch.uint8)


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples to a batch."""
    batch = Batch(
        index=torch.tensor([sample["index"] for sample in samples]),
        ids=[sample["id"] for sample in samples],
        images=torch.stack([sample["image"] for sample in samples]),
        scores=torch.tensor([sample["score"] for sample in samples], dtype=torch.float32),
        masks=default_collate([sample["masks"] for sample in samples]),
        annotated=default_collate([sample.get("annotated", {}) for sample in samples]),
        valid=torch.tensor([not sample["error"] for sample in samples]),
        errors=[sample["error"] for sample in samples],
    )
    if "features" in samples[0]:
        batch["features"] = torch.stack([sample["features"] for sample in samples])
    return batch


def to_float(batch: Batch) -> Batch:
    """Return the same batch with RGB float images in [0, 1]."""
    return {**batch, "images": to_unit(batch["images"])}
