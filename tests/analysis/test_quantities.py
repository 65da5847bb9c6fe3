"""The audit's quantities: against plain loops, closed forms, and bad tables."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.arrays import ImageEffects, read_effects, read_images
from memlab.analysis.dose_curve import dose_area, dose_curve, isotonic_residual
from memlab.analysis.per_image import occlusions
from memlab.analysis.quantities import (
    presence_quantities,
    removal_quantities,
    value_quantities,
)
from memlab.errors import MemlabError
from memlab.metrics.paired_models import standardised_effect
from memlab.stats import Estimate
from tests.builders.effect_arrays import (
    NAN,
    clean_rows,
    condition_rows,
    made_effects,
    value,
    with_holes,
)


def shuffled(parts: list[pd.DataFrame], seed: int = 0) -> pd.DataFrame:
    """One table in no order at all, as processes write it."""
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=seed)


def test_every_quantity_equals_a_plain_loop_over_tables_with_holes() -> None:
    rng = np.random.default_rng(0)
    n, k = 40, 5
    clean = clean_rows(rng, n)
    face = clean["face"].to_numpy()
    whole = pd.concat([clean, clean_rows(rng, 25).assign(id=lambda t: "more/" + t["id"])])

    def changed(draws: int, where: np.ndarray) -> np.ndarray:
        values = with_holes(
            rng, clean["predicted"].to_numpy()[:, None] - rng.normal(size=(n, draws))
        )
        values[~where] = NAN
        return values

    tables = {
        ("remove@1(fill=mean)[face]", "target"): changed(1, face),
        ("remove@1(fill=mean)[face]", "control"): changed(k, face),
        ("remove@1(fill=blur)[face]", "target"): changed(2, face),
        ("remove@1(fill=blur)[face]", "control"): changed(k, face),
        ("paste@1", "target"): changed(1, ~face),
        ("paste@1", "control"): changed(k, ~face),
        ("swap@1[face]", "swap"): changed(k, face),
        ("swap@1[face]", "round-trip"): changed(k, face),
    }
    parts = [condition_rows(clean, key, role, array) for (key, role), array in tables.items()]
    effects = read_effects(read_images(clean, whole), shuffled(parts))
    removals = [effects[f"remove@1(fill={fill})[face]"] for fill in ("mean", "blur")]
    found = presence_quantities("face", removals, [effects["paste@1"]], effects["swap@1[face]"])
    has_face = whole["face"].to_numpy(float)  # also images that could not be swapped
    value_of = value_quantities(replace(effects["swap@1[face]"], present=has_face))

    f, w = clean["predicted"].to_numpy(), clean["weight"].to_numpy()

    def there(key: str, role: str, i: int) -> list[float]:
        return [f[i] - x for x in tables[key, role][i] if not math.isnan(x)]

    def draws(keys: list[str], role: str, i: int) -> list[float]:
        """The mean over fills of each draw that all fills have."""
        rows = [tables[key, role][i] for key in keys]
        cut = [row[: min(map(len, rows))] for row in rows]
        means = []
        for of_draw in zip(*cut, strict=True):
            known = [f[i] - x for x in of_draw if not math.isnan(x)]
            means += [sum(known) / len(known)] if known else []
        return means

    def per_image(keys: list[str], i: int) -> dict[str, float]:
        out: dict[str, float] = {}
        d, c = draws(keys, "target", i), draws(keys, "control", i)
        repeated = min(tables[key, "target"].shape[1] for key in keys) > 1
        if d and (len(d) > 1 or not repeated):
            s2d = sum((x - sum(d) / len(d)) ** 2 for x in d) / (len(d) - 1) if repeated else 0
            out["own"] = (sum(d) / len(d)) ** 2 - s2d / len(d)
        if d:
            out["effect"] = sum(d) / len(d)
        if d and c:
            out["specific_effect"] = out["effect"] - sum(c) / len(c)
        if d and len(c) > 1:
            mean = sum(c) / len(c)
            s2 = sum((x - mean) ** 2 for x in c) / (len(c) - 1)
            within = [abs(c[a] - c[b]) for a in range(len(c)) for b in range(a)]
            between = [abs(x - y) for x in d for y in c]
            out["energy_distance"] = sum(between) / len(between) - sum(within) / len(within)
            square = sum((x - mean) ** 2 for x in d) / len(d)
            out["squared_effect_lower"] = square - (1 + 1 / len(c)) * s2
            if "own" in out:
                specific = out["specific_effect"] ** 2
                out["squared_effect_upper"] = specific - s2d / len(d) - s2 / len(c)
            name = f"squared_effect_{'upper' if repeated else 'lower'}"
            if name in out:
                out["squared_effect"] = out[name]
        return out

    def weighted(keys: list[str], name: str) -> float:
        over, under = 0.0, 0.0
        for i in range(n):
            if name in (each := per_image(keys, i)):
                over += w[i] * each[name]
                under += w[i]
        return over / under

    keys = ["remove@1(fill=mean)[face]", "remove@1(fill=blur)[face]"]
    expected = {
        name: weighted(keys, name)
        for name in (
            "effect",
            "specific_effect",
            "energy_distance",
            "squared_effect",
            "squared_effect_lower",
            "squared_effect_upper",
        )
    }
    all_f, all_w = whole["predicted"].to_numpy(), whole["weight"].to_numpy()
    centre = sum(all_w * all_f) / sum(all_w)
    var = sum(all_w * (all_f - centre) ** 2) / sum(all_w) * len(whole) / (len(whole) - 1)
    p = sum(all_w * whole["face"]) / sum(all_w)
    over, plus, under = 0.0, 0.0, 0.0
    for i in range(n):
        d, b = there("swap@1[face]", "swap", i), there("swap@1[face]", "round-trip", i)
        if d and b:
            over += w[i] * (sum(x * x for x in d) / len(d) - sum(x * x for x in b) / len(b))
            under += w[i]
    v_swap = over / under
    plus = sum(w[i] * np.mean(np.square(d)) for i in range(n) if (d := there(*SWAP, i)))
    plus /= sum(w[i] for i in range(n) if there(*SWAP, i))

    def root(x: float) -> float:
        return math.copysign(math.sqrt(abs(x)), x)

    expected["specific_effect_sd"] = expected["specific_effect"] / var**0.5
    for reading in ("", "_lower", "_upper"):
        expected[f"rms_effect{reading}"] = root(expected[f"squared_effect{reading}"])
        expected[f"rms_effect_sd{reading}"] = expected[f"rms_effect{reading}"] / var**0.5
    v_in = weighted(["paste@1"], "squared_effect")
    v_out = expected["squared_effect"]  # all images whose region was removed have controls
    for suffix, v in (("", v_out), ("_insertion", v_in), ("_both", (v_out + v_in) / 2)):
        alone = p * (1 - p) * v / var
        expected[f"variance_share{suffix}_presence"] = alone
        expected[f"variance_share{suffix}"] = alone + p * p * v_swap / (2 * var)
    expected["exchange_share"] = p * p * v_swap / (2 * var)
    expected["rms_effect_sd_insertion"] = root(v_in) / var**0.5
    expected["insertion_difference_sd"] = (root(v_out) - root(v_in)) / var**0.5
    assert set(found.estimates) == set(expected)
    for name, estimate in found.estimates.items():
        assert value(estimate) == pytest.approx(expected[name], abs=1e-10), name
        assert np.isfinite(estimate.columns).all()
        assert len(estimate.columns) == len(whole)
    compared = sum("squared_effect" in per_image(keys, i) for i in range(n))
    removed = sum("own" in per_image(keys, i) for i in range(n))
    assert compared == removed  # else a note says how T treats the others
    assert found.notes == []
    have = sum(w[:n] * face) / sum(w[:n])  # bound to faces
    share = have**2 / (2 * var)
    others = {
        "squared_effect": v_swap,
        "variance_share": share * v_swap,
        "variance_share_upper": share * plus,
    }
    others |= {"rms_effect": root(v_swap), "rms_effect_sd": root(v_swap) / var**0.5}
    assert set(value_of.estimates) == set(others)
    for name, number in others.items():
        assert value(value_of.estimates[name]) == pytest.approx(number, abs=1e-10), name
    counts = rng.integers(0, 3, len(whole)).astype(float)
    s = found.estimates["specific_effect"]
    assert value(s, counts) == pytest.approx(value(_repeated(s, counts)), abs=1e-12)


F = {"predicted": np.arange(5.0)}
SWAP = ("swap@1[face]", "swap")


def _repeated(estimate: Estimate, counts: np.ndarray) -> Estimate:
    return Estimate(np.repeat(estimate.columns, counts.astype(int), axis=0), estimate.of)


def test_effects_in_sds_are_those_that_compare_prints() -> None:
    rng = np.random.default_rng(9)
    f, drop = rng.normal(size=(2, 30))
    removal = made_effects(30, {"target": drop[:, None], "control": np.zeros((30, 2))}, predicted=f)
    expected = standardised_effect(f, f - drop)
    assert value(removal_quantities([removal])["specific_effect_sd"]) == pytest.approx(
        expected, abs=1e-12
    )


def test_many_resamples_at_once_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(1)
    face = rng.random(50) < 0.5
    one = made_effects(
        50,
        {"target": rng.normal(size=(50, 1)), "control": rng.normal(size=(50, 4))},
        predicted=rng.normal(size=50),
        face=face,
    )
    for estimate in presence_quantities("face", [one]).estimates.values():
        means = rng.multinomial(50, np.full(50, 1 / 50), size=7) @ estimate.columns / 50
        assert estimate.of(means).shape == (7,)
        assert np.allclose(estimate.of(means), [estimate.of(row) for row in means], rtol=1e-12)
    assert value(estimate) == pytest.approx(float(estimate.of(estimate.columns.mean(axis=0))))


@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_t_of_a_swap_that_some_images_lack_is_a_share_of_the_variance(p: float) -> None:
    """Score = face's value where there is a face: T is what a redrawn value moves, p² V / 2 Var."""
    rng = np.random.default_rng(0)
    n, k = 40_000, 2
    has, own, other = rng.random(n) < p, rng.normal(size=n), rng.normal(size=(n, k))
    clean = rng.normal(0, 0.3, n) + has * own
    # of all images a donor is drawn from, p have a face; the others leave no face to compare
    drop = np.where(has[:, None], own[:, None] - other, np.nan)
    drops = {"swap": drop, "round-trip": drop * 0}
    images = read_images(pd.DataFrame({"id": range(n), "predicted": clean}))
    there = has.astype(float)
    effects = ImageEffects("swap_face@1", 1.0, images, drops, bound=True, present=there)
    found = value_quantities(effects).estimates
    assert value(found["variance_share"]) == pytest.approx(
        has.mean() ** 2 / clean.var(ddof=1), rel=0.05
    )
    assert value(found["rms_effect"]) == pytest.approx(2**0.5, rel=0.05), "where the face is"
    assert found["variance_share"].n == has.sum()
    if p < 1:  # without reasons, images that were not swapped may have a face or lack it
        unknown = value_quantities(replace(effects, present=None)).estimates["variance_share"]
        assert "which images lack the region" in str(unknown.reason)


