"""Prediction intervals: the maths, what checkpoints keep of it, and what people see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from memlab import load
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.metrics.conformal import (
    Calibration,
    coverage,
    coverage_entry,
    expected_coverage,
    half_width,
    interval,
    percentile,
    thinned,
)
from tests.builders.commands import QUIET, TINY, results


@pytest.mark.parametrize(
    ("n", "level", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.9, 18), (99, 0.9, 90), (99, 0.07, 7), (19, 0.95, 19)],
)
def test_the_half_width_is_the_stated_order_statistic(n: int, level: float, rank: int) -> None:
    found = half_width(np.arange(1.0, n + 1), level)
    assert found.value == rank
    assert found.n == n


@pytest.mark.parametrize(("n", "level", "least"), [(8, 0.9, 9), (18, 0.95, 19), (0, 0.5, 1)])
def test_too_few_images_have_no_interval(n: int, level: float, least: int) -> None:
    found = half_width(np.zeros(n), level)
    assert found.value is None
    assert found.reason is not None
    assert f"{n} validation images are too few" in found.reason
    assert f"at least {least}" in found.reason
    assert half_width(np.zeros(least), level).value == 0


@pytest.mark.parametrize("level", [0.0, 1.0, -1, 90, float("nan")])
def test_a_level_lies_between_0_and_1(level: float) -> None:
    with pytest.raises(MemlabError, match="above 0 and below 1"):
        half_width(np.zeros(100), level)


def test_errors_that_are_not_finite_give_no_interval() -> None:
    assert half_width(np.array([0.1] * 20 + [np.nan]), 0.9).reason == (
        "validation predictions are not finite"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("n", "level"), [(19, 0.9), (30, 0.8), (200, 0.95)])
def test_coverage_is_what_finite_sample_theory_says(n: int, level: float) -> None:
    # the coverage given the calibration images is Beta(k, n + 1 - k) distributed, so new images
    # are held with probability k / (n + 1) exactly, for any distribution without ties
    rng = np.random.default_rng(0)
    rounds = 20_000
    errors = rng.exponential(size=(rounds, n + 1)) ** 2
    held = 0
    for row in errors:
        half = half_width(np.sort(row[:n]), level).value
        assert half is not None
        held += bool(row[n] <= half)
    k = int(np.ceil(round((n + 1) * level, 9)))
    assert level <= k / (n + 1) < level + 1 / (n + 1)
    assert stats.binomtest(held, rounds, k / (n + 1)).pvalue > 0.001


def test_intervals_stay_where_scores_are() -> None:
    low, high = interval(np.array([0.05, 0.5, 0.98]), 0.1)
    assert np.allclose(low, [0, 0.4, 0.88])
    assert np.allclose(high, [0.15, 0.6, 1])


def test_differences_of_rates_may_lie_below_zero() -> None:
    calibration = Calibration(np.full(20, 0.4), np.array([-0.2, 0.1, 0.5]))
    score, predicted = np.array([-0.25, 0.3]), np.array([0.1, 0.2])
    ends = calibration.columns(predicted)
    assert (ends["low"].tolist(), ends["high"].tolist()) == (
        pytest.approx([-0.3, -0.2]),
        pytest.approx([0.5, 0.6]),
    )
    assert coverage_entry(calibration, predicted, score)["coverage"].value == 1


def test_coverage_has_clopper_and_pearsons_interval() -> None:
    score = np.linspace(0, 1, 50)
    found = coverage(score, np.full(50, 0.1), np.full(50, 1.0))
    inside = int((score >= 0.1).sum())
    assert found.value == inside / 50
    # Clopper & Pearson (1934) by its Beta quantiles
    assert found.low == pytest.approx(stats.beta.ppf(0.025, inside, 50 - inside + 1))
    assert found.high == pytest.approx(stats.beta.ppf(0.975, inside + 1, 50 - inside))
    assert coverage(np.zeros(0), np.zeros(0), np.zeros(0)).reason == "no images"


def test_percentiles_count_ties_half() -> None:
    labels = np.array([0.2, 0.4, 0.4, 0.9])
    asked = np.array([0.1, 0.2, 0.4, 0.5, 1.0, np.nan])
    wanted = [stats.percentileofscore(labels, value, kind="mean") for value in asked[:-1]]
    found = percentile(asked, labels)
    assert found[:-1].tolist() == wanted == [0, 12.5, 50, 75, 100]
    assert np.isnan(found[-1])


def test_thinned_labels_give_the_same_percentiles_to_a_tenth() -> None:
    rng = np.random.default_rng(1)
    labels = rng.beta(5, 2, size=45_000)
    asked = rng.uniform(size=500)
    few = thinned(labels)
    assert len(few) == 1001
    assert few[0] == labels.min()
    assert few[-1] == labels.max()
    assert np.abs(percentile(asked, few) - percentile(asked, np.sort(labels))).max() < 0.11
    assert np.array_equal(thinned(labels[:1001]), np.sort(labels[:1001]))


def test_without_calibration_everything_is_null_with_the_reason() -> None:
    entry = coverage_entry(Calibration(), np.full(3, 0.5), np.full(3, 0.5))
    for name in ("half_width", "coverage", "mean_width"):
        assert entry[name].value is None
        assert entry[name].reason == "the model brings no validation errors"


@pytest.fixture(scope="module")
def calibrated(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs with enough validation images for an interval."""
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    arguments = [f"--run={folder}", f"--data.root={synthetic}", "--data.image_size=64", *TINY]
    more = ["--data.split=30/40/30", "--attribution=none", "--trainer.max_epochs=2"]
    assert main(["fit", *arguments, *more]) == 0
    return folder


