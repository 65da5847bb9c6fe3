"""memlab repeat: the same fit on several splits or folds, or from several seeds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from memlab.cli import runs
from memlab.cli.options import Options, add_trust
from memlab.cli.trainer import RECORDED_VARIABLE, settle
from memlab.errors import MemlabError
from memlab.files import require_empty
from memlab.outputs import require_writable
from memlab.reading import content_of
from memlab.repeat_folder import FILE, OPTIONS, Repeat, finished, read_repeat
from memlab.trust import trusted

DESCRIPTION = """\
Repeat a fit on several splits or folds, or from several seeds; then mean ± SD, with intervals.

Folds are those of a cross-validation: every image is tested once, by a model that was not trained
on it, and predictions.csv has all of these predictions. Every other option is one of memlab fit's,
and the same for all (see memlab fit --help). Each member is an ordinary run with a process of its
own: runs/TIME-NAME/split-1, split-2, ... for memlab test --run, score and compare. What they say
together is in summary.json, .csv and .png.

  memlab repeat --folds 10 --config transfer --data.root scores.csv
  memlab repeat --splits 1-5 --config resnet50 --data.root lamem
  memlab repeat --seeds 3 --config quickstart
  memlab repeat --out runs/NAME                go on where it stopped, or summarise again
  memlab repeat --out runs/NAME --splits 4,5   these only, beside another process, or in addition
  memlab repeat --out runs/NAME --folds 6-10of10       the same, for folds
"""


def run(arguments: list[str]) -> int:
    """Train and test every unfinished member, then summarise; return the exit code."""
    parser = Options("repeat", DESCRIPTION)
    parser.add_argument("--splits", help="numbers of the splits: 1-5, or 1,3")
    parser.add_argument(
        "--seeds", help="how many (5: 0 to 4), or which (0,1,2); the data split stays the same"
    )
    parser.add_argument(
        "--folds", help="how many (10: all of them), or which (1-5of10); copies stay together"
    )
    parser.add_argument("--out", type=Path, help="the folder of all; runs/TIME-NAME by default")
    parser.add_argument("--run", type=Path, help="the same, as older scripts have it")
    add_trust(parser)
    options, rest = parser.parse_known_args(arguments[1:])

    if options.out and options.run and options.out != options.run:
        raise MemlabError(f"--out {options.out} and --run {options.run}: give --out alone")
    options.run = options.out or options.run

    folder, repeat, asked = _settle(options, rest)
    file = None if rest or options.run is None else options.run / FILE
    done = finished(folder, repeat)
    due = [member for member in asked if repeat.name(member) not in done]
    if due and repeat.over == "split":
        code = _see_splits(repeat, due, file)
        if code:
            return code
    if due:
        if options.run is None:
            folder = runs.claim(folder)
        repeat.write(folder)
    for name in done:
        print(f"memlab: {folder / name} is finished", file=sys.stderr)  # noqa: T201
    for number, member in enumerate(due, start=1):
        path = folder / repeat.name(member)
        print(f"memlab: {path}, {number} of {len(due)} to train", file=sys.stderr)  # noqa: T201
        code = _train(path, repeat, member, file)
        if code == 0 and repeat.name(member) not in finished(folder, repeat):
            print(f"memlab: {path} was not tested (a trial run?)", file=sys.stderr)  # noqa: T201
            code = 2
        if code:
            _say_how_to_go_on(folder, path, code)
            return code

    from memlab.reports.repeated import summary_of, write_predictions, write_summary
    from memlab.reports.tables import print_summary

    with content_of(folder):
        summary = summary_of(folder, repeat)
        write_summary(summary, folder)
        if repeat.folds:
            write_predictions(folder, repeat)
        print_summary(summary, folder)
    return 0


def numbers(text: str, option: str) -> list[int]:
    """Return the numbers that `1-5` or `1,3` denotes, in order.

    Raises:
        MemlabError: if the text is malformed, or names a number twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not ends:
            raise MemlabError(f"{option} {text!r}: write 1-5, or 1,3")
        first = int(ends[1])
        seeds += range(first, int(ends[2] or first) + 1)
    if not seeds or len(set(seeds)) < len(seeds) or len(seeds) > 1000:
        raise MemlabError(f"{option} {text!r}: each number once, the smaller end first, as in 1-5")
    return sorted(seeds)


def _settle(options: Namespace, rest: list[str]) -> tuple[Path, Repeat, list[int]]:
    """Return the folder, its description, and the requested members."""
    over, members, folds = _members(options)
    known = read_repeat(options.run) if options.run else None
    if known is None:
        if over is None:
            where = f"{options.run} holds no repeated runs; " if options.run else ""
            raise MemlabError(
                f"{where}give --splits 1-5, --seeds 3 or --folds 10, and the options of memlab fit"
            )
        if options.run and (options.run / "fit").exists():
            raise MemlabError(f"{options.run} is a single run; choose another --out")
        if options.run:  # summary.csv etc. must not overwrite other files
            require_writable(options.run, "--out")
            require_empty(options.run, "--out")
        known = Repeat(over, members, rest, folds=folds)
    if over not in (None, known.over):
        raise MemlabError(
            f"{options.run} repeats over {known.over}s; choose another --out for {over}s"
        )
    if folds not in (None, known.folds):
        raise MemlabError(
            f"{options.run} is a cross-validation with {known.folds} folds; choose another --out "
            f"for {folds}"
        )
    if rest and rest != known.arguments:
        raise MemlabError(
            f"{options.run} was started with other options: {' '.join(known.arguments)}\n"
            "leave them out to go on with those, or choose another --out"
        )
    for name in (OPTIONS[known.over], "--ckpt_path", "--print_config"):
        if any(argument.partition("=")[0] == name for argument in known.arguments):
            raise MemlabError(f"{name}: memlab repeat sets it for each member; leave it out")
    file = None if rest or options.run is None else options.run / FILE
    plan = settle("fit", known.arguments, file)  # report mistyped names here
    numbers_due = sorted({*known.members, *members})
    repeat = Repeat(known.over, numbers_due, known.arguments, folds=known.folds)
    return options.run or plan.run, repeat, members or numbers_due


