"""Scores beside maps: those of `predict`, and from the pass that the maps need anyway."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from memlab import MemorabilityModel, registry
from memlab.attributions import integrals
from memlab.attributions.base import Attribution, Explained, Given, explain, explain_branches
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.occlusion import Occlusion
from memlab.errors import PluginError
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing import sample_images
from memlab.types import Context
from memlab.validation.white_box import FaceLuminance
from tests.attributions.test_mechanics import METHODS, Hooked
from tests.builders.small_networks import Pooled, tiny


class Bright(Attribution):
    """A method that scores nothing itself."""

    unit = "brightness"

    def maps(self, model: Any, images: Tensor) -> Tensor:
        return images.mean(dim=1, keepdim=True)


class Counting(MemorabilityRegressor):
    """Regressor that counts its passes up to the feature layer."""

    passes = 0

    def stem(self, images: Tensor) -> Any:
        self.passes += 1
        return super().stem(images)


class Patchy(MemorabilityModel):
    """Brightness; no score for an image that is red."""

    input_size = 16

    def weights_id(self) -> str:
        return "closed-form"

    def forward(self, images: Tensor) -> Tensor:
        return self.score(self.stem(images))

    def stem(self, images: Tensor) -> Tensor:
        return images

    def grid(self, activations: Tensor) -> Tensor:
        return activations

    def score(self, activations: Tensor) -> Tensor:
        red, green, _ = activations.mean(dim=(2, 3)).unbind(dim=1)
        return activations.mean(dim=(1, 2, 3)) * (green - red + 0.5).sqrt()


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrals, "FEWEST", 2)
    monkeypatch.setattr(integrals, "MOST", 2)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("method", METHODS)
def test_scores_are_those_of_the_model(name: str, method: str) -> None:
    model, images = tiny(name).eval(), sample_images(3, 64)
    found = explain_branches(registry.load("attributions", method)(), model, images)
    assert found.scores is not None
    assert not found.scores.requires_grad
    assert torch.allclose(found.scores, model(images), atol=1e-6)


@pytest.mark.parametrize(
    ("method", "model"),
    [
        (GradCAM("layer2"), tiny().eval()),
        (GradCAM(), Hooked().eval()),
        (Bright(), Hooked().eval()),
    ],
    ids=["an earlier layer", "hooks", "a method without scores"],
)
def test_scores_wherever_the_method_looks(method: Attribution, model: MemorabilityModel) -> None:
    images = sample_images(3, 64)
    with torch.inference_mode():
        found = explain_branches(method, model, images)
        assert found.scores is not None
        assert torch.allclose(found.scores, model(images), atol=1e-6)


@pytest.mark.parametrize("method", [Occlusion(2), Bright()])
def test_scores_of_a_model_that_needs_masks(method: Attribution) -> None:
    images, mask = sample_images(3, 32), torch.zeros(3, 1, 32, 32)
    mask[:, :, 8:16] = 1
    context = Context(["a", "b", "c"], masks={"faces": mask})
    found = explain_branches(method, FaceLuminance(), images, Given(context=context))
    assert found.scores is not None
    assert torch.allclose(found.scores, FaceLuminance().scores(images, context))


def test_wrong_scores_are_the_methods_fault() -> None:
    class Wrong(Bright):
        def explained(self, model: Any, images: Tensor, given: Given) -> Explained:
            return Explained(self.maps(model, images), scores=torch.zeros(len(images), 1))

    with pytest.raises(PluginError, match=r"Wrong: the scores of Hooked are \(2, 1\), not \(2,\)"):
        explain_branches(Wrong(), Hooked(), sample_images(2, 16))


@pytest.mark.parametrize("name", ["grad_cam", "grad_cam_relu", "layer_cam"])
def test_score_and_map_of_a_batch_take_one_pass(name: str) -> None:
    model = Counting(Pooled()).eval()
    images = sample_images(5, 16)
    found = model.explain(images, method=name, batch_size=3, progress=False)
    assert model.passes == 2  # batches
    assert len(found) == 5
    predicted = model.predict(images, progress=False)["predicted"]
    assert np.allclose(found.predicted, predicted, atol=1e-6)


def test_an_image_without_a_score_has_no_map_but_a_reason() -> None:
    images = sample_images(3, 16).clone()
    images[1, 0], images[1, 1] = 1, 0
    found = Patchy().eval().explain(images, progress=False)
    assert found.image == ["0", "2"]
    assert list(found.errors) == ["1"]
    assert "predicts nan" in found.errors["1"]
    assert found.maps.shape[0] == len(found.predicted) == 2
    assert np.isfinite(found.maps).all()


def test_a_method_that_changes_the_maps_of_another_is_the_one_explained() -> None:
    class Negative(GradCAM):
        def maps(self, model: Any, images: Tensor) -> Tensor:
            return -super().maps(model, images)

    model, images = MemorabilityRegressor(Pooled()).eval(), sample_images(2, 16)
    assert torch.equal(explain(Negative(), model, images), -explain(GradCAM(), model, images))
