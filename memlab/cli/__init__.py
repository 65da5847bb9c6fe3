"""Entry point of the command line; help, version and typing errors need no third-party package."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from memlab.cli.commands import COMMANDS
from memlab.errors import Interrupted, MemlabError, did_you_mean
from memlab.heap import keep_freed_memory
from memlab.trust import trusting

_OF_THE_SYSTEM = frozenset(
    getattr(errno, name)
    for name in (
        *("ENAMETOOLONG", "ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM"),
        *("EISDIR", "ENOTDIR", "ELOOP", "EIO"),
    )
    if hasattr(errno, name)
)
"""Error numbers of the operating system that a user can fix, whichever code raises them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run memlab.

    Args:
        argv: the arguments, without the program's name; those of the process by default.

    Returns:
        The exit code: 0; 1 if a check found something; 2 if the command could not run; 130 after
        Ctrl-C, 143 after SIGTERM.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # torch reads this variable once. Batches in 2 MB memory pages take a third of the time on Linux
    # CPUs.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    keep_freed_memory()
    try:
        with trusting():
            return _dispatch(arguments)
    except MemlabError as error:
        lines = str(error).splitlines()[:3]
        print(f"memlab: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)  # noqa: T201
        return 2
    except Interrupted as stop:
        print(f"memlab: {stop}", file=sys.stderr)  # noqa: T201
        return 128 + stop.number
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns Ctrl-C into exit(1)
            print("memlab: stopped", file=sys.stderr)  # noqa: T201
            return 130
        if type(stop).__name__ == "SIGTERMException":  # Lightning's, where nothing was in training
            print("memlab: stopped", file=sys.stderr)  # noqa: T201
            return 128 + signal.SIGTERM
        return stop.code if isinstance(stop.code, int) else 0  # argparse ends --help with this
    except BrokenPipeError:  # the reader, e.g. `head`, closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("memlab: stopped", file=sys.stderr)  # noqa: T201
        return 130
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
            print(f"memlab: {_refused(error)}", file=sys.stderr)  # noqa: T201
            return 2
        from memlab.cli.blame import plugin_error

        blamed = plugin_error(error)
        if blamed is None:
            raise
        print(f"memlab: {blamed}", file=sys.stderr)  # noqa: T201
        return 2


def _refused(error: OSError) -> str:
    """Return one line on what the operating system refused: the file and the reason."""
    name = "" if error.filename is None else str(error.filename)
    name = name if len(name) <= 160 else f"{name[:160]}..."
    remedy = "; give it a shorter name" if error.errno == errno.ENAMETOOLONG else ""
    return f"{name}: {error.strerror}{remedy}" if name else str(error.strerror)


def _dispatch(arguments: list[str]) -> int:
    from memlab.cli import pages

    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help", "help"):
        pages.show(pages.main_page())
        return 0
    if command in ("-V", "--version"):
        from importlib.metadata import version

        pages.show(f"memlab {version('memlab')}")
        return 0
    if command.startswith("-"):
        raise MemlabError(f"options follow the command: memlab COMMAND {command} ...")
    if command not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise MemlabError(
            f"unknown command {command!r}{did_you_mean(command, COMMANDS)} (commands: {known})"
        )
    code: int = importlib.import_module(COMMANDS[command].module).run(arguments)
    return code
