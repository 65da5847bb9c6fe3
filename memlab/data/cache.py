"""Decoded images on disk, so that only the first epoch decodes."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
import weakref
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memlab.data.geometry import Geometry
from memlab.errors import DataError
from memlab.files import fingerprint, make_folder
from memlab.imaging.decode import decoder

_HEADER = 4096
_MARK = 8  # bytes before the pixels of a slot: a checksum, and that it was written at all
_WRITTEN = 1 << 32


class ImageCache:
    """One file with a slot per image: its pixels at the model's size, and a checksum.

    A slot is filled when its image is first decoded. The checksum covers the pixels
    and what they were made from: the path of the image below its root, its size and time, the
    decoder and the geometry. A slot that was half written, or whose image changed since, does not
    match; the image is then decoded again. So any number of processes may fill one file, without
    locks, and be killed at any moment. Other images, another size or another decoder have a
    file of their own. The file is read and written, not mapped: a broken disk is then an error that
    can be handled, and does not kill the process. In a process, one thread at a time may use it.

    Args:
        folder: where the file is, or is made; its disk space is taken at once.
        root: folder that the paths are relative to.
        images: paths of all images of the data set.
        geometry: how they come to size.

    Raises:
        DataError: if the file cannot be made, or something else has its name.
    """

    def __init__(self, folder: Path, root: Path, images: Sequence[str], geometry: Geometry) -> None:
        names = sorted(set(images))
        self.geometry = geometry
        self.shape = (3, geometry.size, geometry.size)
        self._bytes = 3 * geometry.size**2
        header = {
            "memlab": "decoded images",
            "layout": 1,
            "root": str(root.resolve()),  # another root may have files of the same names and times
            "images": len(names),
            "paths": fingerprint("\n".join(names)),
            "decoder": decoder(),
            "geometry": geometry.describe(),
        }
        text = json.dumps(header, sort_keys=True)
        key = fingerprint(text)
        self.path = folder / f"{geometry.size}px-{key}.pictures"
        self.size = _HEADER + len(names) * (self._bytes + _MARK)
        self._slots = {
            name: (slot, _origin(key, name, root / name)) for slot, name in enumerate(names)
        }
        self._failed = False
        self._told = False
        self._file: io.FileIO | None = None
        self._process = 0
        self.new = _make(self.path, text.encode().ljust(_HEADER), self.size)

    def image(self, image: str, fresh: Callable[[], Tensor]) -> Tensor:
        """An image from its slot; else from `fresh`, and into the slot.

        Args:
            image: its path, as given at first.
            fresh: decodes it: (3, size, size) uint8. What it raises is raised, and nothing kept.
        """
        pixels = self.read(image)
        if pixels is None:
            pixels = fresh()
            self._write(image, pixels)
        return pixels

    def read(self, image: str) -> Tensor | None:
        """An image, (3, size, size) uint8, or None if it is not there whole and up to date."""
        slot, origin = self._slots[image]
        try:
            file = self._at(slot)
            mark = file.read(_MARK)
            if not any(mark):
                return None
            pixels = torch.empty(self.shape, dtype=torch.uint8)
            whole = file.readinto(pixels.numpy().data) == self._bytes
        except OSError:
            return None
        if whole and mark == _mark(pixels, origin):
            return pixels
        if not self._told:  # by each process once: of many slots one is an example
            print(  # noqa: T201
                f"memlab: {self.path}: what it keeps of {image} does not match (damaged, or the "
                "image changed): decoded again",
                file=sys.stderr,
            )
        self._told = True
        return None

    def _write(self, image: str, pixels: Tensor) -> None:
        slot, origin = self._slots[image]
        try:
            file = self._at(slot)
            if file.writable() and not self._failed:
                file.write(_mark(pixels, origin))
                file.write(pixels.numpy().data)
        except OSError as error:
            if not self._failed:
                message = f"memlab: {self.path}: {error.strerror}; going on without filling it"
                print(message, file=sys.stderr)  # noqa: T201
            self._failed = True

    def _at(self, slot: int) -> io.FileIO:
        """The file at a slot; every process opens its own, for a forked one would share places."""
        if self._file is None or self._process != os.getpid():
            # a cache that may only be read is read
            self._file = io.FileIO(self.path, "r+" if os.access(self.path, os.W_OK) else "r")
            self._process = os.getpid()
            weakref.finalize(self, self._file.close)
        self._file.seek(_HEADER + slot * (self._bytes + _MARK))
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def _origin(key: str, name: str, path: Path) -> int:
    """What a slot's pixels are made from, as a number."""
    try:
        found = path.stat()
        stamp = f"{found.st_size}\0{found.st_mtime_ns}"
    except OSError:
        stamp = ""
    return zlib.crc32(f"{key}\0{name}\0{stamp}".encode())


def _mark(pixels: Tensor, origin: int) -> bytes:
    return (_WRITTEN | zlib.crc32(pixels.numpy().data, origin)).to_bytes(_MARK, "little")


def _make(path: Path, header: bytes, size: int) -> bool:
    """See that the file is there with this header and all its space; whether it had to be made.

    Several processes may do this at once, or be killed in it: each leaves the same bytes, and the
    next one completes them.
    """
    remedy = "choose another --data.cache, or leave it out"
    try:
        with path.open("rb") as file:
            found = file.read(_HEADER)
            if found == header and os.fstat(file.fileno()).st_size == size:
                return False
    except FileNotFoundError:
        found = b""
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; {remedy}") from error
    if found.strip(b"\0") and found != header:
        raise DataError(f"{path}: not the cache that its name says; delete it, or {remedy}")
    make_folder(path.parent)
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            _reserve(file.fileno(), size, path.parent)
            file.write(header)
    except OSError as error:
        if not found:
            path.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free
        raise DataError(
            f"{path}: {error.strerror} ({size / 1e9:.2f} GB needed, {free / 1e9:.2f} GB free)\n"
            f"make room, {remedy}"
        ) from error
    return True


def _reserve(handle: int, size: int, folder: Path) -> None:
    """Take disk space now, so that it is not missing in mid-epoch."""
    try:
        os.posix_fallocate(handle, 0, size)
    except (AttributeError, OSError) as error:
        # not on macOS, nor on every file system
        if isinstance(error, OSError) and error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        os.ftruncate(handle, size)
