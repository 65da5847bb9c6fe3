"""fit, validate, test, predict: which run is meant, before anything heavy is imported."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.ablations import FAMILIES
from memlab.cli import pages, processes, runs
from memlab.cli.names import expand_arguments
from memlab.cli.spelling import places, refuse_other_names
from memlab.errors import MemlabError
from memlab.run_folder import CHECKPOINTS, LAST

if TYPE_CHECKING:
    from filelock import FileLock


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
        plan = settle(command, rest)
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

        return execute(plan)
    finally:
        os.environ.pop(processes.FOLDER_VARIABLE, None)


def settle(command: str, arguments: list[str]) -> Plan:
    """Find out which run, configuration and checkpoint some arguments mean.

    Raises:
        MemlabError: if a name is unknown, or no run or weights can be found.
    """
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
            expanded = ["--config", str(runs.config_of(run)), *expanded]
        checkpoint = runs.checkpoint_of(run, checkpoint_given)
    elif checkpoint_given:
        checkpoint = runs.checkpoint_of(None, checkpoint_given)
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
            expanded = ["--config", str(runs.config_of(trained)), *expanded]
    fresh = run is None
    if run is None:
        backbone = given.get("--model.backbone", "fit").rpartition(".")[2].lower()
        run = runs.new_run(configs[0].stem if configs else backbone)
    return Plan("fit", expanded, run, checkpoint, fresh, configs=configs)


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
