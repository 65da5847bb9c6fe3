"""fit, validate, test, predict: which run is meant, before anything heavy is imported."""

from __future__ import annotations

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
from memlab.cli.new_data import recognised_anew
from memlab.cli.recorded_masks import without_recorded_masks
from memlab.cli.spelling import places, refuse_other_names, take
from memlab.errors import MemlabError
from memlab.reading import parse_yaml, read_yaml
from memlab.run_folder import CHECKPOINTS, LAST
from memlab.trust import guarded, named_in, trust

if TYPE_CHECKING:
    from filelock import FileLock


RECORDED_VARIABLE = "MEMLAB_RECORDED"
"""Tells a process that `memlab repeat` starts which file its arguments were read from."""


@dataclass
class Plan:
    """What a command will do, settled from its arguments alone.

    Args:
        command: fit, validate, test or predict; nothing, where it has been done.
        arguments: for the parser, names already turned into class paths.
        run: the run folder.
        checkpoint: the weights to load, or None.
        fresh: whether the run folder is a new one.
        labels: what the command's folder is called after.
        configs: the configuration files among the arguments.
        lock: what keeps other processes out of the folder that is trained into.
        asked: fingerprint of all its options and its checkpoint: who asks for the same goes on
            where that was cut off.
        swept: whether all ablations were asked for by `all` or by family: a broken one among them
            does not fail the command.
        out: where test, validate and predict write, where it is not the run folder.
        recorded: files of run folders that are read: they are data, and name no class of their own.
        named: dotted paths of classes that the user named beside them.
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
    out: Path | None = None
    recorded: list[Path] = field(default_factory=list)
    named: set[str] = field(default_factory=set)


def run(arguments: list[str]) -> int:
    """Run one of the Trainer's commands; returns the exit code."""
    command, rest = arguments[0], arguments[1:]
    if "-h" in rest or "--help" in rest:
        if "all" not in rest:
            pages.show(pages.COMMANDS[command])
            return 0
        plan = Plan(command, ["--help"], Path(), None)
    elif any(argument.partition("=")[0].endswith(".help") for argument in rest):
        plan = Plan(command, expand_arguments(rest), Path(), None)
    else:
        # also beside options that a file recorded, it is the user who names these
        names, rest = _take_all(rest, "--trust")
        for name in names:
            trust(name)
        plan = settle(command, rest, recorded_arguments())
        named = [value for option, value in _options(rest) if option == "--ablation"]
        plan.swept = bool(named) and {"all", "none", *FAMILIES}.issuperset(named)
    if plan.command == "nothing":
        print(f"memlab: {plan.run} is finished", file=sys.stderr)  # noqa: T201
        return 0
    return carry_out(plan)


def carry_out(plan: Plan) -> int:
    """Execute a settled command, and leave the environment as it was; returns the exit code."""
    try:
        from memlab.cli.execute import execute

        with guarded(plan.recorded, plan.named):
            return execute(plan)
    finally:
        os.environ.pop(processes.FOLDER_VARIABLE, None)


def settle(
    command: str, arguments: list[str], file: Path | None = None, given: Sequence[str] = ()
) -> Plan:
    """Find out which run, configuration and checkpoint some arguments mean.

    Args:
        command: fit, validate, test or predict.
        arguments: its options.
        file: where the arguments were recorded, if they are not what the user typed now: then they
            are data, and so are the configurations that they name.
        given: what the user typed now, where `file` is given.

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
        else:
            named |= named_in(read_yaml(path))
    plan.named = named
    return plan


def recorded_arguments() -> Path | None:
    """The file that `memlab repeat` read this process's arguments from, if it did."""
    found = os.environ.get(RECORDED_VARIABLE)
    return Path(found) if found else None


def _values(arguments: Sequence[str]) -> list[Any]:
    """What options are given: the values, those that are spelt as in a file as plain data."""
    found: list[Any] = []
    for argument in arguments:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        found.append(parse_yaml(value, argument) if value[:1] in ("[", "{") else value)
    return found


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
    given = dict(_options(expanded))
    configs = [Path(value) for option, value in _options(expanded) if option == "--config"]

    if command == "fit":
        return _settle_fit(expanded, run_given, checkpoint_given, configs, given)

    run = Path(run_given) if run_given else None
    candidates = [*configs, *([Path(checkpoint_given)] if checkpoint_given else [])]
    found = [folder for folder in map(runs.run_of, candidates) if folder is not None]
    if run is None and found:
        run = found[-1]
    if run is None and not configs and "--model" not in given:
        run = runs.newest_run()
        print(f"memlab: this is {run}, the newest finished run", file=sys.stderr)  # noqa: T201
    checkpoint = None
    if run is not None:
        if not any(map(runs.run_of, configs)):
            own = runs.config_of(run)
            expanded = ["--config", str(own), *expanded]
            configs = [own, *configs]
        expanded = recognised_anew(expanded)
        checkpoint = runs.checkpoint_of(run, checkpoint_given)
    elif checkpoint_given:
        checkpoint = runs.checkpoint_of(None, checkpoint_given)
    expanded = without_recorded_masks(expanded)
    fresh = run is None
    model = given.get("--model.target") or given.get("--model", command)
    run = run or runs.new_run(model.rpartition(".")[2])
    out = Path(where.out) if where.out else None
    return Plan(command, expanded, run, checkpoint, fresh, labels, configs, out=out)


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
        # a new run may begin with the checkpoint of another
        own = run is not None and (run / "fit" / runs.CONFIG).is_file()
        trained = run if own else runs.run_of(checkpoint)
        if trained is not None:
            path = runs.config_of(trained)
            expanded = ["--config", str(path), *expanded]
            recorded = [path]
    expanded = without_recorded_masks(expanded)
    fresh = run is None
    if run is None:
        backbone = given.get("--model.backbone", "fit").rpartition(".")[2].lower()
        run = runs.new_run(configs[0].stem if configs else backbone)
    return Plan("fit", expanded, run, checkpoint, fresh, configs=[*recorded, *configs])


def _options(arguments: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for place, argument in enumerate(arguments):
        if not argument.startswith("-"):
            continue
        option, joined, value = argument.partition("=")
        if not joined and place + 1 < len(arguments):
            value = arguments[place + 1]
        pairs.append((option.removesuffix("+"), value))
    return pairs


def _take_all(arguments: Sequence[str], option: str) -> tuple[list[str], list[str]]:
    """All values of an option that may be repeated, and the other arguments."""
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
