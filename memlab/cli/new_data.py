"""Layout of a data set that is not the run's own: the run's configuration does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from memlab.cli import runs


def recognised_anew(arguments: Sequence[str]) -> list[str]:
    """Reset the recorded layout if --data.root differs from the run's, so that it is redetected.

    Nothing changes if options alter the run's own layout, such as `--data.source.n 80`.

    Args:
        arguments: arguments for the parser, including the configuration of a run.
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
        return {}  # the parser reports what is wrong with it
    return data if isinstance(data, dict) else {}


def _same(root: Path, before: object) -> bool:
    return isinstance(before, str) and root.resolve() == Path(before).resolve()
