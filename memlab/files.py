"""Writing files whole or not at all, and fingerprints. No heavy imports."""

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
"""Characters of a path that a message shows."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, it takes that name.

    A reader sees the old file or the new one, never a part. After an exception the old file stays.

    Raises:
        OutputError: if the file cannot be written, whatever the reason; names it.
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
        # mkstemp makes files that only the owner may read; results are for the group, too
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        # one without a number is a library's word for something else: a pixel mode, say
        other = error.filename not in (None, name, str(path))
        if error.errno is None or (other and error.errno not in _FULL):
            raise
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # the disk may have become read-only
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Return the error for a file or folder that the system refuses to write, with the remedy."""
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
    """Write a text file atomically, as UTF-8; raises MemlabError as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> Path:
    """Make a folder and its parents.

    Raises:
        OutputError: if it cannot be made; names the folder.
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
    """Remove a file, if it is there; raises OutputError where that is not allowed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def require_empty(folder: Path, option: str = "--out") -> None:
    """Raise a MemlabError if a folder holds something already: nothing there is mixed or lost."""
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise cannot_write(folder, error) from error
    if taken:
        raise MemlabError(f"{folder} is not an empty folder; choose another {option}")


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