@pytest.mark.slow
def test_a_checkpoint_keeps_the_errors_of_its_very_weights(calibrated: Path) -> None:
    assert main(["validate", f"--run={calibrated}", *QUIET]) == 0
    rows = pd.read_parquet(calibrated / "validate-001" / "rows.parquet")
    errors = np.sort(np.abs(rows["score"] - rows["predicted"]).to_numpy())
    checkpoint = torch.load(calibrated / "fit" / "checkpoints" / "best.ckpt", weights_only=True)
    kept = checkpoint["memlab"]["calibration"]
    assert len(errors) == 24
    assert np.allclose(kept["residuals"].numpy(), errors, atol=1e-6)
    assert len(kept["labels"]) == 18
    # an interval is not checked on the images that made it
    assert results(calibrated / "validate-001")["interval"] is None


@pytest.mark.slow
def test_test_reports_coverage_and_rows_hold_the_intervals(
    calibrated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", f"--run={calibrated}", "--attribution=none", *QUIET]) == 0
    shown = capsys.readouterr().out
    assert "coverage of 90 % intervals" in shown
    assert "mean width of 90 % intervals" in shown
    found = results(calibrated / "test-001")["interval"]
    rows = pd.read_csv(calibrated / "test-001" / "rows.csv")
    inside = rows["score"].between(rows["low"], rows["high"])
    assert found["level"] == 0.9
    assert found["coverage"]["value"] == pytest.approx(inside.mean())
    assert found["coverage"]["low"] <= inside.mean() <= found["coverage"]["high"]
    assert found["mean_width"]["value"] == pytest.approx((rows["high"] - rows["low"]).mean())
    half = found["half_width"]["value"]
    assert np.allclose(rows["low"], (rows["predicted"] - half).clip(0, 1), atol=1e-6)
    assert rows["percentile"].between(0, 100).all()


@pytest.mark.slow
def test_score_takes_a_level(calibrated: Path, synthetic: Path) -> None:
    widths = []
    for level in ("0.5", "0.9"):
        options = ["--level", level, "--out", "scores.csv"]
        assert main(["score", str(calibrated), str(synthetic / "images"), *options]) == 0
        table = pd.read_csv("scores.csv")
        assert list(table) == ["image", "predicted", "low", "high", "percentile", "error"]
        widths.append(float((table["high"] - table["low"]).mean()))
    assert 0 < widths[0] < widths[1]
    assert main(["score", str(calibrated), str(synthetic / "images"), "--level", "90"]) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*could not find the monitored key")
def test_weights_that_were_not_validated_have_no_interval(synthetic: Path) -> None:
    arguments = [f"--data.root={synthetic}", "--data.image_size=64", "--run=runs/odd", *TINY]
    more = ["--trainer.check_val_every_n_epoch=2", "--trainer.max_epochs=3", "--attribution=none"]
    assert main(["fit", *arguments, "--data.split=30/40/30", *more]) == 0
    checkpoints = Path("runs/odd/fit/checkpoints")
    assert load(checkpoints / "best.ckpt").calibration.half_width().value is not None
    last = load(checkpoints / "last.ckpt").calibration
    assert last.half_width().reason == "no validation at these weights"
    assert last.labels is not None


@pytest.mark.parametrize(("n", "tested", "level"), [(240, 480, 0.9), (19, 100, 0.95)])
def test_coverage_lies_where_it_is_expected(n: int, tested: int, level: float) -> None:
    rng = np.random.default_rng(5)
    low, high = expected_coverage(n, tested, level)
    inside = 0
    for _ in range(2000):
        errors = np.sort(np.abs(rng.normal(size=n)))
        held = np.abs(rng.normal(size=tested)) <= half_width(errors, level).value
        inside += low <= held.mean() <= high
    assert inside / 2000 == pytest.approx(0.96, abs=0.02)  # 0.95 or, the count being whole, more
