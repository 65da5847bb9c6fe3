"""fit, validate, test, predict: finds the run that is meant before any heavy import."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.ablations import FAMILIES
from memlab.cli import pages, processes, runs
from memlab.cli.configs import is_shipped
from memlab.cli.names import expand_arguments
from memlab.cli.new_data import recognised_anew, without_recorded_masks
from memlab.cli.spelling import is_run, places, refuse_other_names, take
from memlab.errors import MemlabError
from memlab.outputs import require_outside_data
from memlab.reading import parse_yaml, read_yaml
from memlab.run_folder import CHECKPOINTS, LAST
from memlab.trust import guarded, named_in, trust

if TYPE_CHECKING:
    from filelock import FileLock


RECORDED_VARIABLE = "MEMLAB_RECORDED"
"""Variable that tells a member of `memlab repeat` which file its arguments were read from."""


@dataclass
class Plan:
    """Plan of a command, derived from its arguments alone.

    Args:
        command: fit, validate, test or predict; empty if it is already done.
        arguments: arguments for the parser, with names expanded to class paths.
        run: the run folder.
        checkpoint: the weights to load, or None.
        fresh: whether the run folder is new.
        labels: labels in the name of the command's folder.
        configs: the configuration files among the arguments.
        lock: lock that keeps other processes out of the training folder.
        asked: fingerprint of all options and the checkpoint; an identical request continues an
            interrupted one.
        swept: whether all ablations were requested by `all` or by family; a broken ablation then
            does not fail the command.
        folder: the command's own folder, once it exists.
        out: output folder of test, validate and predict, if it is not the run folder.
        recorded: files of run folders that are read; they are data, restricted to allowed classes.
        named: dotted paths of classes that the user named in addition.
    """

    command: str
    arguments: list[str]
    run: Path
    checkpoint: Path | None
    fresh: bool = False
    labels: list[str] = field(default_factory=list)
    configs: list[Path] = field(default_factory=list)
    lock: FileLock | None = None
    asked: str = ""
    swept: bool = False
    folder: Path | None = None
    out: Path | None = None
    recorded: list[Path] = field(default_factory=list)
    named: set[str] = field(default_factory=set)


def run(arguments: list[str]) -> int:
    """Run one of the Trainer's commands; return the exit code."""
    command, rest = arguments[0], arguments[1:]
    if "-h" in rest or "--help" in rest:
        if "all" not in rest:
            pages.show(pages.page(command))
            return 0
        plan = Plan(command, ["--help"], Path(), None)
    elif any(argument.partition("=")[0].endswith(".help") for argument in rest):
        plan = Plan(command, expand_arguments(rest), Path(), None)
    else:
        # The user names these classes, even beside options that were recorded in a file.
        names, rest = _take_all(rest, "--trust")
        for name in names:
            trust(name)
        plan = settle(command, rest, _recorded_arguments())
        plan.swept = is_swept(rest)
    if plan.command == "nothing":
        print(f"memlab: {plan.run} is finished", file=sys.stderr)  # noqa: T201
        return 0
    return carry_out(plan)


def is_swept(arguments: list[str]) -> bool:
    """Return whether all ablations are requested by `all` or by family; see `Plan.swept`."""
    named = [value for option, value in _options(arguments) if option == "--ablation"]
    return bool(named) and {"all", "none", *FAMILIES}.issuperset(named)


def carry_out(plan: Plan) -> int:
    """Execute a settled command, restore the environment, and return the exit code."""
    try:
        from memlab.cli.execute import execute

        with guarded(plan.recorded, plan.named):
            return execute(plan)
    finally:
        os.environ.pop(processes.FOLDER_VARIABLE, None)


def settle(
    command: str, arguments: list[str], file: Path | None = None, given: Sequence[str] = ()
) -> Plan:
    """Return the plan of a command: the run, configuration and checkpoint its arguments refer to.

    Args:
        command: fit, validate, test or predict.
        arguments: options of the command.
        file: file that the arguments were read from, if the user did not type them now. They and
            the configurations that they name are then treated as data.
        given: options that the user typed now, if `file` is given.

    Raises:
        MemlabError: if a name is unknown, or no run or weights can be found.
    """
    names, arguments = _take_all(arguments, "--trust")
    if file is not None and names:
        raise MemlabError(f"{file}: damaged: --trust {names[0]} is recorded in it")
    for name in names:
        trust(name)
    named = named_in(_values(given if file is not None else arguments))
    with guarded([file] if file is not None else [], named):
        plan = _settle(command, arguments)
    plan.recorded += [file] if file is not None else []
    for path in plan.configs:
        if runs.is_recorded(path) or (file is not None and not is_shipped(path)):
            plan.recorded.append(path)
            runs.require_own_paths(path)
        else:
            named |= named_in(read_yaml(path))
    plan.named = named
    return plan


def _recorded_arguments() -> Path | None:
    """Return the file that `memlab repeat` read this process's arguments from, or None."""
    recorded = os.environ.get(RECORDED_VARIABLE)
    return Path(recorded) if recorded else None


def _values(arguments: Sequence[str]) -> list[Any]:
    """Return the values of options; values spelled as in a file are returned as plain data."""
    values: list[Any] = []
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        values.append(parse_yaml(value, argument) if value[:1] in ("[", "{") else value)
    return values


