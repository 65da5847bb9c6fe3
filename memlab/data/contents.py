"""Checksums of image files, which identify an image independently of its name. No torch."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from memlab.checksums import file_sha256
from memlab.progress import progress

THREADS = 8


def content_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex, or "" if it is not a regular, readable file."""
    try:
        if not path.is_file():  # reading a pipe would never end
            return ""
        return file_sha256(path)
    except OSError:
        return ""


def contents_of(paths: Sequence[Path], shown: bool = True) -> list[str]:
    """Return the SHA-256 of each file, in order, with a progress bar.

    Args:
        paths: image files; each is read once.
        shown: whether progress is shown.
    """
    found = []
    with (
        ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool,
        progress("Reading checksums", len(paths), shown) as advance,
    ):
        for content in pool.map(content_of, paths):
            found.append(content)
            advance(1)
    return found


def twins(names: Sequence[str], paths: Sequence[Path]) -> dict[str, frozenset[str]]:
    """Return, for each image that has copies, the names of all its copies, itself included.

    Only files that share their size with another file are read.

    Args:
        names: names of the images.
        paths: paths of their files, in the same order.
    """
    sizes = _groups(names, [_size(path) for path in paths])
    where = dict(zip(names, paths, strict=True))
    found: dict[str, frozenset[str]] = {}
    for same_size in sizes.values():
        if len(same_size) > 1:
            found |= same({name: content_of(where[name]) for name in same_size})
    return found


def same(contents: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return, for each name whose content is not unique, all names with that content."""
    groups = _groups(list(contents), list(contents.values()))
    together = [frozenset(group) for group in groups.values() if len(group) > 1]
    return {name: group for group in together for name in group}


def copies_among(
    ids: Sequence[str], images: Sequence[str], root: Path, contents: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """Return, for each image with copies among these images, the names of all that are equal.

    Args:
        ids: names of the images.
        images: their paths below `root`.
        root: folder of the paths.
        contents: SHA-256 by path where it is known; files are compared if it is empty.
    """
    if contents:
        return same(dict(zip(ids, (contents.get(image, "") for image in images), strict=True)))
    return twins(ids, [root / image for image in images])


def _groups(names: Sequence[str], keys: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, key in zip(names, keys, strict=True):
        if key:
            groups[key].append(name)
    return groups


def _size(path: Path) -> str:
    try:
        return str(path.stat().st_size)
    except OSError:
        return ""
