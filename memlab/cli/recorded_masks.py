"""Masks recorded by a run, which apply only to the run's own data set."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memlab.cli import runs
from memlab.paths import same_path

_OPTIONS = ("masks", "empty_masks")


def without_recorded_masks(arguments: Sequence[str]) -> list[str]:
    """Drop the masks in a run's configuration if the command names another data set.

    Args:
        arguments: arguments of fit, validate, test or predict, including a run's configuration.

    Returns:
        The arguments, with `--data.masks null` if the run's masks were dropped. In that case one
        line is printed to stderr. Masks given by the command itself are kept.
    """
    kept = list(arguments)
    root = _value(arguments, "--data.root")
    config = next((path for path in _configs(arguments)[::-1] if runs.run_of(path)), None)
    if root is None or config is None:
        return kept
    recorded = _data_of(config)
    if recorded.get("root") is None or same_path(root, str(recorded["root"])):
        return kept
    for name in _OPTIONS:
        value = recorded.get(name)
        if value is None or _value(arguments, f"--data.{name}") is not None:
            continue
        kept += [f"--data.{name}", "null"]
        if name == "masks":
            told = (
                f"the run's --data.masks {value} are of {recorded['root']} and are not used for "
                f"{root}; to use them, or others, give --data.masks"
            )
            print(f"memlab: {told}", file=sys.stderr)  # noqa: T201
    return kept


def _data_of(config: Path) -> dict[str, Any]:
    import yaml

    try:
        tree = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):  # the parser reports the error
        return {}
    data = tree.get("data") if isinstance(tree, dict) else None
    return data if isinstance(data, dict) else {}


def _configs(arguments: Sequence[str]) -> list[Path]:
    return [Path(value) for value in _values(arguments, "--config")]


def _value(arguments: Sequence[str], option: str) -> str | None:
    found = _values(arguments, option)
    return found[-1] if found else None


def _values(arguments: Sequence[str], option: str) -> list[str]:
    found = []
    for place, argument in enumerate(arguments):
        name, joined, value = argument.partition("=")
        if name == option:
            found.append(value if joined else "".join(arguments[place + 1 : place + 2]))
    return found
