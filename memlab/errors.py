"""Exceptions that memlab raises for problems that a user can fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MemlabError(Exception):
    """Base class of errors that the user can fix.

    The command line prints the message, at most three lines, and exits with code 2. The message
    names the file or the value, and the remedy.
    """


class PluginError(MemlabError):
    """Error of a plugin that is unknown, ambiguous, broken, or breaks its contract."""


class DataError(MemlabError):
    """Error of a table, an image or a folder of images that cannot be used as requested."""


class NoNumberedSplitsError(MemlabError):
    """Error of a request for a numbered split in a data set without numbered splits."""


class MaskError(DataError):
    """Error of a mask that does not match its image: another shape, or drawn on another image."""


class OutputError(MemlabError):
    """Error of a file or folder that cannot be written: no space, no permission, name too long."""


class CheckpointError(MemlabError):
    """Error of weights that are missing, do not fit the model, or contradict the options given."""


class MissingWeightsError(CheckpointError):
    """Error of weights, or their package, not found on this machine; memlab downloads none."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Notice that a signal asked the process to stop and that the process stopped cleanly.

    The command line prints the message and exits with 128 + the signal's number, as shells do.

    Args:
        message: what was saved, and how to continue.
        number: number of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest known name, or an empty string."""
    spelt = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), list(spelt), n=1, cutoff=0.6)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""
