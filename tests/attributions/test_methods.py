"""Methods of attribution: equal to Captum, complete, and right where the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from captum.attr import (
    IntegratedGradients as CaptumIntegratedGradients,
)
from captum.attr import (
    LayerGradCam,
    LayerGradientXActivation,
)
from captum.attr import (
    Occlusion as CaptumOcclusion,
)
from torch import Tensor, nn

from memlab.attributions.base import Attribution, Given, explain, explain_branches
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM, GradCAMReLU
from memlab.attributions.integrated_gradients import IntegratedGradients
from memlab.attributions.layer_cam import LayerCAM
from memlab.attributions.occlusion import Occlusion
from memlab.attributions.reference import reference_of
from memlab.errors import MemlabError
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing import check_attribution, sample_images
from memlab.types import Context
from memlab.validation.white_box import FaceLuminance
from tests.builders.small_networks import Pooled, tiny

METHODS: list[Callable[[], Attribution]] = [
    ContrastCAM,
    GradCAM,
    GradCAMReLU,
    IntegratedGradients,
    LayerCAM,
    Occlusion,
]


@pytest.fixture(scope="module")
def cnn() -> MemorabilityRegressor:
    torch.manual_seed(0)
    return tiny().eval()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_leaves_the_model_as_it_was(
    method: type[Attribution], cnn: MemorabilityRegressor
) -> None:
    check_attribution(method)
    state = torch.get_rng_state()
    explain(method(), cnn, sample_images(1, 64))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_a_contrast_sums_to_the_difference_from_the_mean_activations(name: str) -> None:
    model = tiny(name).eval()
    images, others = sample_images(3, 64), sample_images(5, 64).flip(0)
    reference = reference_of(model, [others[:2], others[2:]])
    found = explain_branches(ContrastCAM(), model, images, Given(reference))
    with torch.no_grad():
        wanted = model(images) - model.score(reference.activations[0])
        assert torch.allclose(reference.image, others.mean(dim=0, keepdim=True), atol=1e-6)
        assert reference.sd == pytest.approx(float(model(others).std()), rel=1e-4)
    total = found.maps.sum(dim=(1, 2, 3)) + found.columns["unlocated"] + found.columns["residual"]
    assert torch.allclose(total, wanted, atol=1e-6)
    small = found.columns["residual"].abs() < 1e-3 * reference.sd
    assert (small | (found.columns["steps"] == 512)).all()
    # only a class token has no position
    located = found.columns["unlocated"].abs().max() < 1e-6
    assert bool(located) == (name != "test_vit")


def test_a_contrast_equals_the_closed_form_of_mean_pooling_and_a_linear_head() -> None:
    model = MemorabilityRegressor(Pooled(), head="linear").eval()
    images = sample_images(6, 16)
    reference = reference_of(model, [images])
    with torch.no_grad():
        activations, mean = model.stem(images), reference.activations[0]
        high, low = model.score(activations), model.score(mean)
        slope = (high - low) / (high.logit() - low.logit())  # of the chord of the sigmoid
        weights = model.head[0].weight.view(1, 4, 1, 1)
        wanted = (weights * (activations - mean)).sum(dim=1) * slope.view(-1, 1, 1) / 16
    maps = explain(ContrastCAM(), model, images).squeeze(1)
    assert torch.allclose(maps, wanted, atol=1e-6)
    assert torch.allclose(maps, wanted, rtol=1e-4, atol=1e-8)


class Opposite(MemorabilityRegressor):
    """1 minus the score of another regressor."""

    def score(self, activations: Any) -> Tensor:
        return 1 - super().score(activations)


@pytest.mark.parametrize("method", [ContrastCAM, GradCAM, IntegratedGradients, LayerCAM, Occlusion])
def test_the_map_of_the_opposite_score_is_the_negative_map(
    method: type[Attribution], cnn: MemorabilityRegressor
) -> None:
    opposite = Opposite(cnn.backbone).eval()
    opposite.load_state_dict(cnn.state_dict())
    images = sample_images(2, 64)
    maps = explain(method(), cnn, images)
    assert maps.abs().max() > 0
    assert torch.allclose(explain(method(), opposite, images), -maps, atol=1e-6)


def test_integrals_take_more_steps_where_the_sum_needs_them() -> None:
    model = MemorabilityRegressor(Pooled(), head="linear").eval()
    with torch.no_grad():
        model.head[0].weight.mul_(4000)  # a step: the gradient is 0 nearly everywhere
    images = sample_images(6, 16)
    found = explain_branches(ContrastCAM(), model, images)
    steps = found.columns["steps"].tolist()
    assert set(steps) <= {32, 64, 128, 256, 512}
    assert max(steps) > 32
    total = found.maps.sum(dim=(1, 2, 3)) + found.columns["residual"]
    with torch.no_grad():
        activations = model.stem(images)
        wanted = model.score(activations) - model.score(activations.mean(dim=0, keepdim=True))
    assert torch.allclose(total, wanted, atol=1e-5)  # the error is said, not spread


def test_methods_equal_those_of_captum(cnn: MemorabilityRegressor) -> None:
    images = sample_images(2, 64)
    layer = cnn.backbone.network.layer4
    reference = reference_of(cnn, [images])
    stem = cnn.stem(images).detach()

    def same(found: Tensor, wanted: Tensor) -> None:
        assert wanted.abs().max() > 0
        assert (found - wanted).abs().max() < 1e-6 + 1e-5 * wanted.abs().max()

    same(explain(GradCAM(), cnn, images), LayerGradCam(cnn, layer).attribute(images))
    relu = LayerGradCam(cnn, layer).attribute(images, relu_attributions=True)
    same(explain(GradCAMReLU(), cnn, images), relu)
    product = LayerGradientXActivation(cnn, layer).attribute(images).sum(dim=1, keepdim=True)
    same(explain(LayerCAM(), cnn, images), product)
    given = Given(reference)
    found = explain_branches(IntegratedGradients(), cnn, images, given)
    contrast = explain_branches(ContrastCAM(), cnn, images, given)
    for place in range(len(images)):
        here = slice(place, place + 1)
        for maps, score, start, end in (
            (found, cnn, reference.image, images),
            (contrast, cnn.score, reference.activations[0], stem),
        ):
            wanted = CaptumIntegratedGradients(score).attribute(
                end[here], start, n_steps=int(maps.columns["steps"][place]), method="gausslegendre"
            )
            same(maps.maps[here], wanted.sum(dim=1, keepdim=True))
    covered = CaptumOcclusion(cnn).attribute(
        images, sliding_window_shapes=(3, 8, 8), strides=(3, 8, 8), baselines=0.5
    )
    same(explain(Occlusion(fill="grey"), cnn, images), covered[:, :1, ::8, ::8])


def test_the_classic_map_hides_what_lowers_a_score(cnn: MemorabilityRegressor) -> None:
    images = sample_images(4, 64)
    signed, classic = explain(GradCAM(), cnn, images), explain(GradCAMReLU(), cnn, images)
    assert torch.equal(classic, signed.relu())
    assert (signed < 0).any()
    opposite = Opposite(cnn.backbone).eval()
    opposite.load_state_dict(cnn.state_dict())
    hidden = explain(GradCAMReLU(), opposite, images)  # the other half, from the same network
    assert torch.allclose(classic - hidden, signed, atol=1e-6)


@pytest.mark.parametrize("method", [IntegratedGradients, Occlusion])
def test_pixels_of_a_region_explain_a_model_that_reads_it_alone(method: type[Attribution]) -> None:
    images = sample_images(4, 32)
    mask = torch.zeros(4, 1, 32, 32)
    mask[:, :, 8:16, 16:28] = 1
    context = Context([str(place) for place in range(4)], masks={"faces": mask})
    maps = explain_branches(method(), FaceLuminance(), images, Given(context=context)).maps
    shown = nn.functional.interpolate(maps, size=(32, 32)).abs()
    inside = (shown * mask).sum() / shown.sum()
    assert inside > (0.999 if method is IntegratedGradients else 0.6)
    assert inside / mask.mean() > 5


def test_bad_arguments_of_occlusion_are_named(cnn: MemorabilityRegressor) -> None:
    with pytest.raises(MemlabError, match="cells 1 is outside 2 to 32"):
        Occlusion(cells=1)
    with pytest.raises(MemlabError, match="fill is 'harmonic'; give blur, mean or grey"):
        Occlusion(fill="harmonic")
    with pytest.raises(MemlabError, match="16 × 16 pixels have no 20 × 20 cells"):
        explain(Occlusion(cells=20), MemorabilityRegressor(Pooled()).eval(), sample_images(2, 16))
