"""Disk cache of decoded images, so that only the first epoch decodes."""

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
_MARK = 8  # bytes before the pixels of a slot: a checksum, and a flag that the slot was written
_WRITTEN = 1 << 32


class ImageCache:
    """Single file with one slot per image: its pixels at the model's size, and a checksum.

    A slot is filled when its image is first decoded. The checksum covers the pixels and their
    origin: the path of the image below its root, its file size and time, the decoder and the
    geometry. If a slot was written only in part, or its image changed since, the checksum does not
    match and the image is decoded again. Any number of processes may therefore fill one file
    without locks, and may be killed at any moment. Another set of images, size or decoder uses
    another file. The file is read and written, not memory-mapped: an I/O error then raises an
    exception instead of killing the process. Within a process, only one thread at a time may use
    the cache.

    Args:
        folder: folder of the cache file; its disk space is reserved at once.
        root: folder that the paths are relative to.
        images: paths of all images of the data set.
        geometry: how images are resized.

    Raises:
        DataError: if the file cannot be made, or another file has its name.
    """

    def __init__(self, folder: Path, root: Path, images: Sequence[str], geometry: Geometry) -> None:
        names = sorted(set(images))
        self.geometry = geometry
        self.shape = (3, geometry.size, geometry.size)
        self._bytes = 3 * geometry.size**2
        header = {
            "memlab": "decoded images",
            "layout": 1,
            "root": str(root.resolve()),  # another root may have files of equal names and times
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
        """Return an image from its slot, or decode it with `fresh` and fill the slot.

        Args:
            image: path of the image, as given to the constructor.
            fresh: decodes the image: (3, size, size) uint8. If it raises, the exception propagates
                and the slot stays empty.
        """
        pixels = self.read(image)
        if pixels is None:
            pixels = fresh()
            self._write(image, pixels)
        return pixels

    def read(self, image: str) -> Tensor | None:
        """Return an image, (3, size, size) uint8, or None if its slot is empty, damaged or old."""
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
        if not self._told:  # each process prints this once, for the first such slot
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
        """Seek to a slot. Each process opens the file itself: forks would share a file position."""
        if self._file is None or self._process != os.getpid():
            # a read-only cache is only read
            self._file = io.FileIO(self.path, "r+" if os.access(self.path, os.W_OK) else "r")
            self._process = os.getpid()
            weakref.finalize(self, self._file.close)
        self._file.seek(_HEADER + slot * (self._bytes + _MARK))
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def _origin(key: str, name: str, path: Path) -> int:
    """Return a checksum of the origin of a slot's pixels."""
    try:
        found = path.stat()
        stamp = f"{found.st_size}\0{found.st_mtime_ns}"
    except OSError:
        stamp = ""
    return zlib.crc32(f"{key}\0{name}\0{stamp}".encode())


def _mark(pixels: Tensor, origin: int) -> bytes:
    return (_WRITTEN | zlib.crc32(pixels.numpy().data, origin)).to_bytes(_MARK, "little")


def _make(path: Path, header: bytes, size: int) -> bool:
    """Make the cache file with this header and all its space; return whether it was new.

    Several processes may do this at once, or be killed while doing it. Each writes the same bytes,
    and the next process completes them.
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
    """Reserve the disk space now, so that the disk cannot run full in the middle of an epoch."""
    try:
        os.posix_fallocate(handle, 0, size)
    except (AttributeError, OSError) as error:
        # not available on macOS, nor on every file system
        if isinstance(error, OSError) and error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        os.ftruncate(handle, size)
