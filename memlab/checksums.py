"""Whether a zip file, as torch.save writes one, is what was written: every checksum in it is read.

torch.load itself compares none. The standard library only.
"""

from __future__ import annotations

import zipfile
from pathlib import Path


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip file does."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def damage(path: Path) -> str:
    """What is wrong with a file of torch.save, in words; empty where every checksum in it holds.

    The file is read once, piece by piece. The padding between the parts carries no content and has
    no checksum.
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
    except Exception as error:  # zipfile raises many kinds on a damaged file
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    if bad and not any(member.CRC for member in members):
        return "it holds no checksums (torch's crc32 option was off when it was written)"
    return f"the checksum of {bad} does not match" if bad else ""
