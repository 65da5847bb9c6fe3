"""Writing files whole or not at all, and fingerprints. No heavy imports."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memlab.errors import MemlabError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, it takes that name.

    A reader sees the old file or the new one, never a part. After an exception the old file stays.

    Raises:
        MemlabError: if the folder cannot be written, or the disk is full; names it.
    """
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    except OSError as error:
        raise MemlabError(
            f"cannot write in {path.parent}: {error.strerror}; choose another folder"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only the owner may read; results are for the group, too
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise MemlabError(f"{path} cannot be written: {error.strerror}; make room") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8; raises MemlabError as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> Path:
    """Make a folder and its parents.

    Raises:
        MemlabError: if it cannot be made; names the folder.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MemlabError(
            f"cannot make the folder {path}: {error.strerror}; choose another one"
        ) from error
    return path


def require_empty(folder: Path) -> None:
    """Raise a MemlabError if a folder holds something already: nothing there is mixed or lost."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MemlabError(f"{folder} is not an empty folder; choose another --out")


def file_name(text: str) -> str:
    """A text as part of a path on any system: what Windows forbids in names becomes `-`."""
    return re.sub(r'[\x00-\x1f/\\?*:<>|"]', "-", text)


def fingerprint(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text: enough to tell one input from another."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def state_of(path: Path) -> str:
    """Changes when a file does: its size, and when it was written; empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"
