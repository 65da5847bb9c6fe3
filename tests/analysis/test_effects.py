"""What a test says of ablations: the same numbers as by hand from its tables, or the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memlab import plan
from memlab.ablations.frequency import Blur
from memlab.ablations.nuisance import Jpeg
from memlab.ablations.plan import floor
from memlab.cli import main
from memlab.numbers import number
from tests.builders.commands import QUIET, results
from tests.builders.summaries import N, made_summary, shown

K = 4


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


class Sharp(Blur):
    """A third-party nuisance change."""

    family = "floor"
    ladder = (1.0,)

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(amount)


FACES = ("--ablation", "grayscale", "--ablation.region", "faces")


def test_numbers_are_those_of_the_tables(scenes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_oracle(scenes, "oracle_face_chroma", *FACES, "--controls", "3")
    printed = capsys.readouterr().out
    assert "grayscale@1[faces]" in printed
    assert ", control " in printed
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


def test_the_table_leaves_out_units_and_then_correlations_before_it_wraps() -> None:
    rng = np.random.default_rng(0)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    drops = {
        ("remove_faces@1(fill=mean)", "target"): rng.normal(0.1, 0.05, (N, 1)),
        ("noise@8", "floor"): rng.normal(0, 0.02, (N, 1)),
    }
    summary = made_summary(drops, clean, score)
    for entry in summary.conditions:
        entry["unit"] = "of the way to the fill"
    (wide, narrow, least) = (shown(summary.conditions, columns) for columns in (130, 105, 90))
    for lines in (wide, narrow, least):
        (line,) = [line for line in lines if line.startswith("remove_faces@1(fill=mean)")]
        assert "baseline" in line, "all of a condition stands on one line"
        assert ("the fill" in line) == (lines is wide)
        assert ("→" in line) == (lines is not least)
    assert not [line for line in wide if "units" in line]
    assert "units of the doses: results.json" in narrow
    assert "units of the doses, and ρ: results.json" in least
    squeezed = "\n".join(shown(summary.conditions, 80))
    assert "\nremove_faces@1" in squeezed
    assert "mean)" in squeezed
    assert "…" not in squeezed, "folded, not cut"


def test_a_swap_gives_t_and_a_global_change_its_floor() -> None:
    rng = np.random.default_rng(0)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    moved, back = rng.normal(0, 0.05, (N, K)), rng.normal(0, 0.01, (N, K))
    large, small, other = (rng.normal(0, sd, (N, 1)) for sd in (0.05, 0.002, 0.004))
    summary = made_summary(
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
    entry = made_summary({("greyed@1", "target"): drop}, clean, np.full(N, np.nan)).conditions[0]
    assert entry["spearman"]["value"] is None
    assert entry["spearman"]["reason"] == "scores are missing"
    assert entry["control"]["reason"] == "no nuisance change was run"
    drop[3] = np.inf
    entry = made_summary({("greyed@1", "target"): drop}, clean, clean).conditions[0]
    assert entry["drop"]["reason"] == entry["test"]["reason"] == "predictions are not finite"


def removal(rng: np.random.Generator, n: int = N, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(0.02, 0.05, (n, 1)), rng.normal(0.02, 0.05, (n, k))


def test_the_floor_is_memlabs_own_slight_changes_however_strong_ones_are_asked_for() -> None:
    asked = plan([Blur(), *(Jpeg(loss) for loss in (5.0, 50.0)), Sharp()], controls=2)
    yardsticks = {one.key for one in asked if one.yardstick}
    assert yardsticks == {one.key for one in floor()}
    assert {"jpeg@5:floor", "jpeg@50:floor", "sharp@1:floor"} <= {one.key for one in asked}
    assert [one.key for one in asked].count("jpeg@5:floor") == 1
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    drops = {("blur@2", "target"): rng.normal(0, 0.05, (N, 1))}
    drops |= {("jpeg@5", "floor"): rng.normal(0, 0.01, (N, 1))}
    drops |= {("jpeg@50", "floor"): rng.normal(0, 0.2, (N, 1))}
    summary = made_summary(drops, clean, clean, asked_for=("jpeg@50",))
    blur = summary.conditions[0]
    assert blur["control"]["condition"] == "jpeg@5:floor"
    assert blur["control"]["beyond"] is True
    lines = shown(summary.conditions, 100)
    assert any(line.startswith("jpeg@50") for line in lines), "shown, since it was asked for"
    assert not any(line.startswith("jpeg@5 ") for line in lines)


def test_table_and_results_state_s_of_the_images_that_have_controls() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = removal(rng)
    target[40:] += 1  # images without any control: nothing of them may enter
    control[40:] = np.nan
    control[:10, 3:] = np.nan  # fewer than others: they bear on it all the same
    kinds = {"compared_with": "placed", "region": "faces"}
    summary = made_summary(
        {("g@1", "target"): target, ("g@1", "control"): control}, clean, clean, **kinds
    )
    (entry,) = summary.conditions
    found = entry["control"]
    means = np.array([np.nanmean(row) for row in control[:40]])
    assert entry["drop"]["n"] == entry["eligible"] == N
    assert found["own_drop"]["value"] == pytest.approx(target[:40].mean())
    assert found["drop"]["value"] == pytest.approx(means.mean())
    assert found["S"]["value"] == pytest.approx((target[:40, 0] - means).mean())
    for name in ("own_drop", "drop", "S", "M", "RMS", "g"):
        assert found[name]["n"] == 40, name
    assert entry["test"]["n"] == 40
    assert found["without"] == N - 40
    assert found["draws_mean"] == pytest.approx((30 * 8 + 10 * 3) / 40)
    (line,) = [line for line in shown(summary.conditions, 100) if line.startswith("g@1")]
    for wanted in (f"40/{N}", "S ", number(found["S"]["value"], signed=True, zero=False)):
        assert wanted in line
    beside = [
        number(found[name]["value"], signed=True, zero=False) for name in ("own_drop", "drop")
    ]
    assert f"{beside[0]}, control {beside[1]}" in line


def test_of_windows_and_blobs_there_is_s_alone() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = removal(rng)
    drops = {("crop@1", "target"): target + 0.05, ("crop@1", "control"): control}
    blob = np.full((N, 8), "blob", dtype=object)
    blob[:20] = "elsewhere"
    for kinds, place, reason in (
        ({"compared_with": "windows"}, None, "off-centre crops are not exchangeable"),
        (
            {"compared_with": "placed", "region": "faces"},
            blob,
            "random shapes are not exchangeable",
        ),
    ):
        (entry,) = made_summary(drops, clean, clean, place=place, **kinds).conditions
        for name in ("M", "RMS", "RMS+", "g", "g+"):
            assert entry["control"][name]["value"] is None
            assert reason in entry["control"][name]["reason"]
        assert entry["control"]["S"]["n"] == N
        assert entry["test"]["statistic"] == "specific effect S not 0"
        specific = (target + 0.05)[:, 0] - control.mean(axis=1)
        wanted = stats.ttest_1samp(specific, 0).pvalue
        assert entry["p"] == pytest.approx(wanted, abs=0.02)
        assert entry["p"] < 0.001


def test_where_few_regions_are_large_these_images_are_left_out() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = removal(rng)
    place = np.full((N, 8), "elsewhere", dtype=object)
    place[:5] = "blob"
    drops = {("g@1", "target"): target, ("g@1", "control"): control}
    kinds = {"compared_with": "placed", "region": "faces"}
    (entry,) = made_summary(drops, clean, clean, place=place, **kinds).conditions
    assert (entry["control"]["without"], entry["control"]["S"]["n"]) == (5, N - 5)
    assert entry["test"]["n"] == N - 5
    assert entry["control"]["M"]["value"] is not None
    assert entry["drop"]["n"] == N
    assert any("5 of 60 eligible" in text for text in entry["control"]["warnings"])


@pytest.mark.parametrize(("count", "told"), [(20, True), (60, False)])
def test_too_few_images_for_the_p_of_a_mean_are_told(count: int, told: bool) -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    drop = rng.normal(0, 0.05, (N, 1))
    drop[count:] = np.nan
    drops = {("greyed@1", "target"): drop, ("shift@1", "floor"): rng.normal(0, 0.01, (N, 1))}
    summary = made_summary(drops, clean, clean)
    rate = "n = 20 is small: at α = .05 the false-positive rate of these tests is up to 8 %"
    assert any(rate in note for note in summary.notes) == told


def test_t_of_a_swap_bound_to_a_region_counts_those_that_lack_it() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    moved, back = rng.normal(0, 0.05, (N, K)), rng.normal(0, 0.01, (N, K))
    moved[15:] = back[15:] = np.nan
    drops = {("swap@1", "swap"): moved, ("swap@1", "there-and-back"): back}
    whole, bound = (
        made_summary(drops, clean, clean, region=region).conditions[0]["control"]
        for region in ("all", "faces")
    )
    assert bound["T"]["value"] == pytest.approx(whole["T"]["value"] / 16)
    assert bound["RMS"]["value"] == whole["RMS"]["value"]
