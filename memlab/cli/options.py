"""Parser of memlab's own commands: short options, one-line errors."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from memlab.cli.pages import show
from memlab.cli.spelling import unknown_option
from memlab.errors import MemlabError, did_you_mean
from memlab.trust import trust


class Options(argparse.ArgumentParser):
    """Argument parser without abbreviations, whose one-line errors name the remedy."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"memlab {command}",
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; report an unknown option even if a required argument is also missing."""
        known = [name for action in self._actions for name in action.option_strings]
        for argument in itertools.takewhile(lambda one: one != "--", args or ()):
            if argument.startswith("--") and argument.partition("=")[0] not in known:
                self.error(f"unrecognized arguments: {argument}")
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise a MemlabError instead of printing the usage."""
        known = [name for action in self._actions for name in action.option_strings]
        mistyped = re.search(r"unrecognized arguments: (-\S+)", message)
        if mistyped:
            name = mistyped.group(1).partition("=")[0]
            message = unknown_option(name, known, of_trainer=False)
        raise MemlabError(f"{message} (see {self.prog} --help)")


def run_subcommand(
    group: str, page: str, commands: Mapping[str, Callable[[list[str]], int]], arguments: list[str]
) -> int:
    """Run `memlab GROUP COMMAND`; return the exit code.

    Args:
        group: group of commands: `data`, `regions`.
        page: help page shown if no command is given.
        commands: name to function that runs the command with the arguments after the name.
        arguments: the group and the arguments after it.
    """
    name = arguments[1] if len(arguments) > 1 else "--help"
    if name in ("-h", "--help"):
        show(page)
        return 0
    if name not in commands:
        raise MemlabError(
            f"unknown {group} command {name!r}{did_you_mean(name, commands)} "
            f"(commands: {', '.join(commands)})"
        )
    return commands[name](arguments[2:])


def divide(arguments: Iterable[str], prefix: str) -> tuple[list[str], list[str]]:
    """Split off the options with a prefix, each with its value, for a separate parser."""
    ours, theirs = [], []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith(prefix):
            ours.append(argument)
            continue
        value = None if "=" in argument else next(rest, None)
        theirs.append(argument if value is None else f"{argument}={value}")
    return ours, theirs


class _Trust(argparse.Action):
    """Action that trusts a class for the rest of the command."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        trust(str(values))


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the option that lists the user's own classes that files may name."""
    parser.add_argument(
        "--trust",
        action=_Trust,
        metavar="MODULE:CLASS",
        help="a class of your own that the checkpoint or run may name; may be repeated",
    )


def report_unreadable(errors: Mapping[str, str]) -> int:
    """Print to stderr which images have no score, the first two by name; return their number.

    Args:
        errors: image to the reason for its missing score, empty if it has a score.
    """
    bad = [reason for reason in errors.values() if reason]
    for reason in bad[:2]:
        print(f"memlab: {reason}", file=sys.stderr)  # noqa: T201
    if len(bad) > 2:
        print(f"memlab: and {len(bad) - 2} more without a score", file=sys.stderr)  # noqa: T201
    return len(bad)


def at_least(least: int) -> Callable[[str], int]:
    """Return a parser of integers that are at least `least`; its error states the limit."""

    def whole(text: str) -> int:
        if not re.fullmatch(r"-?\d+", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: a whole number, at least {least}")
        return int(text)

    return whole
