"""Files of a mask store, validated as untrusted input; errors name the damaged file.

Region names become parts of paths, and sizes become allocations, so both are checked before use.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memlab.errors import DataError
from memlab.masks.base import THUMBNAIL, require_region

FILE = "store.json"
INDEX = "index.csv"
FAILED = "failed.csv"
FORMAT = "memlab mask store"
VERSION = 1
MASK = "mask_"
AREA = "area_"
LARGEST = 2**28
"""Maximum number of pixels of an image; Pillow refuses to decode larger images, too."""

_COUNTS = ("there", "found", "marked", "right")


def read_declared(path: Path) -> dict[str, dict[str, Any]]:
    """Read `store.json`: region to its provenance.

    Raises:
        DataError: if the file is no `store.json`, is damaged, or of a newer memlab; names the file.
    """
    try:
        declared = json.loads(path.read_text(encoding="utf-8"))
        if declared["format"] != FORMAT:
            raise ValueError("another format")
        version, regions = declared["version"], declared["regions"]
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise ValueError(f"version {version!r}")
        if version <= VERSION:
            if not isinstance(regions, dict):
                raise ValueError("regions is no mapping")
            for region, provenance in regions.items():
                _require_provenance(region, provenance)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error).splitlines()[0]
        raise DataError(
            f"{path}: not a mask store of memlab, or damaged ({reason}); find the masks anew"
        ) from error
    if version > VERSION:
        raise DataError(f"{path}: format {version}, of a newer memlab; this one reads {VERSION}")
    for region in regions:
        require_region(region, str(path))
    return dict(regions)


def _require_provenance(region: str, provenance: Any) -> None:
    while True:
        if not isinstance(provenance, dict):
            raise ValueError(f"what found {region[:80]!r} is no mapping")
        quality = provenance.get("quality") or []
        for entry in quality if isinstance(quality, list) else [None]:
            known = entry if isinstance(entry, dict) else {}
            counts = all(isinstance(known.get(name), int) for name in _COUNTS)
            if not counts or not {"region", "on"} <= known.keys():
                raise ValueError(f"the quality of {region[:80]!r} is no list of counts")
        threshold = provenance.get("threshold")
        if not (threshold is None or isinstance(threshold, int | float)):
            raise ValueError(f"the threshold of {region[:80]!r} is no number")
        if not isinstance(provenance.get("corrected", {}), dict):
            raise ValueError(f"what was corrected of {region[:80]!r} is no mapping")
        if "found_by" not in provenance:
            return
        provenance = provenance["found_by"]


def read_index(path: Path, regions: Collection[str]) -> dict[str, dict[str, float]]:
    """Read `index.csv`: image id to the area share of each region.

    Raises:
        DataError: if it is damaged; the user may delete it, because it is derived from the mask
            files.
    """
    remedy = f"delete it: {INDEX} is made anew from the masks"
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "id" not in table or table["id"].duplicated().any():
            raise ValueError("no column id, or one id twice")
        known = [region for region in regions if AREA + region in table]
        shares = {
            region: pd.to_numeric(table[AREA + region].replace("", None)).astype(float)
            for region in known
        }
        for region, column in shares.items():
            if not column.dropna().between(0, 1).all():
                raise ValueError(f"{AREA}{region} is not between 0 and 1")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: damaged ({str(error).splitlines()[0]}); {remedy}") from error
    areas: dict[str, dict[str, float]] = {str(name): {} for name in table["id"]}
    for region, column in shares.items():
        for name, share in zip(table["id"], column, strict=True):
            if not pd.isna(share):
                areas[str(name)][region] = float(share)
    return areas


def read_masks(path: Path, name: str | None = None) -> dict[str, Any]:
    """Read the masks of one image, a bit per pixel.

    Args:
        path: the file.
        name: id that the file must hold; any by default.

    Returns:
        `id`, `size` (height, width), `thumbnail` (64,) uint8, and `mask_REGION` with one bit per
        pixel.

    Raises:
        DataError: if the file is damaged, or of another image; names the file.
    """
    try:
        if not path.is_file():  # reading a pipe would block
            raise ValueError("no such file")
        with zipfile.ZipFile(path) as file:  # before anything is unpacked
            if any(member.file_size > LARGEST // 8 + 4096 for member in file.infolist()):
                raise ValueError(f"masks of more than {LARGEST} pixels")
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            content = {key: arrays[key] for key in arrays.files}
        _require_arrays(content)
        if name is not None and str(content["id"]) != name:
            raise ValueError(f"they are of {str(content['id'])[:80]!r}")
    # zipfile and NumPy raise many exception types on a damaged file
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path}: masks cannot be read: {reason}; delete the file and find them again"
        ) from error
    return content


def _require_arrays(content: Mapping[str, Any]) -> None:
    if not {"id", "size", "thumbnail"} <= set(content):
        raise ValueError("something is missing in it")
    if content["id"].dtype.kind != "U" or content["id"].shape != ():
        raise ValueError("its id is no text")
    size = content["size"]
    if size.shape != (2,) or size.dtype.kind not in "iu" or (size < 1).any():
        raise ValueError("its size is not a height and a width")
    pixels = int(size[0]) * int(size[1])
    if pixels > LARGEST:
        raise ValueError(f"its size is {size[1]} x {size[0]} pixels, more than {LARGEST}")
    thumbnail = content["thumbnail"]
    if thumbnail.shape != (THUMBNAIL**2,) or thumbnail.dtype != np.uint8:
        raise ValueError("its thumbnail is no 8 x 8 greys")
    for key, bits in content.items():
        if key.startswith(MASK) and (bits.dtype != np.uint8 or bits.shape != (-(-pixels // 8),)):
            raise ValueError(f"{key[:80]} does not fill {size[1]} x {size[0]} pixels")
