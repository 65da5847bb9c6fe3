"""One family of errors: what a person can mend, told in a line or two."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MemlabError(Exception):
    """Something the user can put right.

    The command line prints the message, at most three lines, and exits with code 2. The message
    names the file or the value, and the remedy.
    """


class PluginError(MemlabError):
    """A plugin is unknown, ambiguous, broken, or breaks its contract."""


class DataError(MemlabError):
    """A table, an image or a folder of images cannot be used as asked."""


class NoNumberedSplitsError(MemlabError):
    """A numbered split was asked of a data set that has none."""


class MaskError(DataError):
    """A mask does not belong to its image: it has another shape, or was drawn on another."""


class OutputError(MemlabError):
    """A file or folder cannot be written: no space, no permission, a name that is too long."""


class CheckpointError(MemlabError):
    """Weights are missing, do not fit the model, or contradict the options given."""


class MissingWeightsError(CheckpointError):
    """Weights, or the package that carries them, are not on this machine; memlab downloads none."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """A signal asked the process to stop, and it did in good order.

    The command line prints the message and exits with 128 + the signal's number, as shells do.

    Args:
        message: what was kept, and how to go on.
        number: of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest known name, or an empty string."""
    spelt = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), list(spelt), n=1, cutoff=0.6)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""
