"""Search for image files in folders, by name and file type. Imports Pillow lazily."""

from __future__ import annotations

import functools
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from memlab.errors import DataError

_FORMATS = {
    "AVIF": "avif", "BMP": "", "DIB": "", "GIF": "", "JPEG": "jpg", "JPEG2000": "jpg_2000",
    "MPO": "jpg", "PCX": "", "PNG": "zlib", "PPM": "", "QOI": "", "TGA": "", "TIFF": "",
    "WEBP": "webp",
}  # fmt: skip
"""Pillow's names of the raster formats that are decoded, and the library that each needs."""
_NOT_DECODED = frozenset({".pfm", ".avifs"})
"""Suffixes of these formats for files with other content: floating-point pixels, animations."""

UNREADABLE = frozenset(
    f".{ending}"
    for endings_of_a_kind in (
        "heic heics heif hif jxl jxr wdp avif avifs webp jp2 j2k jpf jpx exr hdr pfm ico icns dds",
        "raw cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef dng srw x3f 3fr",
        "svg svgz psd psb xcf ai eps pdf emf wmf djvu",
        "mp4 m4v mov avi mkv webm wmv mpg mpeg",
    )
    for ending in endings_of_a_kind.split()
)
"""Suffixes of images and videos that memlab does not read, which are reported to the user."""

_SYSTEM = frozenset(
    {"__macosx", "@eadir", "@recycle", "#recycle", "$recycle.bin", "system volume information",
     "lost+found", "__pycache__"}
)  # fmt: skip
"""Folders that operating systems create, in lower case; folders with a leading dot also count."""


@functools.cache
def formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that memlab decodes, if this Pillow has their libraries.

    No other format is opened: for example, Pillow passes an EPS file, whatever its name, to another
    program.
    """
    from PIL import Image, features

    Image.init()
    return tuple(
        kind
        for kind, library in _FORMATS.items()
        if kind in Image.OPEN and (not library or features.check(library))
    )


@functools.cache
def endings() -> frozenset[str]:
    """Return the file name suffixes that are taken for images, in lower case."""
    from PIL import Image

    kinds = formats()
    return frozenset(
        ending
        for ending, kind in Image.EXTENSION.items()
        if kind in kinds and ending not in _NOT_DECODED
    )


def what_is(path: Path) -> str:
    """Return the type of a path: `file`, `folder`, `nothing`, or another type, such as `a FIFO`.

    Links are followed. Nothing is opened, so the call cannot block.
    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return "a path that may not be read"
    except (OSError, ValueError):  # a name of 300 characters, a loop of links, a NUL
        return "nothing"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    kinds = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def require_file(path: Path) -> None:
    """Raise a DataError unless a path is a regular file, which can be opened without blocking."""
    found = what_is(path)
    if found == "nothing":
        raise DataError(f"{shown(path)}: no such file")
    if found != "file":
        raise DataError(
            f"{shown(path)}: cannot be read: it is {found.replace('folder', 'a folder')}"
        )


def images_in(folder: Path, left_out: Counter[str] | None = None) -> Iterator[Path]:
    """Yield the images in a folder and all folders below it, in no order.

    System folders, hidden files, links to other folders and files that are not regular are skipped;
    so are names that are not UTF-8, because a table cannot hold them.

    Args:
        folder: folder to search.
        left_out: counts the skipped files here, by reason.
    """
    left = Counter[str]() if left_out is None else left_out
    pending = [folder]
    while pending:
        here = pending.pop()
        try:
            with os.scandir(here) as found:
                entries = list(found)
        except OSError:
            left["folder{s} that may not be read"] += 1
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if _system(entry.name):
                    inside = _count(path)
                    if inside:
                        left[f"in {shown(entry.name)}"] += inside
                else:
                    pending.append(path)
                continue
            reason = _reason(entry)
            if reason is None:
                yield path
            elif reason:
                left[reason] += 1


def declaration_file(folder: Path) -> Path:
    """Return the path of the declaration of a folder of synthetic images, which may not exist.

    Its name was `scenes.json`; folders that have this file keep it.
    """
    former = folder / "scenes.json"
    return former if former.is_file() else folder / "synthetic.json"


