"""Safe paths and portable file names from names that a file contains."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from memlab.errors import DataError
from memlab.files import file_name

LONGEST = 120
"""Maximum bytes of a file name made from a name in a file; most systems allow 255."""


def inside(root: Path, name: str, origin: str = "") -> Path:
    """Return the path below a folder that a name in a file stands for.

    Args:
        root: the folder, which no path may leave.
        name: a relative path with `/` between its parts, as the file spells it.
        origin: the file, for messages.

    Raises:
        DataError: if the name is empty, absolute, begins with a drive, contains `..`, or has a
            control character.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    wrong = (
        not parts
        or parts[0] == "/"
        or ".." in parts
        or re.match(r"[A-Za-z]:", name)
        or any(unicodedata.category(character) == "Cc" for character in name)
    )
    if wrong:
        where = f"{origin}: " if origin else ""
        raise DataError(f"{where}{shown(name)} is not a path inside {root}; rename it")
    return root.joinpath(*parts)


def short_name(text: str, longest: int = LONGEST) -> str:
    """Return a text as a portable file name, without suffix.

    Characters that Windows forbids become `-`. A text that is too long is cut and ends in a hash of
    the whole text, so that different long texts get different names.

    Args:
        text: any text, including a path.
        longest: maximum bytes of the result.

    >>> short_name("a/b")
    'a-b'
    >>> len(short_name("x" * 300))
    120
    """
    name = file_name(text).strip(" .") or "-"
    if len(_bytes(name)) <= longest:
        return name
    tail = f"-{_hash(text)}"
    kept = _bytes(name)[: longest - len(tail)].decode("utf-8", "ignore")
    return f"{kept}{tail}"


def distinct_names(texts: Iterable[str], longest: int = LONGEST) -> dict[str, str]:
    """Return a different file name for each text, also on file systems that ignore case.

    Args:
        texts: names from files; repeated texts count once.
        longest: maximum bytes of a name.

    >>> distinct_names(["a/b", "c"])
    {'a/b': 'a-b', 'c': 'c'}
    """
    names = {text: short_name(text, longest) for text in texts}
    count = Counter(map(_folded, names.values()))
    return {
        text: name
        if count[_folded(name)] == 1
        else f"{short_name(name, longest - 9)}-{_hash(text)}"
        for text, name in names.items()
    }


def same_path(one: Path | str, other: Path | str | None) -> bool:
    """Return whether two paths mean the same file or folder, whether or not it exists."""
    return other is not None and Path(one).resolve() == Path(other).resolve()


def shown(name: str, longest: int = 80) -> str:
    """Return a name from a file for a message: quoted, escaped and shortened."""
    return repr(name if len(name) <= longest else f"{name[:longest]}...")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
