"""Effects that a test writes: the same numbers as by hand from its tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.results import read
from memlab.cli import main
from tests.builders.commands import QUIET

pytestmark = pytest.mark.slow


def run_white_box(synthetic: Path, model: str, *more: str) -> Path:
    root = shutil.copytree(synthetic, "synthetic")
    options = [
        f"--data.root={root}",
        "--data.split=10/10/80",
        "--data.num_workers=0",
        *QUIET,
        *more,
    ]
    assert main(["test", "--model", model, *options]) == 0
    (folder,) = Path("runs").glob("*/test-001-*")
    return folder


FACES = ("--ablation", "grayscale", "--ablation.region", "faces")


@pytest.mark.slow
def test_numbers_are_those_of_the_tables(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_white_box(synthetic, "white_box_face_chroma", *FACES, "--controls", "3")
    printed = capsys.readouterr().out
    assert "grayscale@1[faces]" in printed
    assert ", control " in printed
    assert max(len(line) for line in printed.splitlines() if "[faces]" in line) <= 100
    (entry,) = [one for one in read(folder).conditions if one.role == "target"]
    changed = pd.read_csv(folder / "conditions.csv")
    clean = pd.read_csv(folder / "rows.csv").set_index("id")["predicted"]
    changed = changed[changed["eligible"]]
    changed["drop"] = changed["id"].map(clean) - changed["predicted"]
    target = changed[changed["role"] == "target"].groupby("id")["drop"].mean()  # of two draws
    control = changed[changed["role"] == "control"].groupby("id")["drop"].mean()
    specific = (target - control).dropna()
    found = entry.control
    assert entry.eligible == len(target)
    assert entry.effect.value == pytest.approx(target.mean(), abs=1e-7)
    squares = (
        changed[changed["role"] == "target"].groupby("id")["drop"].apply(lambda x: (x**2).mean())
    )
    assert entry.rms_effect.value == pytest.approx(np.sqrt(squares.mean()), abs=1e-7)
    assert (found.kind, found.draws, found.n) == ("matched-control", 3, len(control))
    assert found.without == len(target) - len(control)
    assert found.effect.value == pytest.approx(control.mean(), abs=1e-7)
    beyond = entry.beyond_control.specific_effect.value
    assert beyond == pytest.approx(specific.mean(), abs=1e-7)
    assert beyond > 0.05


@pytest.mark.slow
def test_a_constant_model_has_no_effects(synthetic: Path) -> None:
    folder = run_white_box(
        synthetic, "white_box_constant", *FACES, "--ablation", "blur", "--controls", "2"
    )
    for entry in read(folder).conditions:
        assert entry.effect.value == entry.rms_effect.value == 0
        assert entry.spearman_ablated.value is None
        assert entry.spearman_ablated.reason
        assert entry.tests.either.p == 1 or (
            entry.tests.either.p is None and entry.tests.either.reason
        )


@pytest.mark.slow
def test_without_controls_there_is_nothing_to_compare_with(synthetic: Path) -> None:
    folder = run_white_box(synthetic, "white_box_face_chroma", *FACES, "--controls", "0")
    (entry,) = read(folder).conditions
    assert entry.effect.value > 0.05
    assert entry.control.reason == "no control was run"
    assert entry.beyond_control.specific_effect.value is None
    assert entry.tests.either.p is None
    assert entry.tests.either.reason == "no control draws"
    assert set(pd.read_csv(folder / "conditions.csv")["role"]) == {"target"}


@pytest.mark.slow
def test_a_ladder_makes_curves_and_figures(synthetic: Path) -> None:
    folder = run_white_box(
        synthetic, "white_box_face_chroma", *FACES, "--doses", "ladder", "--controls", "2"
    )
    found = read(folder)
    (curve,) = found.dose_curves
    assert (curve.curve, curve.quantity) == ("grayscale[faces]", "specific_effect")
    assert curve.doses == sorted(curve.doses)
    assert len(curve.effects) == len(curve.control_effects) == 5
    assert curve.isotonic_residual == pytest.approx(0, abs=1e-9)
    for name in ("ablation-effects.png", "dose-curves.png"):
        assert name in found.figures
        assert (folder / name).stat().st_size > 5000