def _members(options: Namespace) -> tuple[str | None, list[int], int | None]:
    """Return what the members repeat over, their numbers, and the number of folds."""
    given = [name for name in ("splits", "seeds", "folds") if getattr(options, name)]
    if len(given) > 1:
        first, second = (f"--{name}" for name in given[:2])
        raise MemlabError(f"{first} or {second}: one at a time, so that the SD has one meaning")
    if options.splits:
        return "split", numbers(options.splits, "--splits"), None
    if options.folds:
        return "fold", *folds_of(options.folds)
    if options.seeds is None:
        return None, [], None
    if not options.seeds.isdecimal():
        return "seed", numbers(options.seeds, "--seeds"), None
    if int(options.seeds) < 2:
        raise MemlabError(
            f"--seeds {options.seeds}: one run is memlab fit; give 2 or more, or which (0,1,2)"
        )
    return "seed", list(range(int(options.seeds))), None


def folds_of(text: str) -> tuple[list[int], int]:
    """Return the numbers of the folds that `10` or `1-5of10` denotes, and how many there are.

    Raises:
        MemlabError: if the text is malformed, or there are fewer than two folds.
    """
    which, of, count = text.rpartition("of")
    if not count.isdecimal() or len(count) > 4 or (of and not which):
        raise MemlabError(f"--folds {text!r}: write 10 for ten folds, or 1-5of10 for some of them")
    folds = int(count)
    if folds < 2:
        raise MemlabError(f"--folds {text}: one fold leaves no images to train on; 2 or more")
    if not of:
        return list(range(1, folds + 1)), folds
    members = numbers(which, "--folds")
    if not 1 <= members[0] <= members[-1] <= folds:
        raise MemlabError(f"--folds {text}: the folds are 1 to {folds}")
    return members, folds


def _environment(file: Path | None) -> dict[str, str]:
    """Return a member's environment, with the file that its options were read from, if any."""
    return os.environ | ({} if file is None else {RECORDED_VARIABLE: str(file)})


def _trust_options() -> list[str]:
    """Return the options for the classes that the user trusts, for a member's process."""
    return [f"--trust={name}" for name in sorted(trusted())]


def _see_splits(repeat: Repeat, members: list[int], file: Path | None) -> int:
    """Check that all splits exist; a missing last split must not end a week of training.

    Returns:
        The exit code of `fit`, which itself reports errors in its options.

    Raises:
        MemlabError: if the data set lacks a split; the message comes from its source.
    """
    import yaml

    from memlab.data.sources.base import recognise
    from memlab.spec import build

    command = [sys.executable, "-m", "memlab", "fit", *repeat.arguments, *_trust_options()]
    command += ["--print_config"]
    completed = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, env=_environment(file)
    )
    if completed.returncode:
        return completed.returncode
    data = yaml.safe_load(completed.stdout)["data"]
    root = Path(data["root"])
    typed = [data["source"]["class_path"]] if data["source"] and file is None else []
    origin = str(file or "--data.source")
    source = build(data["source"], "sources", origin, typed) if data["source"] else recognise(root)
    if data["source"]:
        source.prepare(root)
    for member in members:
        source.table(root, member)
    return 0


def _train(path: Path, repeat: Repeat, member: int, file: Path | None) -> int:
    """Fit one member in a separate process, from its last checkpoint if there is one."""
    command = [sys.executable, "-m", "memlab", "fit", *repeat.arguments]
    command += [*_trust_options(), *repeat.option(member)]
    command += ["--out", str(path), "--ckpt_path", "auto"]
    sys.stdout.flush()
    stopped = 0  # number of the signal; a member that stops cleanly has code 0
    with subprocess.Popen(command, env=_environment(file)) as process:

        def stop(number: int, _: object) -> None:
            nonlocal stopped
            stopped = number
            if number == signal.SIGTERM:  # on Ctrl-C the terminal signals the member itself
                process.terminate()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if stopped:
        return 128 + stopped
    return code if code >= 0 else 128 - code


def _say_how_to_go_on(folder: Path, path: Path, code: int) -> None:
    if not any(entry.is_dir() for entry in folder.iterdir()):  # nothing was trained
        (folder / FILE).unlink()
        folder.rmdir()
        return
    print(  # noqa: T201
        f"memlab: {path} stopped (exit code {code}); to go on: memlab repeat --out {folder}",
        file=sys.stderr,
    )
