"""Which image of a data set a name in somebody's file means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import pandas as pd

from memlab.errors import DataError


class Names:
    """Finds images by their ids, by their paths, or by the end of either.

    `train2017/0001.jpg`, `0001.jpg` and `0001.png` all mean the image `images/0001.jpg`, as long
    as no other image's path ends so.

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
        """The images that some names mean, each the image whose path is most like it.

        Args:
            given: names or paths.
            origin: where they stand, for messages.

        Returns:
            Image ids to names; and how many names mean no image, or one that another fits
            better.

        Raises:
            DataError: if two names mean the same image equally well.
        """
        matched: dict[str, tuple[int, str]] = {}
        count = 0
        for name in given:
            count += 1
            found, likeness = self._find(name)
            if found is None:
                continue
            known, other = matched.get(found, (0, ""))
            if likeness == known:
                raise DataError(
                    f"{origin}: {other} and {name} both mean the image {found}; give them the "
                    "paths of their images"
                )
            if likeness > known:
                matched[found] = likeness, name
        return {found: name for found, (_, name) in matched.items()}, count - len(matched)

    def _find(self, name: str) -> tuple[str | None, int]:
        name = name.replace("\\", "/")
        if name in self._exact:
            return self._exact[name], len(name) + 1
        end = next((end for end in _ends(name) if end in self._ends), "")
        return self._ends.get(end), len(end)


def _ends(name: str) -> Iterator[str]:
    """The ends of a path, the longest first: with their suffix, then without."""
    whole = PurePosixPath(name)
    if not whole.name:  # of "" and "/" no image is called
        return
    for path in (whole, whole.with_suffix("")):
        for start in range(len(path.parts)):
            yield "/".join(path.parts[start:])
