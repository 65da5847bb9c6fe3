"""memlab compare MODEL MODEL..."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.compare_audits import DESCRIPTION as AUDITS
from memlab.cli.compare_audits import are_audits, compare_audits
from memlab.cli.compare_people import (
    SideBySide,
    add_people,
    as_predictions,
    check_people,
    side_by_side,
    write_page,
)
from memlab.cli.data_options import note
from memlab.cli.options import Options
from memlab.errors import MemlabError
from memlab.outputs import require_apart, require_own_folder

if TYPE_CHECKING:
    from memlab.analysis.comparison import Comparison, Pair
    from memlab.analysis.tested import Tested
    from memlab.data.predictions import Predictions
    from memlab.repeat_folder import Repeat

DESCRIPTION = f"""\
Compare models on the same images: with people's scores, and with each other, from files alone.

MODEL is one of
  a run folder            its newest test is taken (fit is the one after training)
  the folder of a test    such as runs/NAME/test-001-blur
  a table                 image and predicted, as memlab score --out writes it; TABLE.csv:COLUMN
                          takes another column
  a folder of folds       predictions.csv in it: image, predicted, and perhaps score
  an audit                the folder of memlab audit

--people gives the scores of people: a table of images (score, hit_rate, hits and n, ...), a table
of answers (participant, image, response), or a trial table as memlab data ceiling reads it; of
answers and trials memlab computes the scores. Without it, people's scores are those that the tests
have. With --people, one model is enough. Images are matched by id, by path, or by the end of a
path.

  memlab score resmem photos/ --out resmem.csv
  memlab compare resmem.csv runs/NAME --people scores.csv --out comparison/
  memlab compare resmem.csv --people answers.csv --people.score false_alarm_rate
  memlab compare all.csv:resmem all.csv:vitmem --people all.csv --people.score hit_rate

It prints each model's Spearman's rho with people, the noise ceiling where counts or answers are
known, and the differences between models. Intervals resample the images of both models together.
--out also writes compare.html: one page that shows the images on which people and models differ
most, and those on which they agree.

For run folders memlab also compares errors, and the effects of every ablation that both tests have.
Up to four are compared each with each, more with the first. Two folders of memlab repeat are
compared member by member: split-1 with split-1.

  memlab compare runs/resnet50 runs/vit
  memlab compare runs/frozen/test-001 runs/tuned/test-003 --out comparison/

{AUDITS}"""


def run(arguments: list[str]) -> int:
    """Compare runs; return the exit code."""
    parser = Options("compare", DESCRIPTION)
    parser.add_argument("runs", metavar="MODEL", nargs="+", type=Path)
    add_people(parser)
    parser.add_argument(
        "--out", type=Path, help="write compare.csv, .json, .html and figures here, and images.csv"
    )
    options = parser.parse_args(arguments[1:])
    check_people(options)
    paths: list[Path] = options.runs

    from memlab.data.predictions import table_and_column

    if options.out:
        require_own_folder(options.out, "compare.json")
        given = [table_and_column(path)[0] for path in paths]
        require_apart(options.out, [*given, options.people, options.images])
    if are_audits(paths):
        return compare_audits(paths, options)
    if len(paths) < 2 and options.people is None:
        raise MemlabError(
            f"{paths[0]} alone: give two runs or more, or people's scores: --people TABLE"
        )
    tables = [_table(path) for path in paths]
    if not any(tables):
        from memlab.repeat_folder import read_repeat

        repeats = [read_repeat(path) for path in paths]
        if any(repeats):
            return _compare_members(paths, repeats, options)
    return _compare(paths, tables, options)


def _compare(paths: list[Path], tables: list[Predictions | None], options: Namespace) -> int:
    """Compare tests with each other, and tests and tables with people."""
    from memlab.analysis.comparison import Comparison, compare, pairs_of
    from memlab.progress import progress
    from memlab.reading import content_of
    from memlab.reports.people_text import print_people
    from memlab.reports.tables import print_comparison
    from memlab.reports.terminal import plain_console
    from memlab.reports.tested import read_tested, with_distinct_labels

    of_people = options.people is not None or any(tables)
    folders = [path for path, table in zip(paths, tables, strict=True) if table is None]
    tests = with_distinct_labels(
        [read_tested(path, scored=not of_people) for path in _each_once(folders)]
    )
    scored = [test for test in tests if test.rows["score"].notna().all()]
    comparison = Comparison([], [], [], None, [])
    console = plain_console()
    with content_of(*(test.folder for test in tests)):
        if len(scored) > 1:
            pairs = pairs_of(scored)
            with progress("Comparing", len(pairs)) as advance:
                comparison = compare(scored, pairs, advance)
            print_comparison(comparison, console)
    waiting = iter(tests)
    models = [table or as_predictions(next(waiting)) for table in tables]
    found = None
    if of_people:
        found = side_by_side(models, options)
        print_people(found.comparison, console)
    elif options.out:
        try:
            found = side_by_side(models, options)
        except MemlabError as error:
            note(f"no page: {error}")
    if options.out:
        _write(comparison, found, options.out)
    return 0


def _compare_members(paths: list[Path], repeats: list[Repeat | None], options: Namespace) -> int:
    """Compare two folders of repeated runs, member by member."""
    from memlab.analysis.comparison import compare
    from memlab.progress import progress
    from memlab.reading import content_of
    from memlab.reports.tables import print_comparison
    from memlab.reports.terminal import plain_console

    if options.people is not None:
        raise MemlabError(
            f"--people: {paths[0]} holds repeated runs; give one of them, such as {paths[0]}/NAME"
        )
    pairs = _matched(paths, repeats)
    tests = [test for pair in pairs for test in pair]
    folders = [test.folder for test in tests]
    with progress("Comparing", len(pairs)) as advance, content_of(*folders):
        comparison = compare(tests, pairs, advance, repeated=True)
    with content_of(*folders):
        print_comparison(comparison, plain_console())
    if options.out:
        _write(comparison, None, options.out)
    return 0


def _write(comparison: Comparison, found: SideBySide | None, folder: Path) -> None:
    from memlab.reports.comparison import write_comparison
    from memlab.reports.terminal import plain_console

    console = plain_console()
    names = ["compare.json", "compare.csv"]
    page = None
    if found is None:
        write_comparison(comparison, folder)
    else:
        page = write_page(comparison, found, folder)
        names.append("images.csv")
    console.print(f"results   {folder}/{', '.join(names)}", soft_wrap=True)
    for figure in comparison.figures:
        console.print(f"figure    {folder}/{figure}", soft_wrap=True)
    if page is not None:
        console.print(f"page      {page}", soft_wrap=True)


def _table(path: Path) -> Predictions | None:
    """Return the predictions of a table or of folds; None for the folder of a run or test."""
    from memlab.data.predictions import is_folds, read_predictions, table_and_column
    from memlab.data.tables import ENDINGS
    from memlab.image_files import what_is

    file, column = table_and_column(path)
    if what_is(file) == "file" or is_folds(file):
        return read_predictions(file, column)
    if what_is(file) == "nothing" and file.suffix.lower() in ENDINGS:
        raise MemlabError(f"{path}: no such file")
    return None


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
