"""File of features that earlier runs computed, one row per image."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from memlab.files import fingerprint, replacing, state_of


def image_key(path: Path) -> str:
    """Return the key of an image: 16 hex digits of its path, size and modification time."""
    return fingerprint(f"{path.resolve()}\0{state_of(path)}")


def read_features(path: Path) -> dict[str, np.ndarray]:
    """Return the kept features (D,) by image key; empty if the file is missing or damaged.

    A damaged file is reported on stderr.
    """
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as content:
            keys, values = content["images"], content["features"]
            checksum = str(content["checksum"])
        if values.dtype != np.float32 or values.ndim != 2 or keys.shape != (len(values),):
            raise ValueError(f"features of shape {values.shape} for {keys.shape} images")
        if checksum != _checksum(keys, values) or not np.isfinite(values).all():
            raise ValueError("its checksum does not match")
    except Exception as error:  # zipfile and NumPy raise many exception types on a damaged file
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        print(  # noqa: T201
            f"memlab: {path}: damaged ({first}); the features are computed again", file=sys.stderr
        )
        return {}
    return dict(zip(keys.tolist(), values, strict=True))


def add_features(path: Path, new: Mapping[str, np.ndarray]) -> None:
    """Add features (D,) of images to the file, by image key.

    The file is complete at all times. If two processes add at once, the rows of one are lost and
    computed again later.
    """
    together = {**read_features(path), **new}
    keys, values = np.array(list(together)), np.stack(list(together.values()))
    with replacing(path) as temporary, temporary.open("wb") as file:
        checksum = np.array(_checksum(keys, values))
        np.savez(file, images=keys, features=values, checksum=checksum)


def _checksum(keys: np.ndarray, values: np.ndarray) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(values).data, zlib.crc32(keys.tobytes())):08x}"
