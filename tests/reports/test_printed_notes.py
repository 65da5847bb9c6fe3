"""What is printed beside numbers: how many images, which p, and what a share above one means."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from memlab.analysis.comparison import compare, pairs_of
from memlab.analysis.effect import DoseCurve
from memlab.reports import (
    dose_figures,
    effect_figures,
    figures,
    terminal,
)
from memlab.reports.tested import read_tested
from memlab.stats.measures import Statistic
from tests.builders.analyses import N, made_analysis, shown
from tests.builders.finished_runs import people, write_finished

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
    lines = shown(made_analysis(hidden(rng), clean, clean + rng.normal(0, 0.1, N)).conditions, 100)
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
    entry = made_analysis(removed, clean, score, **kinds).conditions[0]
    swapped = {("s@1", "swap"): moved, ("s@1", "round-trip"): back}
    swap = made_analysis(swapped, clean, score).conditions[0]
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
    return made_analysis(drops, clean, score)


def test_a_share_above_one_gets_a_note_in_the_results_and_beside_the_number() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.05, N)
    summary = swap_of(0.07, clean, clean + rng.normal(0, 0.01, N))
    (entry,) = summary.conditions
    assert entry.beyond_control.variance_share.low < 1
    assert entry.beyond_control.variance_share.value > 1
    (note,) = entry.notes
    assert "is above 1" in note
    assert "leave the range" in note
    assert any(note in one for one in summary.notes)
    lines = shown(summary.conditions, 100)
    assert any("round trip; T > 1: see note" in line for line in lines)
    assert any(line.startswith("T > 1: predictions leave the range") for line in lines)
    (runaway,) = swap_of(0.3, clean, clean + rng.normal(0, 0.01, N)).conditions
    assert runaway.beyond_control.variance_share.value is None
    printed = " ".join(" ".join(shown([runaway], 100)).split())
    assert "no T: " in printed
    assert "outside the range of the clean ones" in printed
    (usual,) = swap_of(0.02, clean, clean + rng.normal(0, 0.01, N)).conditions
    assert usual.notes == []


@pytest.mark.slow
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
    printed = " ".join(" ".join(shown(same.conditions, 100)).split())
    assert "no T: predictions are constant" in printed


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
    entries = (
        made_analysis(drops, clean, clean, **kinds).conditions
        + made_analysis(other, clean, clean).conditions
    )
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
    summary = made_analysis({("cut@1", "target"): few}, clean, clean)
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
