"""Maps: exact where they are known, and the model left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from memlab import MemorabilityModel
from memlab.attributions.base import explain
from memlab.attributions.grad_cam import GradCAM
from memlab.errors import MemlabError
from memlab.models.base import hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing import check_attribution, sample_images
from tests.builders.small_networks import Pooled, tiny


def test_grad_cam_equals_the_closed_form() -> None:
    model = MemorabilityRegressor(Pooled(), head="linear").eval()
    images = sample_images(3, 16)
    maps = explain(GradCAM(), model, images)
    with torch.no_grad():
        activations = model.stem(images)
        scores = model.score(activations)
        slope = (scores * (1 - scores)).view(-1, 1, 1)  # of the sigmoid
        weights = model.head[0].weight.view(1, 4, 1, 1)
        wanted = (weights * activations).sum(dim=1) * slope / 16
        logit = scores.logit() - model.head[0].bias
    assert maps.shape == (3, 1, 4, 4)
    assert torch.allclose(maps.squeeze(1), wanted, atol=1e-6)
    assert torch.allclose(maps.sum(dim=(1, 2, 3)), logit * slope.flatten(), atol=1e-5)


def test_grad_cam_negates_with_the_head() -> None:
    model = MemorabilityRegressor(Pooled(), head="linear").eval()
    images = sample_images(2, 16)
    with torch.no_grad():
        model.head[0].bias.zero_()
    before = explain(GradCAM(), model, images)
    with torch.no_grad():
        model.head[0].weight.neg_()
    assert torch.allclose(explain(GradCAM(), model, images), -before, atol=1e-7)
    assert (before < 0).any()
    assert (before > 0).any()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_grad_cam_works_in_inference_mode_and_equals_a_hook(name: str) -> None:
    model = tiny(name).eval()
    images = sample_images(2, 64)
    with torch.inference_mode():
        maps = explain(GradCAM(), model, images)
    activations = model.stem(images).detach().requires_grad_()
    model.score(activations).sum().backward()
    weights = model.grid(activations.grad).mean(dim=(2, 3), keepdim=True)
    wanted = (weights * model.grid(activations.detach())).sum(dim=1, keepdim=True)
    assert torch.allclose(maps, wanted, atol=1e-6)
    assert maps.abs().max() > 0  # behind a class token's last block it would be exactly 0


def test_maps_leave_the_model_as_it_was() -> None:
    check_attribution(GradCAM)


def test_maps_leave_the_model_as_it_was_after_an_exception() -> None:
    class Failing(GradCAM):
        def maps(self, model: MemorabilityModel, images: Tensor) -> Tensor:
            super().maps(model, images)
            raise RuntimeError("in mid-batch")

    model = tiny().train()
    before = hash_weights(model.state_dict())
    with pytest.raises(RuntimeError, match="in mid-batch"):
        explain(Failing(), model, sample_images(2, 64))
    assert all(module.training for module in model.modules())
    assert hash_weights(model.state_dict()) == before
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_without_a_feature_layer_is_named() -> None:
    class Flat(MemorabilityModel):
        input_size = 16

        def weights_id(self) -> str:
            return "closed-form"

        def forward(self, images: Tensor) -> Tensor:
            return images.mean(dim=(1, 2, 3))

    with pytest.raises(MemlabError, match="Flat has no feature layer"):
        explain(GradCAM(), Flat(), sample_images(2, 16))
