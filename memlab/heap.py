"""How the C library keeps memory that tensors free. The standard library only."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's mallopt(3)
_KEPT, _LARGEST = 1 << 30, 32 << 20  # bytes; 32 MiB is the most that glibc allows


def keep_freed_memory() -> bool:
    """Let freed memory stay with the process, up to 1 GiB, instead of going back to the system.

    By default glibc returns each large tensor to Linux, which then clears its pages for the next
    one: three quarters of the time of a copy of 19 MB. Peak memory stays what it was.

    Returns:
        Whether the C library took the setting; False on systems without glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has no mallopt
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, _KEPT))
