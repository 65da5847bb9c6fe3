"""Checks of maps: each rises for a right map, and stays low for one that knows nothing."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from memlab.attributions.base import Given, explain
from memlab.attributions.baselines import centre_maps, edge_maps, shuffled_maps
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.faithfulness import Faithfulness, faithfulness
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.randomisation import cascade, randomised, similarity
from memlab.attributions.trust import centre_prior, checks, on_regions
from memlab.models.base import hash_weights
from memlab.testing import sample_images
from tests.builders.small_networks import tiny


def weights_of_pixels(side: int) -> Tensor:
    """Weights of a linear score: one patch raises it, another lowers it."""
    weights = torch.zeros(1, 1, side, side)
    weights[..., 4:12, 4:12] = 1.0
    weights[..., 20:28, 18:30] = -1.0
    return weights


def test_deletion_does_not_depend_on_the_rounding_of_a_coarse_map() -> None:
    images = sample_images(6, 32)
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(6, 1, 2, 2, generator=generator)  # a corner of each cell has one value
    rounded = maps * (1 + 1e-7 * torch.randn(6, 1, 2, 2, generator=generator))

    def score(some: Tensor) -> Tensor:
        return (some.mean(dim=1, keepdim=True) * weights_of_pixels(32)).sum(dim=(1, 2, 3))

    found, again = faithfulness(score, images, maps), faithfulness(score, images, rounded)
    assert torch.equal(found.deletion, again.deletion)
    assert torch.equal(found.insertion, again.insertion)


def test_deletion_and_insertion_follow_the_map_of_a_known_score() -> None:
    images, weights = sample_images(6, 32), weights_of_pixels(32)

    def score(some: Tensor) -> Tensor:
        return (some.mean(dim=1, keepdim=True) * weights).sum(dim=(1, 2, 3))

    ground = images.mean(dim=(1, 2, 3), keepdim=True)
    right = (images.mean(dim=1, keepdim=True) - ground) * weights
    generators = [torch.Generator().manual_seed(place) for place in range(6)]
    found = faithfulness(score, images, right)
    wrong = faithfulness(score, images, -right)
    chance = faithfulness(score, images, shuffled_maps(right, generators))
    for one, opposite, random in zip(found, wrong, chance, strict=True):
        assert (one > 0).all()
        assert one.mean() > 3 * random.mean().abs()
        assert opposite.mean() < -0.9 * one.mean()
    # a constant score follows no map
    for one in faithfulness(lambda some: some.new_ones(len(some)), images, right):
        assert (one == 0).all()


def test_cells_of_equal_values_have_no_position() -> None:
    images = 0.3 * torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    images[:, :, :20] += 0.6  # light at the top, which the score reads
    maps = torch.zeros(3, 1, 8, 8)
    maps[:, :, 5, 3] = 1  # elsewhere, and 0 in all other cells
    found = faithfulness(lambda some: some[:, :, :20].mean(dim=(1, 2, 3)), images, maps)
    for one in found:
        assert one.abs().max() < 0.06


def test_maps_that_know_nothing_have_the_grid_of_the_maps() -> None:
    images = sample_images(3, 32)
    maps = torch.randn(3, 1, 8, 8)
    generators = [torch.Generator().manual_seed(place) for place in range(3)]
    shuffled = shuffled_maps(maps, generators)
    assert torch.equal(shuffled.flatten(1).sort().values, maps.flatten(1).sort().values)
    assert not torch.equal(shuffled, maps)
    centre = centre_maps(maps)
    assert centre.shape == maps.shape
    assert centre[0, 0, 3:5, 3:5].min() == centre.max()
    step = torch.zeros(1, 3, 32, 32)
    step[..., 16:] = 1
    edges = edge_maps(step, maps[:1])[0, 0]
    assert edges.argmax(dim=1).eq(3).all()  # the cell that ends at the step
    assert edge_maps(images, maps).shape == maps.shape


def test_similarity_is_spearmans_rho() -> None:
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(4, 1, 5, 5, generator=generator).round(decimals=1)
    other = one + torch.randn(4, 1, 5, 5, generator=generator)
    wanted = [
        stats.spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(one, other, strict=True)
    ]
    assert similarity(one, other).tolist() == pytest.approx(wanted, abs=1e-6)
    assert similarity(torch.zeros(1, 1, 3, 3), one[:1, :, :3, :3]).isnan().all()


def test_maps_of_a_randomised_model_differ_and_those_of_an_edge_detector_stay() -> None:
    torch.manual_seed(0)
    model = tiny("test_byobnet").eval()
    images = sample_images(4, 64)
    before = hash_weights(model.state_dict())
    found = cascade(lambda one: explain(GradCAM("stages.1"), one, images), model, seed=0)
    assert found[0][0] == "head"
    assert len(found) == len(model.backbone.blocks()) + 1
    assert abs(found[-1][1]) < 0.5
    assert hash_weights(model.state_dict()) == before
    # the positive control: a map that does not look at the model must fail the check
    control = cascade(lambda _: edge_maps(images, torch.zeros(4, 1, 8, 8)), model, seed=0)
    assert all(rho == pytest.approx(1) for _, rho in control)


def test_randomised_weights_are_the_same_values_elsewhere() -> None:
    model = tiny().eval()
    for _name, changed in randomised(model, seed=1):
        last = changed
    for one, other in zip(model.parameters(), last.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, other.flatten().sort().values)
    moved = [
        not torch.equal(one, other)
        for one, other in zip(model.parameters(), last.parameters(), strict=True)
        if one.unique().numel() > 1
    ]
    assert all(moved)
    assert isinstance(last, nn.Module)


def test_the_lift_of_a_region_is_mass_over_area() -> None:
    maps = torch.ones(3, 1, 4, 4)
    maps[1, :, :2, :2] = -7.0
    maps[2] = 0
    mask = torch.zeros(3, 1, 32, 32, dtype=torch.uint8)
    mask[:, :, :16, :16] = 1
    found = on_regions(maps, {"faces": mask, "text": torch.zeros_like(mask)})
    lift = found["lift_faces"]
    assert lift[0].item() == pytest.approx(1)
    assert 2 < lift[1].item() < 4 * 28 / 40
    assert lift[2].isnan()
    assert found["area_faces"].tolist() == [0.25, 0.25, 0.25]
    assert found["inside_faces"][0].item() == pytest.approx(4)
    assert -28 < found["inside_faces"][1].item() < -20
    assert found["inside_faces"][2].item() == 0
    for kind in ("lift", "inside", "area"):
        assert found[f"{kind}_text"].isnan().all()


def test_checks_of_a_model_compare_with_maps_that_know_nothing() -> None:
    torch.manual_seed(0)
    model = tiny("test_byobnet").eval()
    images = sample_images(4, 64)
    maps = explain(ContrastCAM("stages.1"), model, images)
    found = checks(model, images, maps, Given(), list("abcd"), seed=0)
    assert set(found) == {
        f"{check}{suffix}"
        for check in ("deletion", "insertion")
        for suffix in ("", "_shuffled", "_centre")
    }
    alone = checks(model, images[2:3], maps[2:3], Given(), ["c"], seed=0)
    for name, values in found.items():
        assert values[2].item() == pytest.approx(alone[name].item(), abs=1e-6)
    assert found["deletion"].mean() > found["deletion_shuffled"].mean()
    # the prior of the middle is the same for a map of four cells, and is measured once
    coarse = checks(model, images, maps[..., :2, :2], Given(), list("abcd"), seed=0)
    assert torch.equal(coarse["deletion_centre"], found["deletion_centre"])
    known = centre_prior(model, images, Given())
    assert torch.equal(found["insertion_centre"], known.insertion)
    other = Faithfulness(known.deletion, known.insertion + 1)
    again = checks(model, images, maps, Given(), list("abcd"), 0, other)
    assert torch.equal(again["insertion_centre"], other.insertion)
