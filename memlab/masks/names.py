"""Matching of names in a user's file with the images of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import pandas as pd

from memlab.errors import DataError


class Names:
    """Index of images by id, by path, or by the end of either.

    `train2017/0001.jpg`, `0001.jpg` and `0001.png` all match the image `images/0001.jpg`, unless
    another image's path has the same end.

    Args:
        rows: rows of a table, with columns `id` and `image`.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self._exact: dict[str, str] = {}
        self._ends: dict[str, str | None] = {}
        for name, image in zip(rows["id"].astype(str), rows["image"].astype(str), strict=True):
            self._exact[name] = name
            self._exact.setdefault(image, name)
            for end in {*_ends(name), *_ends(image)}:
                self._ends[end] = name if self._ends.get(end, name) == name else None

    def match(self, given: Iterable[str], origin: str) -> tuple[dict[str, str], int]:
        """Match names with images; an image with several candidates gets the most similar name.

        Args:
            given: names or paths.
            origin: file that holds the names, for messages.

        Returns:
            Image ids to names; and the number of names that match no image, or an image that
            another name matches better.

        Raises:
            DataError: if two names match the same image equally well.
        """
        matched: dict[str, tuple[int, str]] = {}
        count = 0
        for name in given:
            count += 1
            image_id, likeness = self._find(name)
            if image_id is None:
                continue
            known, other = matched.get(image_id, (0, ""))
            if likeness == known:
                raise DataError(
                    f"{origin}: {other} and {name} both mean the image {image_id}; give them the "
                    "paths of their images"
                )
            if likeness > known:
                matched[image_id] = likeness, name
        return {image_id: name for image_id, (_, name) in matched.items()}, count - len(matched)

    def _find(self, name: str) -> tuple[str | None, int]:
        name = name.replace("\\", "/")
        if name in self._exact:
            return self._exact[name], len(name) + 1
        end = next((end for end in _ends(name) if end in self._ends), "")
        return self._ends.get(end), len(end)


def _ends(name: str) -> Iterator[str]:
    """Yield the ends of a path, the longest first: with suffix, then without."""
    whole = PurePosixPath(name)
    if not whole.name:  # "" and "/" name no image
        return
    for path in (whole, whole.with_suffix("")):
        for start in range(len(path.parts)):
            yield "/".join(path.parts[start:])
