"""The audit's quantities find what was planted: signed and unsigned effects, shares of variance."""

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.arrays import ImageEffects, Images, read_images
from memlab.analysis.quantities import Quantities, presence_quantities, value_quantities
from memlab.stats.bootstrap import point

NAN = float("nan")
K = 8


def number(found: Quantities, name: str) -> float:
    answer = point(found.estimates[name])
    assert answer.value is not None, answer.reason
    return answer.value


def occluded(targets: np.ndarray, controls: np.ndarray) -> ImageEffects:
    n = len(targets)
    rows = pd.DataFrame({"id": range(n), "predicted": np.linspace(-1, 1, n), "face": 1})
    drops = {"target": targets[:, None], "control": controls}
    return ImageEffects("remove@1", 1.0, read_images(rows), drops)


@pytest.mark.slow
def test_v_is_unbiased_for_the_mean_squared_effect_and_rms_has_its_size() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(150):
        cue = rng.choice([-0.01, 0.01], 200)
        controls = rng.normal(0, 0.012, (200, K))
        found.append(
            presence_quantities("face", [occluded(cue + rng.normal(0, 0.012, 200), controls)])
        )
    v = np.array([number(one, "squared_effect") for one in found])
    assert abs(v.mean() - 0.01**2) < 3 * v.std() / 150**0.5
    assert np.mean([number(one, "rms_effect") for one in found]) == pytest.approx(
        0.0098, abs=0.0004
    )
    # what a target as still as no control would have
    excess = np.mean([number(one, "squared_effect_upper") for one in found]) - v.mean()
    assert excess == pytest.approx(0.012**2, rel=0.02)


@pytest.mark.slow
def test_a_common_shift_of_all_occlusions_blinds_the_mean_size_but_not_m() -> None:
    rng = np.random.default_rng(1)
    m, naive, rms = {}, {}, {}
    for shift in (0.0, -0.03):
        found = []
        for _ in range(60):
            cue = rng.choice([-0.01, 0.01], 300)
            targets = shift + cue + rng.normal(0, 0.01, 300)
            controls = shift + rng.normal(0, 0.01, (300, K))
            one = presence_quantities("face", [occluded(targets, controls)])
            size = np.abs(targets).mean() - np.abs(controls).mean()
            found.append((number(one, "energy_distance"), size, number(one, "rms_effect")))
        m[shift], naive[shift], rms[shift] = np.mean(found, axis=0)
    assert naive[0.0] == pytest.approx(0.0037, abs=0.0003)
    assert naive[-0.03] == pytest.approx(0.0001, abs=0.0003)
    for shift in m:
        assert m[shift] == pytest.approx(0.0027, abs=0.0002)
        assert rms[shift] == pytest.approx(0.01, abs=0.0005)


