"""Atomic writing of files, and fingerprints. No heavy imports."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memlab.errors import MemlabError, OutputError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN = 160
"""Maximum number of characters of a path in a message."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` if the block succeeds.

    A reader sees the old file or the new file, never a part. After an exception the old file
    remains.

    Raises:
        OutputError: if the file cannot be written, for any reason; names the file.
    """
    make_folder(path.parent)
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder, not a file; choose another name")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=_short_suffix(path))
    except OSError as error:
        raise cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only the owner may read; results are also for the group
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        # without a number the error is a library's own, such as an unsupported pixel mode
        other = error.filename not in (None, name, str(path))
        if error.errno is None or (other and error.errno not in _FULL):
            raise
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # the disk may have become read-only
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Return the error for a file or folder that cannot be written, with a remedy."""
    remedy = {
        **dict.fromkeys(_FULL, "make room, or choose another folder"),
        errno.ENAMETOOLONG: "choose a shorter name",
        errno.EROFS: "choose a folder that can be written",
        errno.EACCES: "choose a folder that you may write in",
        errno.EPERM: "choose a folder that you may write in",
    }.get(error.errno or 0, "choose another name or folder")
    name = str(path)
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    return OutputError(f"{shown} cannot be written: {error.strerror or error}; {remedy}")


def _short_suffix(path: Path) -> str:
    return path.suffix if len(path.suffix) <= 16 else ""


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8; raises OutputError as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> Path:
    """Make a folder and its parents.

    Raises:
        OutputError: if the folder cannot be made; names it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, RecursionError) as error:
        name = str(path)
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
        why = error.strerror if isinstance(error, OSError) else "it lies too deep"
        raise OutputError(f"cannot make the folder {shown}: {why}; choose another one") from error
    return path


def remove(path: Path) -> None:
    """Remove a file if it exists; raises OutputError if that is not allowed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def require_empty(folder: Path, option: str = "--out") -> None:
    """Raise a MemlabError if a folder is not empty, so that nothing is mixed or overwritten."""
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise cannot_write(folder, error) from error
    if taken:
        raise MemlabError(f"{folder} is not an empty folder; choose another {option}")


def file_name(text: str) -> str:
    """Return a text as a file name: characters that Windows forbids become `-`."""
    return re.sub(r'[\x00-\x1f/\\?*:<>|"]', "-", text)


def fingerprint(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a text, to tell inputs apart."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def state_of(path: Path) -> str:
    """Return size and modification time of a file, to detect changes; "" if it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"
