"""T of features that images have or lack, from removal alone."""

import numpy as np
import pytest

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.quantities import presence_quantities
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
        "face: T covers presence only",
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


@pytest.mark.parametrize("fits", [0, 2])
def test_without_controls_there_is_no_t(fits: int) -> None:
    rng = np.random.default_rng(8)
    n = 400
    drops = {"target": 0.5 + rng.normal(0, 0.2, (n, 2)), "control": np.full((n, 8), NAN)}
    drops["control"][:fits] = 0.1
    face = np.arange(n) < n / 2
    drops["target"][~face] = NAN
    removal = made_effects(n, drops, predicted=rng.normal(size=n), face=face)
    found = presence_quantities("face", [removal])
    assert value(found.estimates["variance_share"]) is None
    assert value(found.estimates["rms_effect_sd"]) is None
    assert value(found.estimates["effect"]) == pytest.approx(0.5, abs=0.05)
    why = found.estimates["variance_share"].reason
    assert why == ("no control draw" if fits == 0 else "only 2 images with controls")
    assert found.notes[0] == f"face: {fits} of 200 images have controls; too few for T"
