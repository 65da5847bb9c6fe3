"""Filling of a mask store, by a detector or from existing masks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from memlab.data.geometry import squashed_mask
from memlab.data.table import Table
from memlab.errors import DataError, MemlabError, OutputError, PluginError
from memlab.imaging.decode import decode, upright_size
from memlab.imaging.pixels import to_unit
from memlab.masks.base import NAMES, RESERVED, Mask, region_name, require_fit, thumbnail_of
from memlab.masks.store import MaskStore

Detector = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass
class Filled:
    """Counts of the images of a data set.

    Args:
        added: number of images that were added to the store.
        there: number of images that were in the store before.
        failures: the error for each image that was not added, by id.
        regions: regions of the detector or of the imported masks.
    """

    added: int = 0
    there: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    regions: set[str] = field(default_factory=set)


def find_regions(
    table: Table,
    detector: Detector,
    provenance: Mapping[str, Any],
    store: MaskStore,
    device: str = "cpu",
    advance: Callable[[int], None] = lambda _: None,
) -> Filled:
    """Detect regions in every image that the store does not have yet.

    The detector gets one upright image at a time, at its original size. An image that cannot be
    read, or on which the detector fails, is left out of the store; the next call tries it again.

    Args:
        table: the images.
        detector: called with (1, 3, H, W) images in [0, 1]; returns names and (1, 1, H, W) masks.
        provenance: provenance of the detector, kept with the masks.
        store: store to fill.
        device: device that the images are moved to for the detector.
        advance: called with the number of images done since the last call.

    Raises:
        DataError: if the store has masks of the same regions from another detector.
        PluginError: if the output of the detector violates its contract.
    """
    filled = Filled(regions=store.found_by(provenance))
    try:
        for name, image in _images(table):
            known = store.areas.get(name, {})
            if filled.regions and filled.regions <= known.keys():
                filled.there += 1
            else:
                try:
                    pixels = decode(table.root / image)
                    detected = _found(detector, to_unit(pixels[None]).to(device))
                except PluginError:
                    raise
                except Exception as error:  # third-party code may raise anything
                    filled.failures[name] = _reason(error, name)
                else:
                    _require_same(detected, filled.regions, detector, name)
                    store.claim(detected, provenance)
                    store.write(name, detected, thumbnail_of(pixels))
                    filled.regions |= detected.keys()
                    filled.added += 1
            advance(1)
    finally:  # finished images are kept, also after Ctrl-C
        store.close(filled.failures)
    return filled


def import_masks(
    table: Table, store: MaskStore, advance: Callable[[int], None] = lambda _: None
) -> Filled:
    """Pack the masks of a table into a store, at the size of the upright images.

    Args:
        table: the images, with masks.
        store: store to fill.
        advance: called with the number of images done since the last call.

    Raises:
        DataError: if the store has masks of the same regions from another source.
    """
    filled = Filled(regions=set(table.regions))
    for region, source in table.masks.items():
        store.claim([region], {"plugin": None, **source.describe(region)})
    sources: dict[Any, list[str]] = {}
    for region, source in table.masks.items():
        sources.setdefault(source, []).append(region)
    annotated = {region: set(source.annotated(region)) for region, source in table.masks.items()}
    absent = Mask(torch.zeros(1, 1, 1, dtype=torch.uint8), "masks")
    try:
        for name, image in _images(table):
            try:
                masks = {region: absent for region, names in annotated.items() if name in names}
                masks |= {
                    region: mask
                    for source, regions in sources.items()
                    for region, mask in source.read(name, regions).items()
                }
                if masks:
                    path = table.root / image
                    pixels, size = decode(path), upright_size(path)
                    for mask in masks.values():
                        require_fit(mask, image, size, pixels)
                    inside = {
                        region: squashed_mask(mask.inside, (size[1], size[0]))
                        for region, mask in masks.items()
                    }
                    store.write(name, inside, thumbnail_of(pixels))
                    filled.added += 1
            except OutputError:  # the image is not the cause, and the next would fail, too
                raise
            except MemlabError as error:
                filled.failures[name] = str(error)
            advance(1)
    finally:
        store.close(filled.failures)
    return filled


def _images(table: Table) -> list[tuple[str, str]]:
    rows = table.rows.drop_duplicates("id")
    return list(zip(rows["id"].astype(str), rows["image"].astype(str), strict=True))


@torch.no_grad()
def _found(detector: Detector, images: Tensor) -> dict[str, Tensor]:
    masks = detector(images)
    shape = (1, 1, *images.shape[-2:])
    if not isinstance(masks, Mapping) or not masks:
        raise PluginError(
            f"{_name(detector)}: returns no masks by name, but {type(masks).__name__}"
        )
    detected = {}
    for region, mask in masks.items():
        if region in RESERVED or region != region_name(str(region), _name(detector)):
            known = NAMES.get(str(region))
            problem = f"is called {known!r}" if known else "is no name for a region"
            raise PluginError(f"{_name(detector)}: {region!r} {problem}")
        if not isinstance(mask, Tensor) or tuple(mask.shape) != shape:
            returned = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
            raise PluginError(f"{_name(detector)}: mask {region!r} is {returned}, not {shape}")
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise PluginError(f"{_name(detector)}: mask {region!r} has other values than 0 and 1")
        detected[str(region)] = mask[0].to("cpu", torch.uint8)
    return detected


def _require_same(
    detected: Collection[str], regions: Collection[str], detector: Detector, image: str
) -> None:
    """Raise if an image has other regions than before: every call would process it again."""
    if regions and set(detected) != set(regions):
        raise PluginError(
            f"{_name(detector)}: found {', '.join(sorted(detected))} in {image}, and "
            f"{', '.join(sorted(regions))} before; return a mask of every region, empty where "
            "nothing is found"
        )


def _name(detector: Any) -> str:
    return type(detector).__name__


def _reason(error: Exception, name: str) -> str:
    if isinstance(error, DataError):
        return str(error)
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{name}: {type(error).__name__}: {first}"
