"""memlab compare RUN RUN..."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.options import Options
from memlab.errors import MemlabError
from memlab.outputs import require_apart, require_own_folder

if TYPE_CHECKING:
    from memlab.analysis.comparison import Pair
    from memlab.analysis.tested import Tested
    from memlab.repeat_folder import Repeat

DESCRIPTION = """\
Compare runs on the images they were all tested on, from their files alone.

RUN is a run folder, of which the newest test is taken (fit is the one after training), or the
folder of a test, such as runs/NAME/test-001-blur. Up to four are compared each with each, more with
the first. Differences of Spearman's rho, of the errors, and of the effects of every ablation that
both were tested with come with intervals that resample the images of both together.

Two folders of memlab repeat are compared member by member: split-1 with split-1.

  memlab compare runs/resnet50 runs/vit
  memlab compare runs/frozen/test-001 runs/tuned/test-003 --out comparison/
"""


def run(arguments: list[str]) -> int:
    """Compare runs; return the exit code."""
    parser = Options("compare", DESCRIPTION)
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="write compare.csv, .json and .png here")
    options = parser.parse_args(arguments[1:])
    if options.out:
        require_own_folder(options.out, "compare.json")
        require_apart(options.out, options.runs)

    from memlab.analysis.comparison import compare, pairs_of
    from memlab.progress import progress
    from memlab.reading import content_of
    from memlab.repeat_folder import read_repeat
    from memlab.reports.comparison import write_comparison
    from memlab.reports.tables import print_comparison
    from memlab.reports.terminal import plain_console
    from memlab.reports.tested import read_tested, with_distinct_labels

    paths: list[Path] = options.runs
    if len(paths) < 2:
        raise MemlabError(f"{paths[0]} alone: give two runs or more")
    repeats = [read_repeat(path) for path in paths]
    if any(repeats):
        pairs = _matched(paths, repeats)
        tests = [test for pair in pairs for test in pair]
    else:
        tests = with_distinct_labels([read_tested(path) for path in _each_once(paths)])
        pairs = pairs_of(tests)
    folders = [test.folder for test in tests]
    with progress("Comparing", len(pairs)) as advance, content_of(*folders):
        comparison = compare(tests, pairs, advance, repeated=any(repeats))
    console = plain_console()
    with content_of(*folders):
        print_comparison(comparison, console)
    if options.out:
        write_comparison(comparison, options.out)
        console.print(f"results   {options.out}/compare.json, compare.csv", soft_wrap=True)
        for figure in comparison.figures:
            console.print(f"figure    {options.out}/{figure}", soft_wrap=True)
    return 0


def _each_once(paths: list[Path]) -> list[Path]:
    from memlab.reports.tested import find_tested

    by_target: dict[Path, Path] = {}
    for path in paths:
        folder = find_tested(path)
        if folder.resolve() in by_target:
            raise MemlabError(
                f"{by_target[folder.resolve()]} and {path} are the same test ({folder})"
            )
        by_target[folder.resolve()] = path
    return list(by_target)


def _matched(paths: list[Path], repeats: list[Repeat | None]) -> list[Pair]:
    """Return the pairs of members that two folders of repeated runs have in common."""
    from memlab.repeat_folder import finished
    from memlab.reports.tested import read_tested, with_distinct_labels

    if len(paths) != 2 or None in repeats:
        raise MemlabError(
            "folders of memlab repeat are compared two at a time, with each other; "
            f"for single runs give their members, such as {paths[0]}/NAME"
        )
    if paths[0].resolve() == paths[1].resolve():
        raise MemlabError(f"{paths[0]} is given twice")
    members = [
        finished(path, repeat) for path, repeat in zip(paths, repeats, strict=True) if repeat
    ]
    common = [name for name in members[0] if name in members[1]]
    if not common:
        listed = "; ".join(
            f"{path}: {', '.join(by_name) or 'none finished'}"
            for path, by_name in zip(paths, members, strict=True)
        )
        raise MemlabError(f"no member in common ({listed})")
    tests: list[Tested] = with_distinct_labels(
        [read_tested(by_name[name] / "fit") for name in common for by_name in members]
    )
    return list(zip(tests[::2], tests[1::2], strict=True))
