"""Masks as users pass them in Python: a path, or arrays by region."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from memlab.errors import DataError, MaskError
from memlab.masks.base import Mask, MaskSource, region_name
from memlab.masks.open import open_masks

Masks = str | Path | Mapping[str, Any]
"""Masks of images: a path that `memlab.masks.open.open_masks` reads, or region to a mask per image:
(n, H, W), or a list of (H, W) with None for an image that is not annotated. A mask is True, 1, 255
or a float of at least 0.5 inside the region. It has its image's size, or that size scaled evenly.
"""


class GivenMasks(MaskSource):
    """Masks in memory.

    Args:
        masks: region to a mask per image, as in `Masks`.
        ids: ids of the images, in the order of the masks.

    Raises:
        DataError: if a region's masks do not match the images in number, a region is given twice
            under two names, or an image is given twice.
    """

    origin = "masks"

    def __init__(self, masks: Mapping[str, Any], ids: Sequence[str]) -> None:
        self._masks: dict[str, dict[str, Any]] = {}
        self._having: dict[str, frozenset[str]] = {}
        for region, masks_of_region in masks.items():
            name = region_name(region, "masks")
            if not hasattr(masks_of_region, "__len__") or len(masks_of_region) != len(ids):
                count = len(masks_of_region) if hasattr(masks_of_region, "__len__") else "no"
                raise DataError(
                    f"masks of {region!r}: {count} for {len(ids)} images; give one an image, "
                    "None where an image is not annotated"
                )
            if name in self._masks:
                raise DataError(f"masks of {region!r}: {name!r} is given, too; unite them")
            named = zip(ids, masks_of_region, strict=True)
            self._masks[name] = {image_id: mask for image_id, mask in named if mask is not None}
        self.regions = tuple(self._masks)
        if len(set(ids)) < len(ids):
            raise DataError("masks: an image is given twice; give it once")

    def annotated(self, region: str) -> Collection[str]:
        """See `MaskSource.annotated`."""
        return self._masks[region].keys()

    def having(self, region: str) -> Collection[str]:
        """See `MaskSource.having`."""
        if region not in self._having:
            self._having[region] = frozenset(
                name for name, mask in self._masks[region].items() if not _empty(mask)
            )
        return self._having[region]

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """See `MaskSource.read`."""
        return {
            region: Mask(_inside(self._masks[region][name], origin), origin)
            for region in regions
            for origin in [f"masks of {region!r}"]
            if name in self._masks[region]
        }

    def paths(self, region: str) -> Collection[Path]:
        """Return no paths: the masks are in memory."""
        return ()

    def describe(self, region: str) -> dict[str, Any]:
        """See `MaskSource.describe`."""
        return {"kind": "given", "origin": self.origin, "unknown_files": 0}


def masks_of(masks: Masks, ids: Sequence[str], files: bool) -> MaskSource:
    """Return the mask source for images outside a data set.

    Args:
        masks: masks as users pass them.
        ids: ids of the images.
        files: whether the ids are paths.

    Raises:
        DataError: if they are not masks of these images.
    """
    if isinstance(masks, Mapping):
        return GivenMasks(masks, ids)
    if not isinstance(masks, str | Path):
        raise DataError(
            f"masks: {type(masks).__name__} is neither a path nor a dict of region to masks"
        )
    if not files:
        raise DataError(
            f"masks {masks}: these images have no names; give a dict of region to masks"
        )
    return open_masks(Path(masks), pd.DataFrame({"id": list(ids), "image": list(ids)}))


def _empty(mask: Any) -> bool:
    try:
        return not bool(_inside(mask, "").any())
    except DataError:  # reading the mask raises the error
        return False


def _inside(mask: Any, origin: str) -> Tensor:
    """Convert a mask to (1, H, W) uint8 of 0 and 1."""
    try:
        values = (
            mask.detach().cpu() if isinstance(mask, Tensor) else torch.as_tensor(np.array(mask))
        )
    except (TypeError, ValueError, RuntimeError) as error:
        raise MaskError(f"{origin}: {type(mask).__name__} is no mask; give (H, W)") from error
    values = values[0] if values.ndim == 3 and values.shape[0] == 1 else values
    if values.ndim != 2 or values.numel() == 0:
        raise MaskError(f"{origin}: shape {tuple(values.shape)} is no mask; give (H, W)")
    if values.dtype == torch.bool:
        return values[None].byte()
    least, most = (float(end) for end in values.aminmax())
    whole = 255 if not values.is_floating_point() and most > 1 else 1
    if not 0 <= least <= most <= whole:
        raise MaskError(
            f"{origin}: values {least:g} to {most:g}; give True and False, 0 and 1, or 0 and 255"
        )
    return (values >= whole / 2)[None].byte()
