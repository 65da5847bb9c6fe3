"""Causes that have no position or no mask: maps fail there, and their checks say so."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from memlab.analysis.map_checks import checks_text, mean_checks
from memlab.attributions.base import Attribution, Given, explain_branches
from memlab.attributions.integrated_gradients import IntegratedGradients
from memlab.attributions.occlusion import Occlusion
from memlab.attributions.reference import reference_of
from memlab.attributions.trust import checks, on_regions
from memlab.models.base import MemorabilityModel
from memlab.types import Context
from memlab.validation.white_box import Chroma, FaceLuminance, Watermark

COUNT, SIDE = 8, 48
METHODS = [IntegratedGradients(), Occlusion(cells=6)]


@pytest.fixture(scope="module")
def textures() -> Tensor:
    """Grey textures, each with as much of one tint everywhere: its saturation has no position."""
    generator = torch.Generator().manual_seed(0)
    grey = 0.35 + 0.3 * torch.rand(COUNT, 1, SIDE // 4, SIDE // 4, generator=generator)
    grey = torch.nn.functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear")
    tint = torch.linspace(0, 0.2, COUNT).view(-1, 1, 1, 1) * torch.tensor([1.0, -0.4, -1.0]).view(
        1, 3, 1, 1
    )
    return grey + tint


def face_masks() -> Tensor:
    mask = torch.zeros(COUNT, 1, SIDE, SIDE)
    for place in range(COUNT):
        mask[place, :, 8 : 8 + 3 * (place % 3 + 3), 24:40] = 1
    return mask


def measured(
    method: Attribution, model: MemorabilityModel, images: Tensor
) -> tuple[dict[str, Tensor], list[str], float]:
    """The checks of maps, what is said of them, and the SD of the scores."""
    masks = {"faces": face_masks()}
    given = Given(context=Context([str(place) for place in range(COUNT)], masks=masks))
    reference = reference_of(model, [images], given)
    given = Given(reference, given.context)
    found = explain_branches(method, model, images, given)
    with torch.no_grad():
        columns = checks(model, images, found.maps, given, [*"abcdefgh"], seed=0)
    columns |= on_regions(found.maps, masks)
    if "residual" in found.columns:  # complete, whether or not the map can be trusted
        assert found.columns["residual"].abs().max() < 1e-3 * reference.sd
    scores = given.scores(model, images, torch.arange(COUNT))
    arrays = {"predicted": scores.numpy()}
    arrays |= {f"check_{name}": values.numpy() for name, values in columns.items()}
    return columns, checks_text(method.name, mean_checks(arrays, seed=0)), reference.sd


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_a_score_that_reads_a_region_can_be_trusted(
    method: Attribution, textures: Tensor
) -> None:
    light = torch.where(face_masks() > 0, textures.roll(1, 0) * 1.4, textures)
    found, said, sd = measured(method, FaceLuminance(), light)
    assert found["lift_faces"].min() > (5 if isinstance(method, IntegratedGradients) else 3)
    assert found["insertion"].mean() > 0.5 * sd
    assert f"{method.name}: the score follows the map" in said[0]
    assert f"{method.name}: density of the map on regions" in said[1]


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_a_score_that_reads_saturation_cannot(
    method: Attribution, textures: Tensor
) -> None:
    found, said, sd = measured(method, Chroma(), textures)
    assert sd > 0.05
    for kind in ("deletion", "insertion"):
        assert found[kind].nan_to_num().abs().max() < 1e-4 * sd  # no cell matters more than another
    assert f"{method.name}: the score follows" not in " ".join(said)
    if isinstance(method, IntegratedGradients):
        assert f"{method.name}: the score is not shown to follow the map" in said[0]
        assert torch.allclose(found["lift_faces"], torch.ones(COUNT), atol=0.01)


def test_a_mark_without_a_mask_is_on_no_region(textures: Tensor) -> None:
    found, said, _sd = measured(IntegratedGradients(), Watermark(), textures)
    assert "the score follows the map" in said[0]
    assert found["lift_faces"].max() < 0.1