def test_permutation_tests_get_one_placement_per_draw_averaged_over_fills() -> None:
    rng = np.random.default_rng(8)
    first = made_effects(
        5, {"target": rng.normal(size=(5, 2)), "control": rng.normal(size=(5, 4))}, **F
    )
    other = made_effects(
        5, {"target": rng.normal(size=(5, 1)), "control": rng.normal(size=(5, 3))}, **F
    )
    target, control = occlusions([[first, other], [first]])
    halves = first.of("target")[:, 0] / 2 + other.of("target")[:, 0] / 2
    assert np.allclose(target, np.stack([halves, first.of("target")[:, 0]], axis=1))
    halves = first.of("control")[:, :3] / 2 + other.of("control") / 2
    assert np.allclose(control[:, 0, :3], halves)
    assert np.isnan(control[:, 0, 3]).all(), "a draw that not all fills have"
    assert np.allclose(control[:, 1], first.of("control"))
    other.of("target")[0] = NAN  # an image that one fill could not change stays, as in S and V
    target, _ = occlusions([[first, other]])
    assert target[0, 0] == first.of("target")[0, 0]


def test_dose_area_is_the_mean_height_of_the_curve_and_dips_are_told() -> None:
    rng = np.random.default_rng(5)
    n = 12
    clean = pd.DataFrame({"id": range(n), "predicted": rng.normal(size=n)})
    f = clean["predicted"].to_numpy()[:, None]
    heights = {1.0: 0.1, 2.0: 0.4, 4.0: 0.5}
    noise = rng.normal(size=(n, 1))
    noise -= noise.mean()
    parts = [
        condition_rows(clean, f"blur@{dose:g}", "target", f - height - noise, dose)
        for dose, height in heights.items()
    ]
    parts.append(condition_rows(clean, "blur@0", "target", f, 0.0))
    ladder = list(read_effects(read_images(clean), shuffled(parts)).values())
    doses, curve = dose_curve(ladder)
    assert doses.tolist() == [1, 2, 4]
    assert [value(at) for at in curve] == pytest.approx(list(heights.values()), abs=1e-12)
    expected = np.trapezoid([0, 0.1, 0.4, 0.5], [0, 1, 2, 4]) / 4
    assert value(dose_area(ladder)) == pytest.approx(expected, abs=1e-12)
    assert isotonic_residual(np.array([0.1, 0.4, 0.5])) == 0
    assert isotonic_residual(np.array([-0.1, -0.4, -0.5])) == 0
    assert isotonic_residual(np.array([1.0, 0.5, 1.0])) == pytest.approx(0.125**0.5 / 2)
    assert isotonic_residual(np.zeros(3)) == 0
    with pytest.raises(MemlabError, match="different doses above 0, not 1, 1"):
        dose_curve([one for one in ladder if one.dose == 1] * 2)
    with pytest.raises(MemlabError, match="not none"):
        dose_area([one for one in ladder if one.dose == 0])
