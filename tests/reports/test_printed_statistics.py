"""Numbers as they are printed: one function for all, no nought that is none, n and notes beside."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from memlab.analysis.associations import associations
from memlab.analysis.cell_effect import CellEffect
from memlab.analysis.comparison import compare, pairs_of
from memlab.analysis.over_members import OverMembers
from memlab.analysis.repeated import Member, MemberStatistic, RepeatSummary, TestImages
from memlab.analysis.results import Scan, without_nan
from memlab.numbers import interval, number, p_value, statistic
from memlab.reports import (
    attributes,
    tables,
    terminal,
)
from memlab.reports.html import fill
from memlab.reports.scan import scan_lines
from memlab.reports.tested import read_tested
from memlab.stats.measures import Statistic
from tests.builders.analyses import N, made_analysis, shown
from tests.builders.finished_runs import people, write_finished

ROOT = Path(__file__).parents[2]

NOUGHT = re.compile(r"(?<![\d.<>-])[+-]?0?\.0+(?!\d)|(?<![\d.<>])[+-]0?\.0+(?!\d)")
"""A number of noughts alone, with or without a sign; `<.0001` and `>-.0001` are none."""


@pytest.mark.parametrize(
    ("value", "how", "wanted"),
    [
        (0.0, {}, "0"),
        (-0.0, {"signed": True}, "0"),
        (1e-9, {}, "<0.0001"),
        (-1e-9, {"zero": False}, ">-.0001"),
        (0.0000499, {"signed": True, "zero": False}, "<.0001"),
        (0.00005001, {"zero": False}, ".0001"),
        (-0.00006, {"zero": False}, "-.0001"),
        (0.0126, {"signed": True, "zero": False}, "+.0126"),
        (-1.5, {"digits": 2}, "-1.50"),
        (0.99999, {"digits": 3, "zero": False}, "1.000"),
        (0.3, {"digits": 0}, "<1"),
        (12.7, {"digits": 0}, "13"),
        (float("nan"), {}, "–"),
        (None, {}, "–"),
        (float("inf"), {}, "inf"),
    ],
)
def test_a_number_is_never_a_nought_that_it_is_not(
    value: float | None, how: dict[str, Any], wanted: str
) -> None:
    assert number(value, **how) == wanted


def test_the_interval_of_the_issue_is_printed_by_what_is_known() -> None:
    assert interval(-0.00004, -0.000001, signed=True) == "[>-0.0001, >-0.0001]"
    assert interval(-0.00004, 0.0, zero=False) == "[>-.0001, 0]"
    found = Statistic(-2e-5, 9, -4e-5, -1e-6)
    assert statistic(found, zero=False, n=12) == ">-.0001 [>-.0001, >-.0001] (n 9)"


@pytest.mark.parametrize("p", [0.0, 5e-324, 1e-300, 1e-9, 0.0004999, 0.00099999])
def test_a_small_p_is_below_and_never_nought(p: float) -> None:
    assert p_value(p) == "<.001"


def test_p_has_three_decimals() -> None:
    assert [p_value(p) for p in (0.001, 0.0317, 0.5, 0.9996, 1.0)] == [
        *(".001", ".032", ".500", "1.000", "1.000")
    ]


SIGNED_ZERO = re.compile(r":[^}\"'|]*\.\d+f|%[+0-9 ]*\.\d+f|:[^}\"'|]*\.\{[^}]*\}f")

OTHER = (
    "GB",  # sizes, times, counts, shares of files: nothing that can round to -0
    "seconds",
    "1e6",
    "/s",
    "% of the resamples",
    "e-",
    ".0f",
    "% of the image",
    "% of the image",
)

ELSEWHERE = ("numbers.py", "progress.py", "write.py", "copula.py", "observers.py")
"""The function itself; progress, files that are written for machines, and errors on SDs."""


def test_no_other_function_prints_decimals() -> None:
    """The kind: whoever prints a statistic calls `memlab.numbers`."""
    found = []
    for path in sorted([*(ROOT / "memlab").rglob("*.py"), *(ROOT / "memlab").rglob("*.jinja")]):
        if path.name in ELSEWHERE:
            continue
        for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if SIGNED_ZERO.search(line) and not any(one in line for one in OTHER):
                found.append(f"{path.relative_to(ROOT)}:{line_number}: {line.strip()}")
    assert [one for one in found if "selectivity_profile.py" not in one] == []


TINY = Statistic(-1e-9, 40, -2e-9, 1e-9)


def test_nothing_that_is_printed_is_a_nought_with_a_sign(tmp_path: Path) -> None:
    predicted, score = people(40, 1)
    tests = [
        read_tested(
            write_finished(
                tmp_path / name,
                predicted + shift,
                score,
                drops={"blur@2": np.full(40, drop), "jpeg@5": np.linspace(-2e-9, 1e-9, 40)},
            )
        )
        for name, shift, drop in (("a", 0, 0.0), ("b", -3e-9, -1e-9))
    ]
    out = io.StringIO()
    console = Console(file=out, width=140)
    compared = compare(tests, pairs_of(tests), lambda _: None)
    tables.print_comparison(compared, console)
    entry = OverMembers("spearman", "blur@2", 2, -1e-9, 1e-9, -2e-9, -1e-10)
    own = [MemberStatistic("spearman", None, TINY)]
    member = Member("seed-0", "seed-0/fit", 40, None, 0, 0, None, "same", own)
    summary = RepeatSummary(
        "seed",
        [],
        [member, member],
        [entry, replace(entry, condition=None)],
        TestImages(40, 1.0, 1.0, 1.0, 1.0),
        [],
    )
    tables.print_summary(summary, tmp_path, console)
    results = SimpleNamespace(
        metrics={"spearman": TINY, "r2": TINY},
        interval=None,
        n=40,
        data=SimpleNamespace(skipped=[]),
    )
    console.print(terminal.metrics_table(results, "test"))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    cell = CellEffect(0, 0, 40, TINY, TINY, TINY, p_corrected=0.0, stands_out=True, alike=-1e-9)
    scan = Scan(40, 40, (1, 1), 25, "%", "", [], 0.5, "", 0.05, 1e-9, 0, [cell])
    console.print("\n".join(scan_lines(scan)))
    rows = pd.DataFrame({"id": [f"{place}" for place in range(60)], "score": rng.random(60)})
    rows = rows.assign(predicted=rows["score"] + rng.normal(0, 0.1, 60), column=rng.random(60))
    found = associations(rows, ["column"])
    found.table.loc[:, ["value", "low", "high"]] = [-1e-9, -2e-9, 1e-9]
    attributes.print_attributes(found, 60, console)
    summary_of = made_analysis(
        {
            ("greyed@1", "target"): np.full((N, 1), -1e-9) + rng.normal(0, 1e-9, (N, 1)),
            ("shift@1", "nuisance"): rng.normal(0, 1e-9, (N, 1)),
        },
        (clean := rng.normal(0.7, 0.1, N)),
        clean,
    )
    text = out.getvalue() + "\n".join(shown(summary_of.conditions, 100))
    assert ">-.0001" in text
    assert ">-0.0001" in text
    assert not NOUGHT.findall(text), NOUGHT.findall(text)
    assert "p .000" not in text
    assert "corrected p <.001" in " ".join(text.split())


def test_pages_print_numbers_by_the_same_function() -> None:
    page = (ROOT / "memlab/reports/templates/check.html.jinja").read_text(encoding="utf-8")
    macros = page[: page.index("{% macro grouped")]
    assert "statistic(s, digits, signed=true)" in macros
    assert "number(value, digits)" in macros
    assert "|format" not in macros
    assert callable(fill)


def test_results_hold_no_nought_with_a_sign() -> None:
    assert str(without_nan({"a": [-0.0, float("nan"), 1.5]})) == "{'a': [0.0, None, 1.5]}"
