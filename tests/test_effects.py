"""What a test says of ablations: the same numbers as by hand from its tables, or the reason."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from memlab.cli import main
from memlab.reports.effect_table import print_effects
from memlab.reports.effects import Summary, summarise
from tests.conftest import QUIET, results

N, K = 60, 4


def run_oracle(scenes: Path, oracle: str, *more: str) -> Path:
    root = shutil.copytree(scenes, "scenes")
    options = [
        f"--data.root={root}",
        "--data.split=10/10/80",
        "--data.num_workers=0",
        *QUIET,
        *more,
    ]
    assert main(["test", "--model", oracle, *options]) == 0
    (folder,) = Path("runs").glob("*/test-001-*")
    return folder


FACES = ("--ablation", "grayscale", "--ablation.region", "faces")


def test_numbers_are_those_of_the_tables(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_oracle(scenes, "oracle_face_chroma", *FACES, "--controls", "3")
    printed = capsys.readouterr().out
    assert "grayscale@1[faces]" in printed
    assert "elsewhere" in printed
    assert max(len(line) for line in printed.splitlines() if "[faces]" in line) <= 100
    (entry,) = [one for one in results(folder)["conditions"] if one["role"] == "target"]
    changed = pd.read_csv(folder / "conditions.csv")
    clean = pd.read_csv(folder / "rows.csv").set_index("id")["predicted"]
    changed = changed[changed["eligible"]]
    changed["drop"] = changed["id"].map(clean) - changed["predicted"]
    target = changed[changed["role"] == "target"].set_index("id")["drop"]
    control = changed[changed["role"] == "control"].groupby("id")["drop"].mean()
    specific = (target - control).dropna()
    found = entry["control"]
    assert entry["eligible"] == len(target)
    assert entry["drop"]["value"] == pytest.approx(target.mean(), abs=1e-7)
    assert entry["rms"]["value"] == pytest.approx(np.sqrt((target**2).mean()), abs=1e-7)
    assert (found["kind"], found["draws"], found["eligible"]) == ("placed", 3, len(control))
    assert found["without"] == len(target) - len(control)
    assert found["drop"]["value"] == pytest.approx(control.mean(), abs=1e-7)
    assert found["S"]["value"] == pytest.approx(specific.mean(), abs=1e-7)
    assert found["S"]["value"] > 0.05


def test_a_constant_model_has_no_effects(scenes: Path) -> None:
    folder = run_oracle(scenes, "oracle_constant", *FACES, "--ablation", "blur", "--controls", "2")
    for entry in results(folder)["conditions"]:
        assert entry["drop"]["value"] == entry["rms"]["value"] == 0
        assert entry["spearman"]["value"] is None
        assert entry["spearman"]["reason"]
        assert entry["p"] == 1 or (entry["p"] is None and entry["test"]["reason"])


def test_without_controls_there_is_nothing_to_compare_with(scenes: Path) -> None:
    folder = run_oracle(scenes, "oracle_face_chroma", *FACES, "--controls", "0")
    (entry,) = results(folder)["conditions"]
    assert entry["drop"]["value"] > 0.05
    assert entry["control"]["reason"] == "no control was run"
    assert entry["control"]["S"]["value"] is None
    assert entry["p"] is None
    assert entry["test"]["reason"] == "no control draws"
    assert set(pd.read_csv(folder / "conditions.csv")["role"]) == {"target"}


def test_a_ladder_makes_curves_and_figures(scenes: Path) -> None:
    folder = run_oracle(
        scenes, "oracle_face_chroma", *FACES, "--doses", "ladder", "--controls", "2"
    )
    found = results(folder)
    (curve,) = found["dose_curves"]
    assert (curve["curve"], curve["effect"]) == ("grayscale[faces]", "S")
    assert curve["doses"] == sorted(curve["doses"])
    assert len(curve["effects"]) == len(curve["control_drops"]) == 5
    assert curve["isotonic_residual"] == pytest.approx(0, abs=1e-9)
    for name in ("ablation-effects.png", "dose-curves.png"):
        assert name in found["figures"]
        assert (folder / name).stat().st_size > 5000


def made(drops: dict[tuple[str, str], np.ndarray], clean: np.ndarray, score: np.ndarray) -> Summary:
    """A summary of hand-made drops, (N, draws), by condition and role."""
    ids = [f"{place:03d}" for place in range(N)]
    kinds = {"swap": "there-and-back", "there-and-back": "there-and-back", "floor": None}
    parts, details = [], []
    for (name, role), drop in drops.items():
        key = name if role == "target" else f"{name}:{role}"
        shown = {"condition": key, "ablation": name.partition("@")[0], "role": role, "dose": 1.0}
        parts += [
            pd.DataFrame({"id": ids, "draw": draw, "eligible": True, "donor": ids}).assign(
                predicted=clean - drop[:, draw], **shown
            )
            for draw in range(drop.shape[1])
        ]
        more: dict[str, Any] = {"compared_with": kinds.get(role, "floor"), "primary": True}
        more |= {"family": "colour", "region": "all", "fill": None, "unit": ""}
        details.append(shown | more)
    rows = pd.DataFrame({"id": ids, "predicted": clean, "score": score})
    return summarise(rows, pd.concat(parts, ignore_index=True), details, 0)


def shown(conditions: list[dict[str, Any]], columns: int) -> list[str]:
    """What is printed in a terminal of some width."""
    out = io.StringIO()
    whole = SimpleNamespace(conditions=conditions)
    print_effects(whole, Console(file=out, width=columns))  # type: ignore[arg-type]
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_table_leaves_out_units_and_then_correlations_before_it_wraps() -> None:
    rng = np.random.default_rng(0)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    drops = {
        ("remove_faces@1(fill=mean)", "target"): rng.normal(0.1, 0.05, (N, 1)),
        ("noise@8", "floor"): rng.normal(0, 0.02, (N, 1)),
    }
    summary = made(drops, clean, score)
    for entry in summary.conditions:
        entry["unit"] = "of the way to the fill"
    (wide, narrow, least) = (shown(summary.conditions, columns) for columns in (130, 105, 85))
    for lines in (wide, narrow, least):
        (line,) = [line for line in lines if line.startswith("remove_faces@1(fill=mean)")]
        assert "floor" in line, "all of a condition stands on one line"
        assert ("the fill" in line) == (lines is wide)
        assert ("→" in line) == (lines is not least)
    assert not [line for line in wide if "units" in line]
    assert "units of the doses: results.json" in narrow
    assert "units of the doses, and ρ: results.json" in least
    squeezed = "\n".join(shown(summary.conditions, 60))
    assert "\nremove_faces@1" in squeezed
    assert "fill=mean)" in squeezed
    assert "…" not in squeezed, "folded, not cut"


def test_a_swap_gives_t_and_a_global_change_its_floor() -> None:
    rng = np.random.default_rng(0)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    moved, back = rng.normal(0, 0.05, (N, K)), rng.normal(0, 0.01, (N, K))
    large, small, other = (rng.normal(0, sd, (N, 1)) for sd in (0.05, 0.002, 0.004))
    summary = made(
        {
            ("swapped@1", "swap"): moved,
            ("swapped@1", "there-and-back"): back,
            ("greyed@1", "target"): large,
            ("shift@1", "floor"): small,
            ("jpeg@1", "floor"): other,
        },
        clean,
        score,
    )
    swap, grey, *floor = summary.conditions
    value = ((moved**2).mean(axis=1) - (back**2).mean(axis=1)).mean()
    assert swap["control"]["T"]["value"] == pytest.approx(value / (2 * clean.var(ddof=1)))
    assert swap["p"] < 0.001
    size, least = np.sqrt((large**2).mean()), np.sqrt((other**2).mean())
    assert grey["control"]["condition"] == "jpeg@1:floor"
    assert grey["control"]["rms"]["value"] == pytest.approx(least)
    assert grey["control"]["ratio"]["value"] == pytest.approx(size / least)
    assert grey["control"]["beyond"] is True
    # Holm over the two tests: nuisance changes are none
    assert [entry["role"] for entry in floor] == ["floor", "floor"]
    assert all(entry["p"] is None and entry["test"]["reason"] for entry in floor)
    ordered = sorted([swap["p"], grey["p"]])
    assert min(swap["p_corrected"], grey["p_corrected"]) == pytest.approx(2 * ordered[0])


def test_what_cannot_be_computed_says_why() -> None:
    clean = np.linspace(0, 1, N)
    drop = np.full((N, 1), 0.1)
    entry = made({("greyed@1", "target"): drop}, clean, np.full(N, np.nan)).conditions[0]
    assert entry["spearman"]["value"] is None
    assert entry["spearman"]["reason"] == "scores are missing"
    assert entry["control"]["reason"] == "no nuisance change was run"
    drop[3] = np.nan
    entry = made({("greyed@1", "target"): drop}, clean, clean).conditions[0]
    assert entry["drop"]["reason"] == entry["test"]["reason"] == "predictions are not finite"
