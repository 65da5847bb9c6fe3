"""Masks in a COCO file: polygons and run lengths, a region for each category."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from memlab.errors import DataError
from memlab.regions.base import Mask, MaskSource, region_name
from memlab.regions.names import Names
from memlab.regions.outlines import polygon, run_lengths, uncompressed

NO_OBJECTS = ("people", "faces", "text", "background")
"""Categories that are not part of `objects`, which a file without such a category has all the same:
it is everything else that was drawn."""

Outline = NDArray[np.float64] | dict[str, Any]
"""The corners of a polygon, or run lengths as COCO writes them."""


@dataclass
class _Drawn:
    """What was drawn on one picture."""

    name: str
    size: tuple[int, int] | None
    outlines: dict[str, list[Outline]] = field(default_factory=lambda: defaultdict(list))


class CocoMasks(MaskSource):
    """The masks of a COCO file, `{"images": ..., "annotations": ..., "categories": ...}`.

    Every picture that the file lists was looked at for every category. Outlines of one category
    are united, crowds too; an annotation without an outline counts as its bounding box.

    Args:
        path: the JSON file.
        names: the pictures of the data set; what is drawn on others is left out.

    Raises:
        DataError: if the file cannot be read as COCO, or has no picture of the data set.
    """

    def __init__(self, path: Path, names: Names) -> None:
        self.origin = str(path)
        content = _content(path)
        self.fingerprint = sha256(content).hexdigest()[:16]
        tree = _tree(path, content)
        self.boxes = 0
        try:
            self._drawn, ids = self._images(tree["images"], names)
            categories = {
                one["id"]: region_name(str(one["name"]), self.origin) for one in tree["categories"]
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}: not a COCO file: {_reason(error)}") from error
        self._union = "objects" not in categories.values()
        for place, annotation in enumerate(tree["annotations"]):
            self._add(annotation, place, ids, categories)
        regions = list(dict.fromkeys(categories.values()))
        others = [region for region in regions if region not in NO_OBJECTS]
        self.regions = (*regions, *(["objects"] if self._union and others else []))
        if not self.regions:
            raise DataError(f"{path}: no categories in it, so no regions")

    def looked_at(self, region: str) -> Collection[str]:
        """See `MaskSource.looked_at`."""
        return self._drawn.keys()

    def having(self, region: str) -> Collection[str]:
        """See `MaskSource.having`."""
        return {name for name, drawn in self._drawn.items() if drawn.outlines.get(region)}

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """See `MaskSource.read`."""
        drawn = self._drawn.get(name)
        if drawn is None:
            return {}
        file = f"{self.origin}: {drawn.name}"
        try:
            return {region: Mask(_united(drawn, region), file) for region in regions}
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{file}: an outline cannot be read: {_reason(error)}") from error

    def paths(self, region: str) -> Collection[Path]:
        """See `MaskSource.paths`."""
        return [Path(self.origin)]

    def describe(self, region: str) -> dict[str, Any]:
        """See `MaskSource.describe`."""
        return {
            "kind": "COCO",
            "origin": self.origin,
            "fingerprint": self.fingerprint,
            "unknown_files": self.unknown,
            "boxes": self.boxes,
        }

    def _images(self, images: Any, names: Names) -> tuple[dict[str, _Drawn], dict[Any, str | None]]:
        matched, self.unknown = names.match((str(one["file_name"]) for one in images), self.origin)
        known = {file: name for name, file in matched.items()}
        drawn: dict[str, _Drawn] = {}
        ids: dict[Any, str | None] = {}
        for image in images:
            file = str(image["file_name"])
            name = ids[image["id"]] = known.get(file)
            if name is None:
                continue
            size = None
            if image.get("height") and image.get("width"):
                size = int(image["height"]), int(image["width"])
            drawn[name] = _Drawn(file, size)
        if not drawn:
            shown = f" (such as {images[0]['file_name']})" if images else ""
            raise DataError(
                f"{self.origin}: none of its {len(images)} pictures{shown} is in the data set; "
                "their file_name must be the path or name of a picture"
            )
        return drawn, ids

    def _add(
        self, annotation: Any, place: int, ids: dict[Any, str | None], categories: dict[Any, str]
    ) -> None:
        where = f"{self.origin}: annotation {place + 1}"
        try:
            where += f" (id {annotation['id']})" if "id" in annotation else ""
            image, category = annotation["image_id"], annotation["category_id"]
            outlines = _outlines(annotation)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: cannot be read: {_reason(error)}") from error
        for key, value, known in (("image", image, ids), ("category", category, categories)):
            if not isinstance(value, int | float | str) or value not in known:
                raise DataError(f"{where}: its {key}_id {value!r} is not among those of the file")
        name = ids[image]
        if name is None:
            return
        self.boxes += not annotation.get("segmentation")
        region = categories[category]
        self._drawn[name].outlines[region] += outlines
        if self._union and region not in NO_OBJECTS:
            self._drawn[name].outlines["objects"] += outlines


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not content.strip():
        raise DataError(f"{path}: an empty file; export the masks anew")
    return content


def _tree(path: Path, content: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(content)
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    parts = ("images", "annotations", "categories")
    lists = isinstance(tree, dict) and all(isinstance(tree.get(part), list) for part in parts)
    if not lists:
        raise DataError(
            f"{path}: not a COCO file: it has no lists {', '.join(parts)}; a list of detections "
            "alone does not say on which pictures they are"
        )
    found: dict[str, Any] = tree
    return found


def _outlines(annotation: dict[str, Any]) -> list[Outline]:
    drawn = annotation.get("segmentation")
    if isinstance(drawn, dict):
        return [{"size": drawn["size"], "counts": drawn["counts"]}]
    if not drawn:
        left, top, width, height = (float(side) for side in annotation["bbox"])
        right, bottom = left + width, top + height
        drawn = [[left, top, right, top, right, bottom, left, bottom]]
    return [np.asarray(points, dtype=np.float64).reshape(-1, 2) for points in drawn]


def _united(drawn: _Drawn, region: str) -> torch.Tensor:
    outlines = drawn.outlines.get(region, [])
    size = drawn.size
    for outline in outlines:
        if size is None and isinstance(outline, dict):
            size = int(outline["size"][0]), int(outline["size"][1])
    if size is None:
        if outlines:
            raise ValueError("the picture's width and height are missing")
        size = 1, 1
    inside = np.zeros(size, dtype=bool)
    for outline in outlines:
        if isinstance(outline, dict):
            if tuple(outline["size"]) != size:
                raise ValueError(f"its size {outline['size']} is not the picture's {list(size)}")
            counts = outline["counts"]
            runs = uncompressed(counts) if isinstance(counts, str) else counts
            inside |= run_lengths(runs, *size)
        else:
            inside |= polygon(outline.ravel().tolist(), *size)
    return torch.from_numpy(inside.astype(np.uint8))[None]


def _reason(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)
