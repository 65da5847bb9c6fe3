"""Checksums of files, and of the parts of zip files that `torch.save` writes.

`torch.load` does not compare the checksums. Uses only the standard library.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hex digits.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_zip(path: Path) -> bool:
    """Return whether a file begins with the signature of a zip file."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def damage(path: Path) -> str:
    """Return a description of the damage in a `torch.save` file, or "" if all checksums match.

    The file is read once, in pieces. The padding between the parts has no checksum and is not
    checked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if not members:
                return "there is nothing in it"
            for member in members:
                if member.compress_type != zipfile.ZIP_STORED:
                    return f"{member.filename} is compressed, which torch.save never does"
            bad = archive.testzip()
    except FileNotFoundError:
        return "there is no such file"
    except Exception as error:  # zipfile raises many exception types on a damaged file
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    if bad and not any(member.CRC for member in members):
        return "it holds no checksums (torch's crc32 option was off when it was written)"
    return f"the checksum of {bad} does not match" if bad else ""
