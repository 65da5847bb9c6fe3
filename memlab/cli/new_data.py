"""Another data set beside a run: the layout of the run's own says nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from memlab.cli import runs


def recognised_anew(arguments: Sequence[str]) -> list[str]:
    """The arguments, so that a --data.root other than the run's own is recognised anew.

    Nothing changes where options alter the layout of the run's own, such as `--data.source.n 80`.

    Args:
        arguments: for the parser, with the configuration of a run among them.
    """
    names = [argument.partition("=")[0] for argument in arguments]
    root = _last(arguments, "--data.root")
    places = [
        place + 1
        for place, name in enumerate(arguments[:-1])
        if name == "--config" and runs.run_of(Path(arguments[place + 1])) is not None
    ]
    altered = any(name.startswith("--data.source.") for name in names)
    if root is None or not places or (altered and "--data.source" not in names):
        return list(arguments)
    data = _data(Path(arguments[places[-1]]))
    if data.get("source") is None or _same(Path(root), data.get("root")):
        return list(arguments)
    after = places[-1] + 1
    return [*arguments[:after], "--data.source=null", *arguments[after:]]


def _last(arguments: Sequence[str], option: str) -> str | None:
    found = None
    for place, argument in enumerate(arguments):
        name, joined, value = argument.partition("=")
        if name == option:
            found = value if joined else "".join(arguments[place + 1 : place + 2])
    return found


def _data(config: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(config.read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return {}  # the parser says what is wrong with it
    return data if isinstance(data, dict) else {}


def _same(root: Path, before: object) -> bool:
    return isinstance(before, str) and root.resolve() == Path(before).resolve()
