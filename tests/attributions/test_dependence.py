"""Randomised models: their maps differ, and the trained model stays bit-identical."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memlab.analysis.map_checks import checks_text, mean_checks
from memlab.attributions.base import Attribution, Given
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.dependence import CONTROL, STAGES, dependence
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.occlusion import Occlusion
from memlab.attributions.randomisation import blocks_from_output
from memlab.attributions.reference import reference_of
from memlab.attributions.views import LayerView
from memlab.models.base import hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.scorer import Scorer
from memlab.testing import sample_images
from memlab.validation.white_box import Chroma
from tests.builders.attributions import Hooked
from tests.builders.small_networks import tiny

COLUMNS = [f"randomised_{stage}" for stage in (*STAGES, CONTROL)]


class Brightness(Attribution):
    """A map that does not look at the model."""

    unit = "none"

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 8)


@pytest.fixture(scope="module")
def cnn() -> MemorabilityRegressor:
    torch.manual_seed(0)
    return tiny("test_byobnet").train()


@pytest.mark.slow
@pytest.mark.parametrize("part", [ContrastCAM("stages.1"), GradCAM("stages.1")])
def test_maps_of_the_randomised_model_differ(part: Attribution, cnn: MemorabilityRegressor) -> None:
    images = sample_images(3, 64)
    layer = part.layer if part.contrasts else None  # type: ignore[attr-defined]
    seen = LayerView(cnn, layer) if layer else cnn
    given = Given(reference_of(seen, [sample_images(3, 64)]))  # type: ignore[arg-type]
    before, state = hash_weights(cnn.state_dict()), torch.get_rng_state()
    with torch.inference_mode():
        found = dependence(part, cnn, images, given, seed=0)
    assert list(found) == COLUMNS
    assert all(rho.shape == (3,) for rho in found.values())
    assert found["randomised_all"].mean() < 0.5
    assert torch.allclose(found["randomised_edges"], torch.ones(3, dtype=torch.float64))
    assert hash_weights(cnn.state_dict()) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in cnn.parameters())
    assert all(module.training for module in cnn.modules())
    assert not any(module._forward_hooks for module in cnn.modules())


def test_an_image_has_the_same_similarity_in_any_batch(cnn: MemorabilityRegressor) -> None:
    images = sample_images(3, 64)
    given = Given(reference_of(cnn, [images]))
    both = dependence(ContrastCAM(), cnn, images[:2], given, seed=0)
    alone = dependence(ContrastCAM(), cnn, images[1:2], given, seed=0)
    for name in COLUMNS:
        assert both[name][1].item() == pytest.approx(alone[name][0].item(), abs=1e-3)


def test_a_map_that_does_not_look_at_the_model_is_named(cnn: MemorabilityRegressor) -> None:
    found = dependence(Brightness(), cnn, sample_images(4, 64), Given(), seed=0)
    arrays = {f"check_{name}": rho.numpy() for name, rho in found.items()}
    (said,) = checks_text("brightness", mean_checks(arrays, seed=0))
    assert said == (
        "brightness: maps hardly change when weights are shuffled: similarity to those of the "
        "trained model 1.000 after the head, 1.000 after half of the layers, 1.000 [1.000, 1.000] "
        "after all (an edge detector 1.000; n = 4)."
    )


def test_a_model_without_weights_has_nothing_to_randomise() -> None:
    assert dependence(Brightness(), Chroma(), sample_images(2, 64), Given(), seed=0) == {}


def test_a_few_images_do_not_show_that_maps_hardly_change() -> None:
    rho = {"head": [0.9, 0.2, 0.1], "half": [0.1] * 3, "all": [-0.6, 0.0, 0.9], "edges": [1.0] * 3}
    arrays = {f"check_randomised_{name}": np.array(values) for name, values in rho.items()}
    (said,) = checks_text("m", mean_checks(arrays, seed=0))
    assert "m: maps are not shown to change when weights are shuffled" in said


def test_the_head_of_a_third_party_network_is_its_last_layer() -> None:
    class Around(Hooked):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            del self.layer, self.last
            self.network = network

        def forward(self, images: Tensor) -> Tensor:
            return self.network(images).mean(dim=(1, 2, 3))

    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
    assert [name for name, _ in blocks_from_output(Around(layers))] == ["2", "0"]
    single = Around(nn.Conv2d(3, 1, 3))
    found = dependence(Occlusion(2), single, sample_images(3, 16), Given(), seed=0)
    assert list(found) == ["randomised_all", "randomised_edges"]
    arrays = {f"check_{name}": np.full(3, np.nan) for name in COLUMNS}
    arrays |= {f"check_{name}": rho.numpy() for name, rho in found.items()}
    (said,) = checks_text("occlusion", mean_checks(arrays, seed=0))
    assert "after the head" not in said
    assert "after all" in said
