"""Help pages with the most used options, shown immediately. The standard library only."""

from __future__ import annotations

from pathlib import Path

from memlab.cli.commands import COMMANDS

_MAIN = """\
memlab: what makes an image memorable to a model, and is it what people remember?

usage: memlab COMMAND [options]        memlab COMMAND --help for each

{commands}

try:
  memlab fit --config quickstart                        rendered images, minutes on a laptop
  memlab test --ablation blur --ablation.sigma 4        on the newest finished run
  memlab score runs/NAME photos/                        MODEL: a run, a checkpoint, a plugin's name

options: -h, --help     -V, --version
"""

FOLDER = Path(__file__).parent / "help"
"""Folder of the pages that `memlab.cli.page_writer` writes."""


def main_page() -> str:
    """Return the page of `memlab --help`, with a line for each command."""
    lines = (f"  {name:10} {command.summary}" for name, command in COMMANDS.items())
    return _MAIN.format(commands="\n".join(lines))


def page(command: str) -> str:
    """Return the short page of one of the Trainer's commands."""
    return (FOLDER / f"{command}.txt").read_text(encoding="utf-8")


def show(text: str) -> None:
    """Print a page to standard output."""
    print(text.rstrip("\n"))  # noqa: T201
