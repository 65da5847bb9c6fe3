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
from matplotlib.figure import Figure
from rich.console import Console

from memlab.analysis.associations import associations
from memlab.analysis.cell_effect import CellEffect
from memlab.analysis.comparison import compare, pairs_of
from memlab.analysis.effect import DoseCurve
from memlab.analysis.over_members import OverMembers
from memlab.analysis.repeated import Member, MemberStatistic, RepeatSummary, TestImages
from memlab.analysis.results import Scan, without_nan
from memlab.numbers import interval, number, p_value, statistic
from memlab.reports import (
    attributes,
    dose_figures,
    effect_figures,
    figures,
    tables,
    terminal,
)
from memlab.reports.html import fill
from memlab.reports.scan import scan_lines
from memlab.reports.tested import read_tested
from memlab.stats.measures import Statistic
from tests.analysis.test_effects import N, made, shown
from tests.finished import people, write_finished

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
    summary_of = made(
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
    assert "corrected p <.001" in text


def test_pages_print_numbers_by_the_same_function() -> None:
    page = (ROOT / "memlab/reports/templates/check.html.jinja").read_text(encoding="utf-8")
    macros = page[: page.index("{% macro grouped")]
    assert "statistic(s, digits, signed=true)" in macros
    assert "number(value, digits)" in macros
    assert "|format" not in macros
    assert callable(fill)


def test_results_hold_no_nought_with_a_sign() -> None:
    assert str(without_nan({"a": [-0.0, float("nan"), 1.5]})) == "{'a': [0.0, None, 1.5]}"


# --- the table of ablations


def hidden(rng: np.random.Generator) -> dict[tuple[str, str], np.ndarray]:
    """Effects of a model of redness: grey images score up or down, none on average."""
    signs = np.tile([[1.0], [-1.0]], (N // 2, 1))
    return {
        ("grayscale@1", "target"): 0.05 * signs,
        ("blur@2", "target"): rng.normal(0.05, 0.01, (N, 1)),
        ("shift@2", "nuisance"): rng.normal(0, 0.0006, (N, 1)),
    }


def test_the_table_says_which_p_is_which_and_finds_a_size_without_a_mean() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    lines = shown(made(hidden(rng), clean, clean + rng.normal(0, 0.1, N)).conditions, 100)
    assert max(map(len, lines)) <= 100
    (grey,) = [line for line in lines if line.startswith("grayscale@1")]
    assert re.search(r"(1\.000|\.9\d\d)\s+<\.001\s+\d\d × baseline \.000\d", grey), grey
    (blur,) = [line for line in lines if line.startswith("blur@2")]
    assert re.search(r"<\.001\s+<\.001", blur), blur
    text = "\n".join(lines)
    assert "any effect at all" not in text
    assert "p mean: the mean effect is not 0; Holm-corrected over 2 tests" in text
    assert "p size: effect, up or down, beyond baseline; Holm-corrected over 2 tests" in text
    assert "baseline: RMS effect of the largest nuisance change (shift@2)" in text


def test_n_stands_beside_each_number_that_is_of_other_images() -> None:
    rng = np.random.default_rng(1)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    target, control = rng.normal(0.02, 0.02, (N, 1)), rng.normal(0, 0.02, (N, 8))
    target[50:] = np.nan
    control[40:] = np.nan
    moved, back = rng.normal(0, 0.05, (N, 4)), rng.normal(0, 0.01, (N, 4))
    moved[30:], back[20:] = np.nan, np.nan
    kinds = {"compared_with": "matched-control", "region": "faces"}
    removed = {("g@1", "target"): target, ("g@1", "control"): control}
    entry = made(removed, clean, score, **kinds).conditions[0]
    swapped = {("s@1", "swap"): moved, ("s@1", "round-trip"): back}
    swap = made(swapped, clean, score).conditions[0]
    lines = shown([entry, swap], 120)
    (one,) = [line for line in lines if line.startswith("g@1")]
    assert "40/60" in one, "S is of the images with controls"
    assert "(n 50)" in one, "ρ is of all that were ablated"
    (other,) = [line for line in lines if line.startswith("s@1")]
    assert "20/60" in other, "T is of the images with a round trip"
    assert "(n 30)" in other


def test_metrics_of_fewer_images_than_were_tested_say_so() -> None:
    results = SimpleNamespace(
        metrics={"spearman": Statistic(0.5, 40)},
        interval=None,
        n=44,
        data=SimpleNamespace(skipped=[]),
    )
    out = io.StringIO()
    table = terminal.metrics_table(results, "test")  # type: ignore[arg-type]
    Console(file=out, width=100).print(table)
    assert "(n 40)" in out.getvalue()


# --- notes beside a share that is none


def swap_of(moved: float, clean: np.ndarray, score: np.ndarray, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    drops = {
        ("swap@1", "swap"): rng.normal(0, moved, (N, 4)),
        ("swap@1", "round-trip"): rng.normal(0, 0.001, (N, 4)),
    }
    return made(drops, clean, score)


def test_a_share_above_one_gets_a_note_in_the_results_and_beside_the_number() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.05, N)
    summary = swap_of(0.3, clean, clean + rng.normal(0, 0.01, N))
    (entry,) = summary.conditions
    assert entry.beyond_control.variance_share.value > 1
    (note,) = entry.notes
    assert "is above 1" in note
    assert "leave the range" in note
    assert any(note in one for one in summary.notes)
    lines = shown(summary.conditions, 100)
    assert any("round trip; T > 1: see note" in line for line in lines)
    assert any(line.startswith("T > 1: predictions leave the range") for line in lines)
    (usual,) = swap_of(0.02, clean, clean + rng.normal(0, 0.01, N)).conditions
    assert usual.notes == []


def test_the_share_of_a_model_that_knows_nothing_gets_a_note() -> None:
    rng = np.random.default_rng(3)
    clean = rng.normal(0.7, 0.1, N)
    for score in (rng.normal(0.7, 0.1, N), -clean):
        summary = swap_of(0.05, clean, score)
        (note,) = summary.conditions[0].notes
        assert "not shown to correlate with the scores" in note
        assert any("not shown to correlate" in one for one in summary.notes)
    unscored = swap_of(0.05, clean, np.full(N, np.nan))
    assert unscored.conditions[0].notes == [], "nothing to correlate with"
    same = swap_of(0.05, np.full(N, 0.7), rng.normal(0.7, 0.1, N))
    (entry,) = same.conditions
    assert entry.beyond_control.variance_share.reason == "predictions are constant"
    assert "predictions are constant" in entry.notes[0]
    lines = shown(same.conditions, 100)
    assert any("no T: predictions are constant" in line for line in lines)


# --- ablations of too few images


def words(figure: Figure) -> str:
    every = [text.get_text() for axes in figure.axes for text in axes.texts]
    every += [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    return "\n".join(every)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_ablation_of_too_few_images_is_shown_as_such(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []

    def keep(figure: Figure, _folder: Path, name: str) -> list[str]:
        drawn.append(figure)
        return [name]

    monkeypatch.setattr(effect_figures, "save", keep)
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = rng.normal(0.02, 0.02, (N, 1)), rng.normal(0, 0.02, (N, 8))
    target[count:] = np.nan
    control[count:] = np.nan
    kinds = {"compared_with": "matched-control", "region": "faces"}
    drops = {("remove_faces@1", "target"): target, ("remove_faces@1", "control"): control}
    other = {("blur@2", "target"): rng.normal(0, 0.05, (N, 1))}
    entries = made(drops, clean, clean, **kinds).conditions + made(other, clean, clean).conditions
    assert effect_figures.forest(entries, tmp_path) == ["ablation-effects"]
    why = f"n = {count}: too few" if count else "no eligible image"
    text = words(drawn[0])
    assert f"Remove faces, 1   (n = {count} of {N})" in text
    assert text.count(why) == 2, "in the panel of the effect and in that of S"
    lines = shown(entries, 100)
    (line,) = [line for line in lines if line.startswith("remove_faces@1")]
    assert why in line
    assert f" {count}/{N} " in line


def test_a_dose_curve_and_a_comparison_of_too_few_images_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    for module in (dose_figures, figures):
        monkeypatch.setattr(module, "save", lambda figure, *_: drawn.append(figure) or ["x.png"])
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    few = np.full((N, 1), np.nan)
    few[:2] = 0.1
    summary = made({("cut@1", "target"): few}, clean, clean)
    (entry,) = summary.conditions
    step = replace(entry, condition="cut@2", dose=2.0, primary=False)
    curve = DoseCurve(
        curve="cut",
        ablation="cut",
        family="colour",
        region="all",
        fill=None,
        unit="",
        compared_with="nuisance-baseline",
        quantity="effect",
        conditions=["cut@1", "cut@2"],
        doses=[1.0, 2.0],
        values=[entry.effect] * 2,
        effects=[entry.effect] * 2,
        control_effects=[None, None],
        area=entry.effect,
        isotonic_residual=None,
    )
    dose_figures.curves([curve], [entry, step], tmp_path)
    assert "n = 2: too few" in words(drawn[-1])
    predicted, score = people(40, 1)
    tests = []
    for name, shift in (("a", 0.0), ("b", 0.01)):
        folder = write_finished(
            tmp_path / name, predicted, score, drops={"blur@2": np.full(40, 0.1 + shift)}
        )
        tests.append(read_tested(folder))
    compared = compare(tests, pairs_of(tests), lambda _: None)
    none = replace(compared.conditions[0].effect, difference=Statistic(None, 0, reason="none"))
    compared.conditions[0] = replace(compared.conditions[0], effect=none)
    figures.compared_runs(compared, tmp_path)
    assert "n = 0: none" in words(drawn[-1])
