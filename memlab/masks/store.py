"""Mask store: a folder with the packed masks of many images and their provenance.

`store.json` records for each region the detector that found it: plugin, distribution, version,
arguments (such as a threshold), licence, weights. `masks/xx/*.npz` is a file per image: its id,
size and thumbnail, and a bit per pixel for each annotated region, compressed. `index.csv` lists the
images with the area share of each region. It is derived from the `.npz` files, which are
authoritative. `failed.csv` lists the images on which the detector failed in the last run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock
from torch import Tensor

from memlab.errors import DataError
from memlab.files import fingerprint, make_folder, remove, replacing, write_text
from memlab.masks.base import Mask, require_region
from memlab.masks.store_files import (
    AREA,
    FAILED,
    FILE,
    FORMAT,
    INDEX,
    MASK,
    VERSION,
    read_declared,
    read_index,
    read_masks,
)
from memlab.outputs import require_writable
from memlab.paths import shown

LOCK = ".lock"
_WHEN = "time"
_BESIDE = (_WHEN, "quality")
"""Provenance entries that may differ between two sets of equal masks."""


class MaskStore:
    """Masks on disk. Several processes may add to one store at the same time.

    Args:
        folder: folder of the store; it is made on the first write.

    Raises:
        DataError: if the folder holds other files, or a newer format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.regions: dict[str, dict[str, Any]] = {}
        self.areas: dict[str, dict[str, float]] = {}
        self._dates: dict[Path, int] = {}  # modification times of the files behind `areas`
        if (folder / FILE).is_file():
            self._read_again()
        elif folder.exists() and (not folder.is_dir() or _others(folder)):
            raise DataError(f"{folder}: no mask store (no {FILE}), and not empty; choose another")

    def claim(self, regions: Collection[str], provenance: Mapping[str, Any]) -> None:
        """Record the provenance of some regions.

        Args:
            regions: names of the regions.
            provenance: plain data; the same detector must always give the same.

        Raises:
            DataError: if the store has masks of one of the regions from another detector.
        """
        for region in regions:
            require_region(region, str(self.folder))
        self._require_own(regions, provenance)
        if not set(regions) - set(self.regions):
            return
        with self._alone():
            if (self.folder / FILE).is_file():  # another process has written since
                self.regions = read_declared(self.folder / FILE)
                self._require_own(regions, provenance)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            new = {region: {**provenance, _WHEN: now} for region in regions}
            self.regions = {**new, **self.regions}
            declared = {"format": FORMAT, "version": VERSION, "regions": self.regions}
            write_text(self.folder / FILE, json.dumps(declared, indent=2) + "\n")

    def _require_own(self, regions: Collection[str], provenance: Mapping[str, Any]) -> None:
        for region in regions:
            stored = self.regions.get(region)
            if stored is not None and not _same(stored, provenance):
                raise DataError(
                    f"{self.folder}: {region} are there already, by {_told(stored)}, not by "
                    f"{_told(provenance)}; choose another --out"
                )

    def found_by(self, provenance: Mapping[str, Any]) -> set[str]:
        """Return the regions that a detector has found here before."""
        return {region for region, stored in self.regions.items() if _same(stored, provenance)}

    def write(self, name: str, masks: Mapping[str, Tensor], thumbnail: Tensor) -> None:
        """Add masks of one image to the masks in the store.

        Args:
            name: id of the image.
            masks: claimed regions to (1, H, W) of 0 and 1, all of one size; empty if nothing was
                found.
            thumbnail: thumbnail of the image, as by `thumbnail_of`.

        Raises:
            DataError: if the store has masks of the image of another size.
        """
        path = self.path(name)
        sizes = {tuple(mask.shape[-2:]) for mask in masks.values()}
        with self._alone():
            content = read_masks(path, name) if path.is_file() else {}
            if content:
                sizes.add(tuple(int(side) for side in content["size"]))
            if len(sizes) > 1:
                listed = " and ".join(f"{width} x {height}" for height, width in sorted(sizes))
                raise DataError(
                    f"{path}: masks of {name} are of two sizes, {listed}; give them one"
                )
            for region, mask in masks.items():
                content[MASK + region] = np.packbits(mask.cpu().numpy().astype(bool))
            content |= {
                "id": np.array(name),
                "size": np.array(next(iter(sizes)), dtype=np.int32),
                "thumbnail": thumbnail.numpy(),
            }
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **content)
            self._dates[path] = path.stat().st_mtime_ns
        self.areas[name] = _areas(content)

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """Return the masks of an image that are in the store.

        Raises:
            DataError: if its file is damaged; names the file.
        """
        stored = [region for region in regions if region in self.areas.get(name, ())]
        if not stored:
            return {}
        path = self.path(name)
        content = read_masks(path, name)
        height, width = (int(side) for side in content["size"])
        thumbnail = torch.from_numpy(content["thumbnail"])
        unpacked = {}
        for region in stored:
            bits = content.get(MASK + region, np.zeros(0, dtype=np.uint8))
            share = _share(bits, height * width)
            if not bits.size or not math.isclose(share, self.areas[name][region], abs_tol=1e-9):
                raise DataError(
                    f"{self.folder / INDEX}: {region} of {shown(name)} take "
                    f"{self.areas[name][region]:g} of the image there, {share:g} in {path}; "
                    f"delete {INDEX}, which is made anew"
                )
            unpacked[region] = np.unpackbits(bits, count=height * width)
        return {
            region: Mask(torch.from_numpy(bits.reshape(1, height, width)), str(path), thumbnail)
            for region, bits in unpacked.items()
        }

    def close(self, failures: Mapping[str, str]) -> None:
        """Update the index and the list of failed images.

        Args:
            failures: the error for each failed image, by id.
        """
        if not self.regions:
            return
        with self._alone():
            self._read_again()
            remove(self.folder / FAILED)
            if failures:
                with replacing(self.folder / FAILED) as temporary:
                    lines = pd.DataFrame(list(failures.items()), columns=["id", "reason"])
                    lines.to_csv(temporary, index=False)
            rows = [
                {"id": name, **{AREA + region: share for region, share in sorted(areas.items())}}
                for name, areas in sorted(self.areas.items())
            ]
            with replacing(self.folder / INDEX) as temporary:
                pd.DataFrame(rows).to_csv(temporary, index=False)

    def state(self) -> str:
        """Return a hash of the provenances and all modification times, to detect changes."""
        dates = sorted((path.name, date) for path, date in self._dates.items())
        return fingerprint(json.dumps([self.regions, dates]))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the store, where the file system has locks.

        Raises:
            OutputError: if the folder cannot be written.
        """
        require_writable(self.folder, "the mask store")
        lock = FileLock(make_folder(self.folder) / LOCK)
        with suppress(NotImplementedError, OSError):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def path(self, name: str) -> Path:
        """Return the file of one image's masks."""
        key = sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        return self.folder / "masks" / key[:2] / f"{key[:24]}.npz"

    def _read_again(self) -> None:
        """Read the store again from disk."""
        self.regions = read_declared(self.folder / FILE)
        # hidden files are incomplete files of a process that was killed
        paths = self.folder.glob("masks/*/[!.]*.npz")
        dates = {path: path.stat().st_mtime_ns for path in paths}
        new = {path: date for path, date in dates.items() if self._dates.get(path) != date}
        self.areas |= dict(self._indexed(new))
        self._dates = dates

    def _indexed(self, files: dict[Path, int]) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield each image's areas: from the index if it is newer, else from the file.

        A process that was killed has written files, but no index.
        """
        index = self.folder / INDEX
        if index.is_file():
            age = index.stat().st_mtime_ns
            for name, shares in read_index(index, self.regions).items():
                path = self.path(name)
                # if the index has a gap, only the file shows whether there is a mask
                if files.get(path, age) < age and shares.keys() == self.regions.keys():
                    del files[path]
                    yield name, shares
        for path in files:
            content = read_masks(path)
            name = str(content["id"])
            if self.path(name) != path:
                raise DataError(
                    f"{path}: holds the masks of {shown(name)}, whose file has another name; "
                    "delete it and find them again"
                )
            areas = _areas(content)
            yield name, {region: areas[region] for region in areas if region in self.regions}


def _share(bits: Any, pixels: int) -> float:
    return int(np.bitwise_count(bits).sum()) / pixels


def _areas(content: Mapping[str, Any]) -> dict[str, float]:
    """Return the area share of each region in an image's file."""
    total = int(np.prod(content["size"], dtype=np.int64))
    return {
        key.removeprefix(MASK): _share(content[key], total)
        for key in content
        if key.startswith(MASK)
    }


def _others(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name != LOCK]


def _same(first: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two provenances are of the same detector, or of the same imported masks."""
    pair = [
        {key: value for key, value in each.items() if key not in _BESIDE} for each in (first, other)
    ]
    if all(each.get("plugin") is None and each.get("fingerprint") for each in pair):
        # imported masks are compared by content, not by path
        pair = [{key: each.get(key) for key in ("kind", "fingerprint")} for each in pair]
    return pair[0] == pair[1]


def _told(provenance: Mapping[str, Any]) -> str:
    keys = ("plugin", "version", "arguments", "weights_id", "origin")
    return ", ".join(str(provenance[key]) for key in keys if provenance.get(key)) or "another"
