"""Terminal output of memlab data check."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from memlab.ceiling.reliability import Reliability, reliability_of_rows
from memlab.data.check import Findings, check
from memlab.data.near_duplicates import NEAR_BITS
from memlab.data.table import Problem, Table
from memlab.numbers import number

_SHOWN = 10


def check_and_show(table: Table, near: int | None, out: Path | None) -> int:
    """Check a data set, print the findings, and write the page.

    Args:
        table: the data set.
        near: maximum distance in bits between near duplicates; -1 for the default, None to skip.
        out: folder of the page, or None.

    Returns:
        1 if there is a problem, else 0.
    """
    findings = check(table, NEAR_BITS if near == -1 else near)
    _print(f"{table.origin}: {_overview(table)}")
    # The screen shows only part of the findings if the files hold all of them.
    _list(findings.problems, _SHOWN if out else None, "problems.csv")
    kinds = Counter(problem.kind for problem in findings.problems)
    summary = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    none = "no problems found, but there are no scores" if table.unscored else "no problems"
    _print(f"problems: {summary}" if kinds else none)
    if findings.notes:
        _print("notes:")
        _list(findings.notes, _SHOWN, "notes.csv" if out else "--out DIR")
    _print_masks(findings)
    reliability = reliability_of_rows(table.rows)
    _print_reliability(reliability)
    if out:
        from memlab.reports.check_page import write_page

        _print(f"page      {write_page(findings, reliability, table, out)}")
    return 1 if findings.problems else 0


def _overview(table: Table) -> str:
    counts = table.rows["split"].value_counts()
    splits = ", ".join(
        f"{counts[name]} {name}" for name in ("train", "val", "test") if name in counts
    )
    scores = table.rows["score"].dropna()
    spread = (
        f"; scores {number(scores.min(), 3)} to {number(scores.max(), 3)}, "
        f"mean {number(scores.mean(), 3)}"
    )
    return (
        f"{len(table.rows)} images{f' ({splits})' if splits else ''}"
        f"{spread if len(scores) else '; no scores'}"
    )


def _list(problems: list[Problem], most: int | None, rest: str) -> None:
    listed: Counter[str] = Counter()
    for problem in problems:
        listed[problem.kind] += 1
        if most is None or listed[problem.kind] <= most:
            printable = "".join(char if char.isprintable() else "?" for char in problem.message)
            _print(f"  {problem.kind:<14} {printable}")
    for kind, count in listed.items():
        if most is not None and count > most:
            _print(f"  {kind:<14} and {count - most} more: {rest}")


def _print_masks(findings: Findings) -> None:
    for row in findings.masks.to_dict("records"):
        area = f", {row['area']:.2g} % of the area (median)" if row["found"] else ""
        odd = "".join(f"; {row[it]} {it}" for it in ("empty", "everywhere", "wrong") if row[it])
        present = f"in {row['found']} of {row['annotated']} annotated images"
        _print(f"masks of {row['region']}: {present}{area}{odd}")


def _print_reliability(report: Reliability | None) -> None:
    if report is None:
        return
    if report.half.value is None:
        _print(f"reliability of hits / n: none, {report.half.reason}")
        return
    _print(
        f"reliability of hits / n: {number(report.full.value, 3)} "
        f"(halves {number(report.half.value, 3)}); a perfect model can expect "
        f"ρ = {number(report.ceiling.value, 3)} ({report.how})"
    )


def _print(text: str) -> None:
    print(text)  # noqa: T201
