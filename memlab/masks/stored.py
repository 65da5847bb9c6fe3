"""Masks of a store, for the images of a data set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from memlab.errors import DataError
from memlab.masks.base import Mask, MaskSource
from memlab.masks.names import Names
from memlab.masks.store import MaskStore


class StoredMasks(MaskSource):
    """Masks of a store, for the images of a data set.

    Args:
        folder: folder of the store.
        names: the images of the data set.

    Raises:
        DataError: if the store cannot be read, or has no image of the data set.
    """

    def __init__(self, folder: Path, names: Names) -> None:
        self.origin = str(folder)
        self.store = MaskStore(folder)
        self.regions = tuple(sorted(self.store.regions))
        areas = self.store.areas
        self._stored, self.unknown = names.match(areas, self.origin)
        if not self._stored:
            raise DataError(
                f"{folder}: none of its {len(areas)} images is in the data set; find masks of "
                "these with memlab regions find"
            )

    @property
    def stored_ids(self) -> dict[str, str]:
        """Ids of the data set's images to ids in the store."""
        return self._stored

    def annotated(self, region: str) -> Collection[str]:
        """See `MaskSource.annotated`."""
        areas = self.store.areas
        return {name for name, stored in self._stored.items() if region in areas[stored]}

    def having(self, region: str) -> Collection[str]:
        """See `MaskSource.having`."""
        areas = self.store.areas
        return {name for name, stored in self._stored.items() if areas[stored].get(region)}

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """See `MaskSource.read`."""
        stored = self._stored.get(name)
        return {} if stored is None else self.store.read(stored, regions)

    def paths(self, region: str) -> Iterator[Path]:
        """See `MaskSource.paths`."""
        return (self.store.path(name) for name in self._stored.values())

    def describe(self, region: str) -> dict[str, Any]:
        """See `MaskSource.describe`."""
        return {
            "kind": "store",
            "origin": self.origin,
            "fingerprint": self.store.state(),
            "unknown_files": self.unknown,
            "found_by": self.store.regions[region],
        }
