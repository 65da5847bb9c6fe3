"""Image files that a model scores, each with the masks of the data set or folder it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.data.dataset import ImageDataset
from memlab.data.geometry import Geometry, Resampler
from memlab.data.inputs import batches
from memlab.errors import DataError
from memlab.inference.originals import Original
from memlab.masks.base import Mask, MaskSource
from memlab.types import Batch


class OriginalInputs:
    """Image files with masks, ready to be batched; the interface of `memlab.data.inputs.Inputs`.

    Args:
        originals: the images.
        size: side in pixels that images are resized to.
        resampler: library that resizes; see `Geometry`.

    Raises:
        DataError: if there are no images, or two have the same id.
    """

    def __init__(
        self, originals: Sequence[Original], size: int, resampler: Resampler = "torch"
    ) -> None:
        if not originals:
            raise DataError("no images given")
        self.ids = [one.id for one in originals]
        self.images = [str(one.path) for one in originals]
        source = _JoinedMasks(originals)
        self.masks: dict[str, MaskSource] = dict.fromkeys(source.regions, source)
        rows = pd.DataFrame(
            {"id": self.ids, "image": self.images, "score": [one.score for one in originals]}
        )
        twice = rows["id"].duplicated()
        if twice.any():
            name = rows.loc[twice, "id"].iloc[0]
            raise DataError(
                f"two images have the id {name!r}; ablate the images of each data set by themselves"
            )
        geometry = Geometry(size, resampler)
        self.dataset = ImageDataset(rows, Path(), geometry, self.masks, strict=True)

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, batch_size: int = 32, num_workers: int = 0) -> Iterator[Batch]:
        """Yield batches; see `memlab.data.inputs.batches`."""
        yield from batches(self.dataset, batch_size, num_workers)


class _JoinedMasks(MaskSource):
    """Masks of images that may come from several data sets, each with sources of its own."""

    def __init__(self, originals: Sequence[Original]) -> None:
        self.sources = {one.id: one.masks for one in originals}
        self.regions = tuple(dict.fromkeys(region for one in originals for region in one.masks))
        self.origin = ", ".join(
            dict.fromkeys(each.origin for masks in self.sources.values() for each in masks.values())
        )

    def annotated(self, region: str) -> Collection[str]:
        """See `MaskSource.annotated`."""
        return self._ids[region][0]

    def having(self, region: str) -> Collection[str]:
        """See `MaskSource.having`."""
        return self._ids[region][1]

    @cached_property
    def _ids(self) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """Return, for each region, the ids of the images annotated for it and of those with it."""
        known: dict[tuple[MaskSource, str], tuple[frozenset[str], frozenset[str]]] = {}
        annotated: dict[str, set[str]] = {region: set() for region in self.regions}
        having: dict[str, set[str]] = {region: set() for region in self.regions}
        for name, masks in self.sources.items():
            for region, source in masks.items():
                key = source, region
                if key not in known:
                    both = source.annotated(region), source.having(region)
                    known[key] = frozenset(both[0]), frozenset(both[1])
                for ids, there in zip((annotated, having), known[key], strict=True):
                    if name in there:
                        ids[region].add(name)
        return {
            region: (frozenset(annotated[region]), frozenset(having[region]))
            for region in self.regions
        }

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """See `MaskSource.read`."""
        by_source: dict[MaskSource, list[str]] = {}
        for region, source in self.sources[name].items():
            if region in regions:
                by_source.setdefault(source, []).append(region)
        found: dict[str, Mask] = {}
        for source, own in by_source.items():
            found |= source.read(name, own)
        return found

    def paths(self, region: str) -> Collection[Path]:
        """See `MaskSource.paths`."""
        return [path for source in self._of(region) for path in source.paths(region)]

    def describe(self, region: str) -> dict[str, Any]:
        """See `MaskSource.describe`; the description of the first source, if there are several."""
        return self._of(region)[0].describe(region)

    def _of(self, region: str) -> list[MaskSource]:
        masks = self.sources.values()
        return list(dict.fromkeys(own[region] for own in masks if region in own))