def presence_world(
    rng: np.random.Generator, n: int, p: float, a: float, b: float, noise_sd: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Predictions z (a + b u) + rest: who has the feature (z), and what it is like there (u)."""
    z = rng.permutation(np.arange(n) < p * n).astype(float)
    u = rng.normal(size=n)
    f = z * (a + b * u) + rng.normal(0, noise_sd, n)
    return pd.DataFrame({"id": range(n), "predicted": f, "face": z}), u


def share_of_presence(p: float, a: float, b: float, noise_sd: float) -> float:
    """E Var(f | rest) / Var f of `presence_world`."""
    moved = p * (a * a + b * b) - p * p * a * a
    return moved / (moved + noise_sd**2)


def presence_effects(
    rng: np.random.Generator, images: Images, u: np.ndarray, a: float, b: float
) -> tuple[ImageEffects, ImageEffects, ImageEffects]:
    """Removal, insertion and swap, each with an artefact that its control has as well."""
    n, z = len(u), images.present("face")[:, None]
    audited = (images.audited > 0)[:, None]

    def effects(name: str, where: np.ndarray, **drops: np.ndarray) -> ImageEffects:
        noisy = {
            role.replace("_", "-"): np.where(where & audited, x + rng.normal(0, 0.3, x.shape), NAN)
            for role, x in drops.items()
        }
        return ImageEffects(name, 1.0, images, noisy)

    zero, other = np.zeros((n, K)), rng.normal(size=(n, K))
    return (
        effects("remove@1", z == 1, target=(a + b * u)[:, None], control=zero),
        effects("paste@1", z == 0, target=-(a + b * other[:, :1]), control=zero),
        effects("swap@1", z == 1, swap=b * (u[:, None] - other), round_trip=zero),
    )


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize(("a", "b"), [(1.0, 0.0), (0.6, 0.7)])
def test_t_of_a_feature_that_images_have_or_lack_is_its_share_of_the_variance(
    p: float, a: float, b: float
) -> None:
    rng = np.random.default_rng(2)
    table, u = presence_world(rng, 20_000, p, a, b, 1.0)
    removal, paste, swap = presence_effects(rng, read_images(table), u, a, b)
    expected = share_of_presence(p, a, b, 1.0)
    t = number(presence_quantities("face", [removal], [paste], swap), "variance_share")
    assert t == pytest.approx(expected, rel=0.04)
    if b == 0:  # nothing to swap: presence is all there is, and removal tells what insertion would
        assert number(presence_quantities("face", [removal]), "variance_share") == pytest.approx(
            t, rel=0.04
        )


def test_without_the_swap_t_covers_presence_only() -> None:
    rng = np.random.default_rng(3)
    a, b, rest = 0.416**0.5, 0.472**0.5, 0.66**0.5
    table, u = presence_world(rng, 20_000, 0.5, a, b, rest)
    removal, paste, swap = presence_effects(rng, read_images(table), u, a, b)
    assert share_of_presence(0.5, a, b, rest) == pytest.approx(0.340, abs=0.0005)
    whole = presence_quantities("face", [removal], [paste], swap)
    assert number(whole, "variance_share") == pytest.approx(0.340, abs=0.01)
    assert number(
        presence_quantities("face", [removal], [paste]), "variance_share"
    ) == pytest.approx(0.222, abs=0.01)


def test_t_of_a_stratified_sample_is_that_of_the_population() -> None:
    rng = np.random.default_rng(4)
    a = (0.08 / 0.92 / 0.09) ** 0.5  # a share of .08 at prevalence .1
    table, u = presence_world(rng, 20_000, 0.1, a, 0, 1.0)
    faces, others = (np.flatnonzero(table["face"] == kind) for kind in (1, 0))
    half = 1000
    drawn = [rng.choice(group, half, replace=False) for group in (faces, others)]
    sample = table.iloc[np.concatenate(drawn)]
    weight = np.repeat([len(faces) / half, len(others) / half], half)

    def t(images: Images) -> float:
        of = u[images.table.index.to_numpy()]
        removal, paste, _ = presence_effects(rng, images, of, a, 0)
        return number(presence_quantities("face", [removal], [paste]), "variance_share")

    assert t(read_images(sample.assign(weight=weight), table)) == pytest.approx(0.08, abs=0.005)
    assert t(read_images(sample.assign(weight=weight))) == pytest.approx(0.08, abs=0.015)
    assert t(read_images(sample)) > 0.17  # unweighted: another population


def swapped(
    rng: np.random.Generator, f: np.ndarray, moved: np.ndarray, gain: float, sd: float
) -> Quantities:
    """A swap that also blurs the image a little, as a round trip does."""

    def artefact(x: np.ndarray) -> np.ndarray:
        return gain * x + rng.normal(0, sd, x.shape)

    clean = f[:, None]
    drops = {
        "swap": clean - artefact(clean - moved),
        "round-trip": clean - artefact(np.repeat(clean, moved.shape[1], axis=1)),
    }
    images = read_images(pd.DataFrame({"id": range(len(f)), "predicted": f}))
    return value_quantities(ImageEffects("palette@1", 1.0, images, drops))


def test_t_of_a_feature_that_all_have_is_its_total_effect() -> None:
    rng = np.random.default_rng(5)
    n = 20_000
    first, second = rng.normal(size=(2, n))
    f = first + 0.5 * second + 0.7 * first * second
    var = 1 + 0.25 + 0.49
    for mine, other, slope in ((first, second, 1.0), (second, first, 0.5)):
        change = (slope + 0.7 * other)[:, None] * (mine[:, None] - rng.normal(size=(n, 2)))
        found = swapped(rng, f, change, 1.0, 0.1)
        expected = (slope**2 + 0.49) / var  # the interaction belongs to both
        assert number(found, "variance_share") == pytest.approx(expected, abs=0.02)
        assert number(found, "rms_effect_sd") == pytest.approx((2 * expected) ** 0.5, abs=0.02)


@pytest.mark.parametrize(("gain", "sd", "artefact"), [(0.95, 0.05, 0.0025), (0.9, 0.1, 0.01)])
def test_the_round_trip_takes_out_what_swapping_does_by_itself(
    gain: float, sd: float, artefact: float
) -> None:
    rng = np.random.default_rng(6)
    f = rng.normal(size=10_000)
    found = swapped(rng, f, np.zeros((len(f), K)), gain, sd)
    assert number(found, "variance_share_upper") == pytest.approx(artefact, rel=0.1)
    assert abs(number(found, "variance_share")) < 0.0002
