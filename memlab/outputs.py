"""Checks that an output does not replace an input, made before any computation."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from memlab.errors import MemlabError
from memlab.files import cannot_write

_TABLES = (".csv", ".tsv", ".txt", "")


def require_apart(
    out: Path,
    files: Iterable[Path | str | None] = (),
    folders: Iterable[Path | str | None] = (),
    option: str = "--out",
) -> None:
    """Check that an output is no input, contains no input, and can be written.

    Links are resolved, and two names of one file count as one file.

    Args:
        out: file or folder that a command writes.
        files: input files: images, tables, checkpoints, mask stores. Entries that are no path on
            this machine, such as the name of a plugin, are ignored.
        folders: input folders that are searched for images. The output must not lie in them,
            because the next command would read it as input.
        option: option that gave the output, for messages.

    Raises:
        MemlabError: if the output overlaps an input or lies in a searched folder.
    """
    require_writable(out, option)
    there = [Path(one) for one in files if one]
    searched = [Path(one) for one in folders if one]
    whole = _resolved(out)
    taken = _exists(out) and not (out.is_dir() and not any(out.iterdir()))
    for path in [*there, *searched] if taken else searched:
        if _same(out, path):
            raise MemlabError(f"{option} {out} is an input of this command; choose another name")
        if _exists(path) and _resolved(path).is_relative_to(whole):
            raise MemlabError(
                f"{option} {out} holds {path}, an input of this command; choose another folder"
            )
    for folder in searched:
        if folder.is_dir() and whole.is_relative_to(_resolved(folder)):
            raise MemlabError(
                f"{option} {out} lies in {folder}, where the next command would take what is "
                "written for more images; choose a folder outside it"
            )


def require_outside_data(out: Path | None, root: str | None, option: str = "--out") -> None:
    """Check that a run is not written among the images of its data set.

    The figures that it leaves would be taken for images by the next command. The current folder is
    allowed, because runs/ lies in it by default.

    Args:
        out: the folder of the run; None if it is chosen by memlab.
        root: `--data.root`, a folder or a table; None if it was not given.
        option: option that gave the folder, for messages.

    Raises:
        MemlabError: if the folder is that of the data set, or lies in it.
    """
    if out is None or root is None or not _exists(Path(root)):
        return
    data = Path(root)
    folder = _resolved(data if data.is_dir() else data.parent)
    if folder == _resolved(Path()):
        return
    whole = _resolved(out)
    if whole == folder or (data.is_dir() and whole.is_relative_to(folder)):
        raise MemlabError(
            f"{option} {out} lies among the images of {root}, where its figures would be taken for "
            "images; choose a folder outside it"
        )


def require_writable(out: Path, option: str = "--out") -> None:
    """Check, before any work, that a file or folder can be made.

    Raises:
        MemlabError: if its name is too long, or its folder is a file or cannot be written.
    """
    try:
        os.lstat(out)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise cannot_write(out, error if isinstance(error, OSError) else OSError(str(error))) from (
            error
        )
    above = out if out.is_dir() else out.parent
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise MemlabError(f"{option} {out}: {above} is a file, not a folder; choose another name")
    if not os.access(above, os.W_OK | os.X_OK):
        raise MemlabError(
            f"{option} {out}: {above} cannot be written; choose a folder that you may write in"
        )


def require_own_table(out: Path, header: Iterable[str], option: str = "--out") -> None:
    """Check that a table may be written: a new file, or a table that the same command wrote before.

    Args:
        out: the file.
        header: the first columns of such a table.
        option: option that gave the file, for messages.

    Raises:
        MemlabError: if the path is a folder, another file, or not a name for a table.
    """
    if out.is_dir():
        raise MemlabError(f"{option} {out} is a folder; name a file in it, such as scores.csv")
    if out.suffix.lower() not in _TABLES:
        raise MemlabError(f"{option} {out}: a table is written, as CSV; name it .csv")
    if not _exists(out):
        return
    if not out.is_file():
        raise MemlabError(f"{option} {out} is not a file of its own; leave {option} out to print")
    start = ",".join(header).encode()
    with out.open("rb") as file:
        begins = file.read(len(start))
    if begins and begins != start:
        raise MemlabError(
            f"{option} {out} is there already, and not a table of this command; choose another name"
        )


def require_own_folder(out: Path, mark: str, option: str = "--out") -> None:
    """Check that a folder is new, empty, or was written by the same command before.

    Args:
        out: the folder.
        mark: a file that the command always writes there.
        option: option that gave the folder, for messages.

    Raises:
        MemlabError: if it holds other files, so that nothing is mixed or overwritten.
    """
    require_writable(out, option)
    if _exists(out) and not out.is_dir():
        raise MemlabError(f"{option} {out} is a file; name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / mark).is_file():
        raise MemlabError(
            f"{option} {out} holds other files, and no {mark} of an earlier time; choose an empty "
            "or new folder"
        )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # a path does not exist, or is the name of a plugin
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except (OSError, ValueError):
        return False


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a link that points to itself
        return path.absolute()
