"""Masks in a COCO file: polygons and run lengths, a region for each category."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memlab.errors import DataError, MaskError
from memlab.imaging.decode import upright_size
from memlab.masks.base import EmptyMasks, Mask, MaskSource, region_name, require_shape
from memlab.masks.coco_outlines import LARGEST, Outline, holds_pixels, outlines_of, size_of, united
from memlab.masks.names import Names
from memlab.paths import shown

NO_OBJECTS = ("people", "faces", "text", "background")
"""Categories that are not part of `objects`. If a file has no category `objects`, that region is
the union of all other categories.
"""


@dataclass
class _Drawn:
    """Outlines drawn on one image."""

    name: str
    size: tuple[int, int] | None
    outlines: dict[str, list[Outline]] = field(default_factory=lambda: defaultdict(list))


class CocoMasks(MaskSource):
    """Masks of a COCO file, `{"images": ..., "annotations": ..., "categories": ...}`.

    Every image that the file lists counts as annotated for every category. Outlines of one category
    are united, including crowds. An annotation without an outline counts as its bounding box.

    The sizes in the file are compared with those of the images before a mask is allocated.

    Args:
        path: the JSON file.
        names: the images of the data set; annotations of other images are ignored.
        files: files of the images, by id.
        empty: meaning of an image that the file does not list: `none` (it has none of the regions)
            or `unknown` (it is not annotated).

    Raises:
        DataError: if the file cannot be read as COCO, or has no image of the data set.
    """

    def __init__(
        self,
        path: Path,
        names: Names,
        files: Mapping[str, Path],
        empty: EmptyMasks = "unknown",
    ) -> None:
        self.origin = str(path)
        self.empty = empty
        self._files = files
        self._having: dict[str, frozenset[str]] = {}
        content = _content(path)
        self.fingerprint = sha256(content).hexdigest()[:16]
        tree = _tree(path, content)
        self.boxes = 0
        try:
            self._drawn, ids = self._images(tree["images"], names)
            categories = self._categories(tree["categories"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}: not a COCO file: {_reason(error)}") from error
        self._union = "objects" not in categories.values()
        for index, annotation in enumerate(tree["annotations"]):
            self._add(annotation, index, ids, categories)
        regions = list(dict.fromkeys(categories.values()))
        others = [region for region in regions if region not in NO_OBJECTS]
        self.regions = (*regions, *(["objects"] if self._union and others else []))
        if not self.regions:
            raise DataError(f"{path}: no categories in it, so no regions")

    @property
    def listed(self) -> int:
        """Number of images of the data set that the file lists."""
        return len(self._drawn)

    def annotated(self, region: str) -> Collection[str]:
        """See `MaskSource.annotated`."""
        return self._files.keys() if self.empty == "none" else self._drawn.keys()

    def having(self, region: str) -> Collection[str]:
        """See `MaskSource.having`."""
        if region not in self._having:
            self._having[region] = frozenset(
                name for name, drawn in self._drawn.items() if self._holds(name, drawn, region)
            )
        return self._having[region]

    def read(self, name: str, regions: Sequence[str]) -> dict[str, Mask]:
        """See `MaskSource.read`."""
        drawn = self._drawn.get(name)
        if drawn is None:
            return {}
        file = f"{self.origin}: {drawn.name}"
        try:
            size = self._size(name, drawn)
            inside = {region: _inside(drawn, region, size) for region in regions}
        except (ValueError, TypeError, KeyError) as error:
            raise MaskError(f"{file}: an outline cannot be read: {_reason(error)}") from error
        return {region: Mask(mask, file) for region, mask in inside.items()}

    def _holds(self, name: str, drawn: _Drawn, region: str) -> bool:
        outlines = drawn.outlines.get(region)
        if not outlines:
            return False
        try:
            size = self._size(name, drawn)
        except (DataError, ValueError):
            return True
        return size is not None and holds_pixels(outlines, size)

    def _size(self, name: str, drawn: _Drawn) -> tuple[int, int] | None:
        """Return height and width of an image's masks, from the file or else from the image.

        Raises:
            MaskError: if the image has another shape, or the masks are much too large for it.
        """
        outlines = [outline for group in drawn.outlines.values() for outline in group]
        sizes = (outline["size"] for outline in outlines if isinstance(outline, dict))
        size = drawn.size or next(sizes, None)
        path = self._files.get(name)
        image = upright_size(path) if path is not None and path.is_file() else None
        if size is None:
            if image is None and outlines:
                raise ValueError("the image's width and height are missing")
            return None if image is None else (image[1], image[0])
        file = f"{self.origin}: {drawn.name}"
        if image is not None:
            require_shape((size[1], size[0]), file, image, drawn.name)
        if size[0] * size[1] > max(LARGEST, 0 if image is None else image[0] * image[1]):
            image_size = "" if image is None else f", its image {image[0]} x {image[1]}"
            raise MaskError(
                f"{file}: the mask is {size[1]} x {size[0]} pixels{image_size}: correct width and "
                "height in the file"
            )
        return size

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
            "empty": self.empty,
        }

    def _categories(self, categories: Any) -> dict[Any, str]:
        regions: dict[Any, str] = {}
        for category in categories:
            region = region_name(str(category["name"]), self.origin)
            if regions.setdefault(category["id"], region) != region:
                raise DataError(f"{self.origin}: two categories have the id {category['id']!r:.40}")
        return regions

    def _images(self, images: Any, names: Names) -> tuple[dict[str, _Drawn], dict[Any, str | None]]:
        files = Counter(str(entry["file_name"]) for entry in images)
        twice = next((file for file, count in files.items() if count > 1), None)
        if twice is not None:
            raise DataError(f"{self.origin}: lists the image {shown(twice)} twice; unite the two")
        matched, self.unknown = names.match(
            (str(entry["file_name"]) for entry in images), self.origin
        )
        known = {file: name for name, file in matched.items()}
        drawn: dict[str, _Drawn] = {}
        ids: dict[Any, str | None] = {}
        for image in images:
            file = str(image["file_name"])
            if image["id"] in ids:
                raise DataError(f"{self.origin}: two images have the id {image['id']!r:.40}")
            name = ids[image["id"]] = known.get(file)
            if name is None:
                continue
            size = size_of(image.get("width"), image.get("height"))
            drawn[name] = _Drawn(file, size)
        if not drawn:
            such = f" (such as {images[0]['file_name']!s:.80})" if images else ""
            raise DataError(
                f"{self.origin}: none of its {len(images)} images{such} is in the data set; "
                "their file_name must be the path or name of an image"
            )
        return drawn, ids

    def _add(
        self, annotation: Any, index: int, ids: dict[Any, str | None], categories: dict[Any, str]
    ) -> None:
        where = f"{self.origin}: annotation {index + 1}"
        try:
            where += f" (id {annotation['id']!s:.40})" if "id" in annotation else ""
            image, category = annotation["image_id"], annotation["category_id"]
            for key, value, known in (("image", image, ids), ("category", category, categories)):
                if not isinstance(value, int | float | str) or value not in known:
                    raise DataError(
                        f"{where}: its {key}_id {value!r:.40} is not among those of the file"
                    )
            name = ids[image]
            if name is None:
                return
            outlines = outlines_of(annotation)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{where}: cannot be read: {_reason(error)}") from error
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
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from error
    parts = ("images", "annotations", "categories")
    lists = isinstance(tree, dict) and all(isinstance(tree.get(part), list) for part in parts)
    if not lists:
        raise DataError(
            f"{path}: not a COCO file: it has no lists {', '.join(parts)}; a list of detections "
            "alone does not say on which images they are"
        )
    found: dict[str, Any] = tree
    return found


def _inside(drawn: _Drawn, region: str, size: tuple[int, int] | None) -> torch.Tensor:
    outlines = drawn.outlines.get(region)
    if not outlines or size is None:
        return torch.zeros(1, 1, 1, dtype=torch.uint8)  # empty at every size
    return torch.from_numpy(united(outlines, size).astype(np.uint8))[None]


def _reason(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)
