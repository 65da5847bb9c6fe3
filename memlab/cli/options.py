"""The parser of memlab's own commands: short options, one-line errors."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NoReturn

from memlab.errors import DataError, MemlabError, did_you_mean
from memlab.files import pictures_in


class Options(argparse.ArgumentParser):
    """argparse, without abbreviations, and with errors that name the remedy in a line."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"memlab {command}",
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise a MemlabError instead of printing the usage."""
        known = [name for action in self._actions for name in action.option_strings]
        mistyped = re.search(r"unrecognized arguments: (--\S+)", message)
        if mistyped:
            name = mistyped.group(1).partition("=")[0]
            message = f"unknown option {name}{did_you_mean(name, known)}"
        raise MemlabError(f"{message} (see {self.prog} --help)")


def find_pictures(given: list[Path]) -> list[Path]:
    """The pictures that files and folders mean, in order, each once; folders are searched whole.

    Raises:
        DataError: if something does not exist, or there is no picture in it.
    """
    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            inside = sorted(pictures_in(path))
            if not inside:
                raise DataError(f"{path}: no pictures in this folder")
            found |= dict.fromkeys(inside)
        elif path.exists():
            found[path] = None
        else:
            raise DataError(f"{path}: no such file or folder")
    return list(found)
