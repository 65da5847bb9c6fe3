"""What a run recorded about its data set, which does not apply to another one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memlab.cli import runs
from memlab.cli.spelling import values
from memlab.errors import MemlabError
from memlab.paths import same_path
from memlab.reading import read_yaml


def recognised_anew(arguments: Sequence[str]) -> list[str]:
    """Reset the recorded layout if --data.root differs from the run's, so that it is redetected.

    Nothing changes if options alter the run's own layout, such as `--data.source.n 80`.

    Args:
        arguments: arguments for the parser, including the configuration of a run.
    """
    names = [argument.partition("=")[0] for argument in arguments]
    altered = any(name.startswith("--data.source.") for name in names)
    recorded = _of_other_data(arguments)
    if recorded.get("source") is None or (altered and "--data.source" not in names):
        return list(arguments)
    after = 2 + max(
        index
        for index, name in enumerate(names[:-1])
        if name == "--config" and runs.run_of(Path(arguments[index + 1])) is not None
    )
    return [*arguments[:after], "--data.source=null", *arguments[after:]]


def without_recorded_masks(arguments: Sequence[str]) -> list[str]:
    """Drop the masks in a run's configuration if the command names another data set.

    Args:
        arguments: arguments of fit, validate, test or predict, including a run's configuration.

    Returns:
        The arguments, with `--data.masks null` if the run's masks were dropped. In that case one
        line is printed to stderr. Masks given by the command itself are kept.
    """
    kept = list(arguments)
    recorded = _of_other_data(arguments)
    for name in ("masks", "empty_masks"):
        value = recorded.get(name)
        if value is None or values(arguments, f"--data.{name}"):
            continue
        kept += [f"--data.{name}", "null"]
        if name == "masks":
            note = (
                f"the run's --data.masks {value} are of {recorded['root']} and are not used for "
                f"{values(arguments, '--data.root')[-1]}; to use them, or others, give --data.masks"
            )
            print(f"memlab: {note}", file=sys.stderr)  # noqa: T201
    return kept


def _of_other_data(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the data section of the run's configuration if --data.root is not the run's own."""
    roots = values(arguments, "--data.root")
    configs = [Path(value) for value in values(arguments, "--config")]
    recorded = [path for path in configs if runs.run_of(path) is not None]
    if not roots or not recorded:
        return {}
    try:
        tree = read_yaml(recorded[-1])
    except MemlabError:  # the parser reports what is wrong with it
        return {}
    data = tree.get("data") if isinstance(tree, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("root"), str):
        return {}
    return {} if same_path(roots[-1], data["root"]) else data
