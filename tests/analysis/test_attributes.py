"""memlab attributes: what goes with score, prediction and residual; against SciPy and formulae."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from memlab.analysis.associations import associations, baseline, correlation
from memlab.analysis.residuals import with_residuals
from memlab.data.image_statistics import measure
from memlab.stats.omega_squared import omega_squared


def images(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Images whose score goes with one number and one category, and not with others."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n)
    size, other, seen = rng.normal(size=(3, n))
    score = 0.7 + 0.05 * kind + 0.03 * size + 0.03 * seen
    return pd.DataFrame(
        {
            "id": [f"{place:04d}.jpg" for place in range(n)],
            "score": score,
            "predicted": 0.2 + 0.5 * (0.03 * seen + 0.05 * kind) + rng.normal(0, 0.002, size=n),
            "kind": np.array(["nature", "people", "things"])[kind],
            "size": size,
            "other": other,
        }
    )


def line(table: pd.DataFrame, column: str, outcome: str = "score") -> Any:
    (found,) = table[(table["column"] == column) & (table["outcome"] == outcome)].itertuples()
    return found


def test_rho_and_its_p_are_scipys() -> None:
    rows = images()
    found = line(associations(rows, ["size"], resamples=200).table, "size")
    wanted = stats.spearmanr(rows["size"], rows["score"])
    assert (found.value, found.p) == pytest.approx((wanted.statistic, wanted.pvalue))
    assert found.low < found.value < found.high


def test_shares_of_variance_are_those_of_the_f_test() -> None:
    rows = images()
    groups = [one.to_numpy() for _, one in rows.groupby("kind")["score"]]
    n, k = len(rows), len(groups)
    f = float(stats.f_oneway(*groups).statistic)
    found, eta = omega_squared(groups)
    # Hays 1963: (k − 1)(F − 1) / ((k − 1)(F − 1) + n); Cohen 1988: eta² from F
    assert found.value == pytest.approx((k - 1) * (f - 1) / ((k - 1) * (f - 1) + n))
    assert eta == pytest.approx((k - 1) * f / ((k - 1) * f + n - k))
    for end, share in ((found.low, 0.975), (found.high, 0.025)):
        assert end is not None
        assert stats.ncf.cdf(f, k - 1, n - k, end * n / (1 - end)) == pytest.approx(share, abs=1e-6)


@pytest.mark.slow
def test_intervals_of_shares_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    means = np.array([0.0, 0.4, 0.8])
    wanted = means.var() / (means.var() + 1)
    held, values = 0, []
    for _ in range(200):
        found, _ = omega_squared([rng.normal(mean, 1, size=40) for mean in means])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= wanted <= found.high
        values.append(found.value)
    assert 0.91 <= held / 200 <= 0.99
    assert np.mean(values) == pytest.approx(wanted, abs=0.01)  # type: ignore[arg-type]


@pytest.mark.slow
def test_false_alarms_on_noise_are_rare() -> None:
    rng = np.random.default_rng(1)
    raw, corrected = [], []
    for _ in range(120):
        rows = images(60, int(rng.integers(1 << 30))).assign(predicted=np.nan)
        for place in range(4):
            rows[f"noise{place}"] = rng.normal(size=60)
        rows["level"] = rng.choice(["a", "b", "c", "d"], size=60)
        names = [*(f"noise{place}" for place in range(4)), "level"]
        table = associations(rows, names, resamples=20).table
        scored = table[table["outcome"] == "score"]
        raw += list(scored["p"] < 0.05)
        corrected.append(bool((scored["p_corrected"] < 0.05).any()))
    assert 0.03 <= np.mean(raw) <= 0.07
    assert np.mean(corrected) <= 0.09  # of 120 families, .05 expected


@pytest.mark.slow
def test_a_baseline_on_noise_is_near_nothing() -> None:
    rng = np.random.default_rng(0)
    found = [
        baseline(pd.Series(rng.choice(list("abcd"), 80)), pd.Series(rng.normal(size=80)), trial)
        for trial in range(60)
    ]
    assert np.mean(found) == pytest.approx(0, abs=0.03)  # type: ignore[arg-type]


def test_a_baseline_finds_what_the_level_knows() -> None:
    level = np.repeat(np.arange(10), 30)
    score = level + np.random.default_rng(0).normal(0, 0.01, size=300)
    found = baseline(pd.Series(level.astype(str)), pd.Series(score), 0)
    assert found == pytest.approx(0.995, abs=0.004)


def test_residuals_tell_a_stretch_from_what_was_missed() -> None:
    table = associations(images(2000), ["size", "kind", "other"], resamples=100).table
    # predictions spread half as far: the raw residual goes with the category, which they know
    assert line(table, "kind", "residual").value > 0.2
    assert line(table, "kind", "calibrated_residual").value < 0.02
    # they do not know the size: large images are remembered better than the model says
    assert line(table, "size", "calibrated_residual").value < -0.9
    assert line(table, "other", "residual").p_corrected > 0.05


def test_calibrated_residuals_do_not_go_with_the_prediction() -> None:
    rows = with_residuals(images())
    assert np.corrcoef(rows["calibrated_residual"], rows["predicted"])[0, 1] == pytest.approx(0)
    assert rows["calibrated_residual"].mean() == pytest.approx(0)
    assert (rows["residual"] == rows["predicted"] - rows["score"]).all()


@pytest.mark.slow
def test_order_of_rows_and_names_of_levels_do_not_matter() -> None:
    rows = images(60)
    names = ["kind", "size"]
    one = associations(rows, names, resamples=100)
    two = associations(rows.sample(frac=1, random_state=0), names, resamples=100)
    pd.testing.assert_frame_equal(one.table, two.table)
    other = rows.assign(kind=rows["kind"].map({"nature": "z", "people": "b", "things": "a"}))
    three = associations(other, names, resamples=100)
    pd.testing.assert_frame_equal(one.table, three.table)
    pd.testing.assert_frame_equal(one.within, three.within)
    values = [set(each.levels["value"].round(9)) for each in (one, three)]
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ([np.nan] * 20, "no image has a value"),
        ([1.0, 2.0, *[np.nan] * 18], "only 2 images with a value"),
        ([3.0] * 20, "the column is the same for all 20 images"),
        (["indoor"] * 20, "the column is the same for all 20 images"),
        ([f"id{place}" for place in range(20)], "too many levels: 20 for 20 images"),
        (["a", "b", *["c"] * 18], "only 1 of 3 levels with 3 images or more"),
    ],
)
def test_columns_that_say_nothing_are_null_with_the_reason(column: list[Any], reason: str) -> None:
    rows = images(20).assign(column=column)
    table = associations(rows, ["column", "size"], resamples=50).table
    for outcome in ("score", "predicted", "residual", "calibrated_residual"):
        found = line(table, "column", outcome)
        assert pd.isna(found.value)
        assert pd.isna(found.p)
        assert found.reason.startswith(reason)
    # what was not tested does not count in the correction
    assert line(table, "size").p_corrected == line(table, "size").p


def test_constant_predictions_leave_the_score() -> None:
    table = associations(images(30).assign(predicted=0.7), ["size", "kind"], resamples=50).table
    assert line(table, "size").value is not None
    for column in ("size", "kind"):
        assert "the same for all 30" in line(table, column, "predicted").reason
        assert "predictions are constant" in line(table, column, "calibrated_residual").reason


def test_values_missing_here_and_there_are_left_out_and_counted() -> None:
    rows = images(40)
    rows.loc[:9, "size"] = np.nan
    rows.loc[5:14, "kind"] = None
    table = associations(rows, ["size", "kind"], resamples=50).table
    assert (line(table, "size").n, line(table, "size").missing) == (30, 10)
    assert (line(table, "kind").n, line(table, "kind").missing) == (30, 10)


def test_accuracy_inside_levels_stands_beside_that_over_all() -> None:
    """A model that knows the category, and nothing inside it."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2, 3], 50)
    rows = pd.DataFrame({"id": [str(place) for place in range(200)], "kind": kind.astype(str)})
    rows["score"] = kind + rng.normal(0, 0.5, size=200)
    rows["predicted"] = kind + rng.normal(0, 0.5, size=200)
    found = associations(rows, ["kind"], resamples=100).within.iloc[0]
    assert found["over_all"] > 0.7
    assert found["low"] < 0 < found["high"]