def _settle(command: str, arguments: list[str]) -> Plan:
    labels = [
        value
        for option, value in _options(arguments)
        if option == "--ablation" and command == "test"
    ]
    refuse_other_names(arguments)
    where = places(command, arguments)
    run_given, checkpoint_given = where.run, where.checkpoint
    expanded = expand_arguments(where.arguments)
    typed = dict(_options(expanded))
    configs = [Path(value) for option, value in _options(expanded) if option == "--config"]

    if command == "fit":
        return _settle_fit(expanded, run_given, checkpoint_given, configs, typed)

    run = Path(run_given) if run_given else None
    candidates = [*configs, *([Path(checkpoint_given)] if checkpoint_given else [])]
    folders = [folder for folder in map(runs.run_of, candidates) if folder is not None]
    if run is None and folders:
        run = folders[-1]
    recorded: list[Path] = []
    if run is None and not configs and "--model" not in typed:
        if checkpoint_given and Path(checkpoint_given).is_file():
            recorded = [Path(checkpoint_given)]  # outside every run, so it says itself what it is
            expanded = [*_described_in(recorded[0], typed), *expanded]
        else:
            run = runs.newest_run()
            print(f"memlab: this is {run}, the newest finished run", file=sys.stderr)  # noqa: T201
    checkpoint = None
    if run is not None:
        if not any(map(runs.run_of, configs)):
            config = runs.config_of(run)
            expanded = ["--config", str(config), *expanded]
            configs = [config, *configs]
        expanded = recognised_anew(expanded)
        checkpoint = runs.checkpoint_of(run, checkpoint_given)
    elif checkpoint_given:
        checkpoint = runs.checkpoint_of(None, checkpoint_given)
    expanded = without_recorded_masks(expanded)
    fresh = run is None
    model = typed.get("--model.target") or typed.get("--model", command)
    run = run or runs.new_run(model.rpartition(".")[2])
    out = Path(where.out) if where.out else None
    if out is not None and is_run(out) and out.resolve() != run.resolve():
        raise MemlabError(f"--out {out} holds another run, to which this {command} does not belong")
    require_outside_data(out, typed.get("--data.root"))
    return Plan(
        command, expanded, run, checkpoint, fresh, labels, configs, out=out, recorded=recorded
    )


def _described_in(checkpoint: Path, given: dict[str, str]) -> list[str]:
    """Return the options that make the model which a checkpoint describes."""
    from memlab.models.load import read_checkpoint

    recorded = read_checkpoint(checkpoint)["memlab"]
    size = [] if "--data.image_size" in given else [f"--data.image_size={recorded['input_size']}"]
    return [f"--model={json.dumps(recorded['model'])}", *size]


def _settle_fit(
    expanded: list[str],
    run_given: str | None,
    checkpoint_given: str | None,
    configs: list[Path],
    given: dict[str, str],
) -> Plan:
    run = Path(run_given) if run_given else None
    checkpoint = None
    recorded: list[Path] = []
    if checkpoint_given == "auto":
        if run is None:
            raise MemlabError("--ckpt_path auto: of which run? give --out")
        if (run / "fit" / "results.json").exists():
            return Plan("nothing", [], run, None)
        checkpoint = runs.whole_checkpoint(run)
    elif checkpoint_given:
        run = run or next(filter(None, map(runs.run_of, configs)), None)
        checkpoint = runs.checkpoint_of(run, checkpoint_given)
    elif run is not None and (run / "fit" / "results.json").exists():
        raise MemlabError(
            f"{run} holds a finished run; choose another --out, or go on with --ckpt_path last"
        )
    elif run is not None and (run / CHECKPOINTS / LAST).is_file():
        raise MemlabError(
            f"{run} holds a run that was cut off; go on with --ckpt_path last, or choose another "
            "--out"
        )
    if checkpoint and not configs:
        # A new run may start from the checkpoint of another run.
        continues = run is not None and (run / "fit" / runs.CONFIG).is_file()
        trained = run if continues else runs.run_of(checkpoint)
        if trained is not None:
            path = runs.config_of(trained)
            expanded = ["--config", str(path), *expanded]
            recorded = [path]
    expanded = without_recorded_masks(expanded)
    require_outside_data(run, given.get("--data.root"))
    fresh = run is None
    if run is None:
        backbone = given.get("--model.backbone", "fit").rpartition(".")[2].lower()
        run = runs.new_run(configs[0].stem if configs else backbone)
    return Plan("fit", expanded, run, checkpoint, fresh, configs=[*recorded, *configs])


def _options(arguments: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for index, argument in enumerate(arguments):
        if not argument.startswith("-"):
            continue
        option, joined, value = argument.partition("=")
        if not joined and index + 1 < len(arguments):
            value = arguments[index + 1]
        pairs.append((option.removesuffix("+"), value))
    return pairs


def _take_all(arguments: Sequence[str], option: str) -> tuple[list[str], list[str]]:
    """Return all values of a repeatable option, and the other arguments."""
    values: list[str] = []
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        name, joined, _ = rest[0].partition("=")
        width = 1 if joined or name != option else 2
        value, others = take(rest[:width], option)
        values += [] if value is None else [value]
        kept += others
        rest = rest[width:]
    return values, kept
