"""Direct tests of what a change of one character could break without any other test seeing it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from memlab import Context, evaluate, plan
from memlab import stats as audit
from memlab.ablations.placement import CANDIDATES, LARGE, placements
from memlab.ablations.removal import RemoveFaces
from memlab.analysis.associations import associations
from memlab.analysis.blind_scan import scan
from memlab.data.module import MemorabilityData
from memlab.metrics.mean_effect import mean
from memlab.stats import Resampled, bootstrap, permutation_tests
from memlab.stats.measures import Statistic
from memlab.testing import sample_images

# --- a p-value counts the observed statistic: (1 + b) / (1 + m), never 0


@pytest.mark.parametrize("permutations", [9, 99, 999])
def test_the_least_p_of_a_permutation_test_is_one_over_all(permutations: int) -> None:
    rng = np.random.default_rng(0)
    control = rng.normal(0, 0.001, size=(80, 2, 8))
    target = np.stack([np.full(80, 5.0), rng.normal(0, 0.001, 80)], axis=1)
    found = permutation_tests(target, control, 0, permutations)
    for tests in (found.energy, found.specific, found.specific_above, found.either):
        assert tests[0].p == pytest.approx(1 / (1 + permutations))
        assert tests[0].p_all == pytest.approx(1 / (1 + permutations))
    assert found.specific_below[0].p == 1, "all relabellings and the observed labels"


def test_the_p_of_three_images_is_a_share_of_their_eight_relabellings() -> None:
    """With one control each: two of the eight are as extreme."""
    found = permutation_tests(np.ones((3, 1)), np.zeros((3, 1, 1)), 0, 40_000)
    assert found.specific[0].p == pytest.approx(2 / 8, abs=0.01)
    assert found.specific_above[0].p == pytest.approx(1 / 8, abs=0.01)


@pytest.mark.parametrize("permutations", [19, 199])
def test_the_least_p_of_a_scan_is_one_over_all(permutations: int) -> None:
    drops = np.random.default_rng(1).normal(0, 0.001, size=(60, 16))
    drops[:, 1] += 1
    places = scan(drops, 4, 0.01, 0, permutations)
    assert places[1].p == places[1].p_corrected == pytest.approx(1 / (1 + permutations))
    assert all(place.p is None or place.p > 0 for place in places)


def test_no_p_of_an_interval_is_zero() -> None:
    values = np.random.default_rng(2).normal(10, 0.1, size=60)
    found = bootstrap({"mean": mean(values)}, 0, 999)["mean"]
    assert found.p_above(0) == pytest.approx(1 / 1000)
    assert found.p_below(20) == pytest.approx(1 / 1000)
    same = Resampled(Statistic(1.0, 9), np.ones(99))
    assert same.p_above(0) == pytest.approx(1 / 100)
    assert same.p_above(2) == 1
    percentile = bootstrap({"mean": mean(values)}, 0, 999, kind="percentile")["mean"]
    assert percentile.p_above(0) is not None
    assert 0 < percentile.p_above(0) <= 1 / 999  # type: ignore[operator]


def test_no_p_of_a_formula_is_zero() -> None:
    """Of a perfect order, and of groups without overlap, t and F are infinite."""
    n = 60
    table = pd.DataFrame(
        {
            "id": [f"{place}" for place in range(n)],
            "score": np.linspace(0.2, 0.9, n),
            "predicted": np.linspace(0.2, 0.9, n),
            "same": np.linspace(0, 1, n),
            "group": ["low"] * 30 + ["high"] * 30,
        }
    )
    found = associations(table, ["same", "group"], seed=0).table
    ps = found[["p", "p_corrected"]].to_numpy(dtype=float)
    assert np.nanmin(ps) > 0
    assert np.nanmin(ps) < 1e-6
    equal = audit.equivalence_t(np.zeros(5), 0.05)
    assert equal.equivalent
    assert equal.p is not None
    assert equal.p > 0
    near = audit.equivalence_t(np.random.default_rng(0).normal(0, 1e-9, 4000), 1e9)
    assert near.p is not None
    assert near.p > 0


# --- controls


def test_no_control_wraps_a_pixel_around_the_frame() -> None:
    """Where all but the outermost places are taken, wrapping would be the only room left."""
    size, draws = 12, 4
    weights = torch.zeros(1, 1, size, size)
    weights[..., 4:8, 4:8] = 1
    images = sample_images(1, size)
    for axis in (2, 3):
        labelled = torch.ones(1, 1, size, size)
        # room for three rows at one side and one at the other: four only around the edge
        labelled.narrow(axis, size - 3, 3).zero_()
        labelled.narrow(axis, 0, 1).zero_()
        found = placements(images, weights, labelled, Context(["one"], 1), draws, "faces")
        assert found.kinds(0) == ["random-shape"], "no copy fits"
        labelled.narrow(axis, size - 4, 4).zero_()
        found = placements(images, weights, labelled, Context(["one"], 1), 1, "faces")
        assert found.kinds(0) == ["matched"], "four rows are room"
        assert found.shifts[0, 0, axis - 2] == 4


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 8), (8, 0), (8, 8), (3, 5)])
def test_every_control_is_a_whole_copy_of_its_region(top: int, left: int) -> None:
    """Also of regions at the edge of the frame: nothing of the copy lies on the other side."""
    size = 12
    weights = torch.zeros(1, 1, size, size)
    weights[..., top : top + 4, left : left + 4] = 1
    for seed in range(12):
        known = Context(["one"], seed)
        found = placements(sample_images(1, size), weights, weights, known, 3, "faces")
        for draw in range(int(found.found.sum())):
            rows, columns = found.where(weights, draw)[0, 0].nonzero().unbind(1)
            for at in (rows, columns):
                assert int(at.max() - at.min()) == 3


def test_regions_with_other_margins_have_other_places() -> None:
    """A place that a narrow hole fits in is no place for a wide one of the same region."""
    images, size = sample_images(3, 48), 48
    faces = torch.zeros(3, 1, size, size)
    faces[..., 10:18, 8:16] = 1
    text = torch.zeros(3, 1, size, size)
    text[..., 24:, :] = 1
    known = Context(
        [f"image-{place}" for place in range(3)], 2, masks={"faces": faces, "text": text}
    )
    narrow, wide = RemoveFaces(fill="mean", margin=0.0), RemoveFaces(fill="mean", margin=12.5)

    def rows(*ablations: RemoveFaces) -> dict[tuple[str, int], tuple[list[bool], list[float]]]:
        conditions = plan(ablations, controls=2)
        return {
            (one.condition.key, one.draw): (
                one.eligible.tolist(),
                [round(value, 9) for value in one.measures["area"].tolist()],
            )
            for one in evaluate(
                lambda changed, _: changed.mean((1, 2, 3)), images, known, conditions
            )
        }

    together = rows(narrow, wide)
    alone = rows(narrow) | rows(wide)
    assert together.keys() == alone.keys()
    for key, (eligible, areas) in together.items():
        assert eligible == alone[key][0], key
        assert areas == pytest.approx(alone[key][1], nan_ok=True), key
    controls = {key: value for key, value in together.items() if key[0].endswith(":control")}
    areas = {area[0] for _, area in controls.values() if area[0] == area[0]}
    assert len(areas) == 2, "each control has the area of its own hole"


def test_a_region_of_a_quarter_has_its_own_shape_and_one_above_a_random_one() -> None:
    size = 16
    for side, blob in ((8, False), (9, True)):
        weights = torch.zeros(1, 1, size, size)
        weights[..., :side, :side] = 1
        found = placements(sample_images(1, size), weights, weights, Context(["one"], 1), 1, "f")
        assert bool(found.shaped[0]) is blob
        assert (float(weights.mean()) > LARGE) is blob


def test_the_most_alike_of_the_candidates_is_taken() -> None:
    """With as many candidates as there are places, that is the most alike of all."""
    size = 10
    weights = torch.zeros(1, 1, size, size)
    weights[..., 0:4, 0:4] = 1
    labelled = weights.clone()
    labelled[..., :3, 4:] = 1
    images = sample_images(1, size) * 0.1
    images[..., 6:, 6:] = sample_images(2, size)[1:, :, :4, :4]
    images[..., :4, :4] = sample_images(2, size)[1:, :, :4, :4]
    places = [(y, x) for y, x in product(range(7), repeat=2)]
    free = [(y, x) for y, x in places if not (weights.roll((y, x), (2, 3)) * labelled).any()]
    assert len(free) <= CANDIDATES
    found = placements(images, weights, labelled, Context(["one"], 3), 1, "faces")
    assert found.shifts[0, 0].tolist() == [6, 6]


# --- donors


def test_donors_never_come_from_the_tested_split(synthetic: Path) -> None:
    data = MemorabilityData(root=synthetic, split="60/40", num_workers=0, image_size=32)
    donors = data.donors("test", 0)
    tested = set(data.table.part("test")["id"].astype(str))
    others = set(data.table.rows["id"].astype(str)) - tested
    taken = {
        name
        for draw in range(4)
        for name in donors.take(sorted(tested), draw, (), torch.device("cpu")).donors.ids  # type: ignore[union-attr]
    }
    assert tested
    assert taken
    assert taken <= others
    assert not taken & tested


# --- quantities and tests


def test_ranks_of_a_p_among_several_are_holms() -> None:
    found = audit.holm([0.01, 0.04, None, 0.03])
    assert found == pytest.approx([0.03, 0.06, None, 0.06])
    assert audit.holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = np.random.default_rng(5).exponential(size=80)
    found = bootstrap({"mean": mean(values)}, 0, 20_000)["mean"].interval()
    wanted = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert [found.low, found.high] == pytest.approx([wanted.low, wanted.high], abs=0.01)