def test_small_units_are_not_constant() -> None:
    values = np.arange(30) * 1e-9
    assert correlation(values, np.linspace(0, 1, 30), 0, 50).value == pytest.approx(1)


def test_image_statistics_are_those_of_known_images() -> None:
    grey = torch.full((1, 3, 32, 32), 0.5)
    red = torch.zeros(1, 3, 32, 32)
    red[:, 0] = 1
    stripes = torch.arange(32).remainder(2).float().expand(1, 3, 32, 32)
    found = [measure(one) for one in (grey, red, stripes)]
    assert [float(one["saturation"]) for one in found] == pytest.approx([0, 1, 0], abs=1e-5)
    assert [float(one["redness"]) for one in found] == pytest.approx([0, 1, 0])
    assert [float(one["yellowness"]) for one in found] == pytest.approx([0, 0.5, 0])
    assert [float(one["luma_sd"]) for one in found] == pytest.approx([0, 0, 0.5], abs=1e-6)
    assert [float(one["gradient"]) for one in found] == pytest.approx([0, 0, 1])
    assert [float(one["entropy"]) for one in found] == pytest.approx([0, 0, 1])
    # 0.3 of the length of the mean opponent colour, (1, 0.5)
    assert float(found[1]["colourfulness"]) == pytest.approx(0.3 * 1.25**0.5)


@pytest.mark.parametrize("slope", [-0.5, -1.0, -2.0])
def test_the_spectral_slope_is_the_one_put_in(slope: float) -> None:
    rng = torch.Generator().manual_seed(0)
    frequencies = torch.fft.fftfreq(128)[:, None].hypot(torch.fft.rfftfreq(128))
    frequencies[0, 0] = 1
    noise = torch.fft.rfft2(torch.randn(8, 1, 128, 128, generator=rng))
    grey = torch.fft.irfft2(noise * frequencies**slope, s=(128, 128))
    grey = 0.5 + 0.1 * grey / grey.std()
    found = measure(grey.expand(-1, 3, -1, -1))["spectral_slope"]
    assert float(found.mean()) == pytest.approx(slope, abs=0.1)
