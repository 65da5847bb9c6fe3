"""T of features that images have or lack, from removal alone."""

import numpy as np
import pytest

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.insertion_agreement import headline_share, insertion_agrees
from memlab.analysis.quantities import presence_quantities
from memlab.stats import bootstrap
from tests.builders.effect_arrays import NAN, made_effects, value


def test_removal_counts_twice_and_without_swap_t_says_what_it_covers() -> None:
    rng = np.random.default_rng(2)
    n = 60
    f, face = rng.normal(size=n), (np.arange(n) < 15).astype(float)
    drops = {"target": rng.normal(size=(n, 1)), "control": rng.normal(size=(n, 8))}
    drops = {role: np.where(face[:, None] > 0, array, NAN) for role, array in drops.items()}
    removal = made_effects(n, drops, predicted=f, face=face)
    found = presence_quantities("face", [removal])
    v = value(found.estimates["squared_effect"])
    assert v is not None
    expected = 0.25 * 0.75 * 2 * v / (2 * f.var(ddof=1))
    assert value(found.estimates["variance_share"]) == pytest.approx(expected, abs=1e-12)
    assert found.notes == [
        "face: swap: not run; T covers presence only",
    ]
    nowhere = {role: np.full_like(array, NAN) for role, array in drops.items()}
    empty = ImageEffects("paste@1", 1.0, removal.images, nowhere)
    again = presence_quantities("face", [removal], [empty])
    assert value(again.estimates["variance_share"]) == pytest.approx(expected, abs=1e-12)
    assert again.estimates["variance_share_insertion"].reason == "no eligible image"


def test_t_of_presence_covers_images_without_room_for_a_control() -> None:
    """Controls fit beside small regions only, and large regions have larger effects."""
    rng = np.random.default_rng(4)
    n = 4000
    size = rng.random(n)
    artefact = 0.2 + rng.normal(0, 0.05, (n, 10))
    target, control = (1 + size)[:, None] + artefact[:, :2], artefact[:, 2:]
    control[size > 0.3] = NAN
    face = np.arange(n) < n / 2
    drops = {"target": target, "control": control}
    drops = {role: np.where(face[:, None], array, NAN) for role, array in drops.items()}
    removal = made_effects(n, drops, predicted=rng.normal(size=n), face=face)
    found = presence_quantities("face", [removal])
    expected = 0.25 * np.mean((1 + size[face]) ** 2)
    assert value(found.estimates["variance_share"]) == pytest.approx(expected, rel=0.08)
    beside_controls = 0.25 * (value(found.estimates["squared_effect"]) or 0)
    assert beside_controls < 0.6 * expected
    few = np.isfinite(removal.of("control")).all(axis=1).sum()
    assert found.notes[0] == (
        f"face: {few} of {n // 2} images have controls; T takes the controls of the "
        "others to have their mean effect"
    )


@pytest.mark.parametrize(("pasted", "agrees"), [(1.0, True), (0.7, False)])
def test_insertion_enters_t_only_where_it_agrees_with_removal(pasted: float, agrees: bool) -> None:
    rng = np.random.default_rng(6)
    n = 2000
    face = np.arange(n) < n / 2

    def changed(effect: float, where: np.ndarray, draws: int) -> ImageEffects:
        noise = rng.normal(0, 0.05, (n, draws + 8))
        drops = {"target": effect + noise[:, :draws], "control": noise[:, draws:]}
        drops = {role: np.where(where[:, None], array, NAN) for role, array in drops.items()}
        return ImageEffects("made@1", 1.0, images, drops)

    images = made_effects(n, {}, predicted=rng.normal(size=n), face=face).images
    removal, insertion = changed(1.0, face, 2), changed(-pasted, ~face, 1)
    estimates = presence_quantities("face", [removal], [insertion]).estimates
    resampled = bootstrap(estimates, 0, 500).resampled
    found = insertion_agrees(resampled)
    assert found.equivalent is agrees
    both = 0.25 * (1 + pasted**2) / 2
    assert headline_share(resampled).statistic.value == pytest.approx(
        both if agrees else 0.25, rel=0.08
    )
    alone = bootstrap(presence_quantities("face", [removal]).estimates, 0, 500).resampled
    assert insertion_agrees(alone).reason == "no insertion was run"
    assert headline_share(alone).statistic.value == pytest.approx(0.25, rel=0.08)
