"""memlab compare AUDIT AUDIT...: what several models or training seeds rely on, side by side."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from memlab.cli.audit import DONE
from memlab.errors import MemlabError

DESCRIPTION = """\
Folders of memlab audit are compared with each other: T of each feature, with intervals of the
differences. Images are paired. Audits whose models have the same class and arguments, but other
weights, are networks of one model that differ in their training seed: they are averaged, and
intervals cover seeds, too.

  memlab compare audits/resmem audits/net-s0 audits/net-s1 audits/net-s2 --out comparison/
"""


def are_audits(paths: Sequence[Path]) -> bool:
    """Return whether the paths are folders of finished audits.

    Raises:
        MemlabError: if some are audits and others are not; names one of them.
    """
    found = [(path / DONE).is_file() for path in paths]
    if any(found) and not all(found):
        other = paths[found.index(False)]
        raise MemlabError(
            f"{other}: no {DONE} in it, and {paths[found.index(True)]} is an audit; audits are "
            "compared with audits"
        )
    return all(found)


def compare_audits(paths: Sequence[Path], options: Namespace) -> int:
    """Compare finished audits; return the exit code."""
    from memlab.audit.compared import LETTERS, models_of
    from memlab.audit.compared import compare_audits as compare
    from memlab.audit.finished import read_audit
    from memlab.reading import content_of
    from memlab.reports.compared_audits import print_compared, write_compared
    from memlab.reports.terminal import plain_console

    if options.people is not None:
        raise MemlabError("--people: audits are compared with each other; leave it out")
    for index, path in enumerate(paths):
        if path.resolve() in {other.resolve() for other in paths[:index]}:
            raise MemlabError(f"{path} is given twice")
    if len(paths) < 2:
        raise MemlabError(f"{paths[0]} alone: give two audits or more")
    audits = [read_audit(path) for path in paths]
    models = models_of(audits)
    if len(models) > len(LETTERS):
        raise MemlabError(
            f"{len(models)} models: at most {len(LETTERS)} are compared at once; give fewer audits"
        )
    with content_of(*paths):
        comparison = compare(models)
    print_compared(comparison)
    if options.out:
        figures = write_compared(comparison, options.out)
        console = plain_console()
        console.print(f"results   {options.out}/compare.json, compare.csv", soft_wrap=True)
        for figure in figures:
            console.print(f"figure    {options.out}/{figure}", soft_wrap=True)
    return 0