def find_images(given: Sequence[Path], quiet: bool = False) -> list[Path]:
    """Return the images that files and folders stand for, in order, without repeats.

    Folders are searched recursively. In a folder that memlab rendered, the masks do not count as
    images. Files that are left out are reported in one line.

    Args:
        given: files and folders.
        quiet: do not report the files that are left out.

    Raises:
        DataError: if a path does not exist, or a folder has no image in it.
    """
    found: dict[Path, None] = {}
    unnamed: Counter[str] = Counter()
    for path in given:
        kind = what_is(path)
        if kind == "folder":
            rendered = declaration_file(path).is_file()
            left: Counter[str] = Counter()
            inside = sorted(images_in(path / "images" if rendered else path, left))
            if not inside:
                raise DataError(no_images(path, left))
            if left and not quiet:
                print(f"memlab: {left_out_line(path, left)}", file=sys.stderr)  # noqa: T201
            found |= dict.fromkeys(inside)
        elif kind == "nothing" and not os.path.islink(path):  # noqa: PTH114 - it never raises
            raise DataError(f"{shown(path)}: no such file or folder")
        elif _utf8(str(path)):
            found[path] = None
        else:
            unnamed[_NOT_UTF8] += 1
    if unnamed and not quiet:
        print(f"memlab: {left_out_line(Path(), unnamed)}", file=sys.stderr)  # noqa: T201
    return list(found)


def leaves(root: Path, name: str) -> bool:
    """Return whether a path in a table of folder `root` leads out of it; links are not followed."""
    if ".." not in name and not os.path.isabs(name):  # noqa: PTH117 - of many thousand names
        return False
    folder = os.path.abspath(root)  # noqa: PTH100 - Path.resolve follows links
    there = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118
    return os.path.commonpath([folder, there]) != folder


def no_images(folder: Path, left_out: Counter[str]) -> str:
    """Return the error message for a folder without images, with the files that were left out."""
    there = f"; {left_out_line(folder, left_out)}" if left_out else ""
    return f"{shown(folder)}: no images in this folder{there}"


def left_out_line(folder: Path, left_out: Counter[str]) -> str:
    """Return a line such as `photos: 3 files left out: 2 .heic (...), 1 in .ipynb_checkpoints`.

    Args:
        folder: folder that was searched.
        left_out: counts by reason, from `images_in`.
    """
    counted = sorted(left_out.items())
    parts = [f"{count} {ending}" for ending, count in counted if ending[0] == "."]
    if parts:
        parts[-1] += " (not readable: convert to JPEG or PNG)"
    parts += [
        f"{count} {reason.replace('{s}', 's' if count > 1 else '')}"
        for reason, count in counted
        if reason[0] != "."
    ]
    total = sum(left_out.values())
    count = f"{total} file{'s' if total > 1 else ''}"
    where = "" if folder == Path() else f"{shown(folder)}: "
    return f"{where}{count} left out: {', '.join(parts)}"


def shown(name: Path | str) -> str:
    r"""Return a name on one line; unprintable characters are escaped, such as `\x07`."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


_NOT_UTF8 = "with a name that is not UTF-8 (rename it)"


def _reason(entry: os.DirEntry[str]) -> str | None:
    """Return why a file is no image of its folder: None if it is an image, "" if not reported."""
    ending = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a name, not a path
    hidden = entry.name.startswith(".")
    try:
        if entry.is_symlink() and stat.S_ISDIR(entry.stat().st_mode):
            return "" if hidden else "linked folder{s} (give such by its own path)"
        if ending not in endings():
            return ending if ending in UNREADABLE and not hidden else ""
        if hidden:
            return "hidden"
        if not stat.S_ISREG(entry.stat().st_mode):
            return "FIFO{s}, sockets or devices"
    except PermissionError:
        return "that may not be read"
    except OSError:
        return "broken link{s}" if ending in endings() | UNREADABLE else ""
    return None if _utf8(entry.path) else _NOT_UTF8


def _system(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM


def _count(folder: Path) -> int:
    """Return the number of files below a folder that have the suffix of an image."""
    count = 0
    for _, _, names in os.walk(folder):
        count += sum(os.path.splitext(name)[1].lower() in endings() for name in names)  # noqa: PTH122
    return count


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
