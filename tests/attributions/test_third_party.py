"""Models of others: grids that resample, hooks instead of a feature layer, masks, no gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from memlab.attributions.base import Attribution, Given, explain, explain_branches
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.integrated_gradients import IntegratedGradients
from memlab.attributions.layer_cam import LayerCAM
from memlab.attributions.reference import reference_for, reference_of
from memlab.errors import MemlabError
from memlab.testing import sample_images
from memlab.types import Context
from memlab.validation.white_box import FaceLuminance
from tests.builders.attributions import Hooked


class Split(Hooked):
    """The same model with a feature layer."""

    def stem(self, images: Tensor) -> Tensor:
        return self.layer(images)

    def score(self, activations: Tensor) -> Tensor:
        return self.last(activations.relu().square().mean(dim=(2, 3))).squeeze(1).sigmoid()

    def grid(self, activations: Tensor) -> Tensor:
        return activations

    def forward(self, images: Tensor) -> Tensor:
        return self.score(self.stem(images))


class OnImage(Split):
    """Model whose grid distributes positions over more cells, each value scaled (as MemNet's)."""

    def grid(self, activations: Tensor) -> Tensor:
        shares = torch.eye(4).repeat_interleave(2, dim=0) / 2  # (8, 4)
        shares[0, 1] = shares[0, 0]  # cells that two positions share
        return shares @ activations @ shares.T * 2


def test_a_contrast_on_a_grid_that_resamples_is_in_units_of_the_score() -> None:
    torch.manual_seed(0)
    model, images = OnImage().eval(), sample_images(3, 16)
    reference = reference_of(model, [sample_images(5, 16)])
    found = explain_branches(ContrastCAM(), model, images, Given(reference))
    with torch.no_grad():
        wanted = model(images) - model.score(reference.activations[0])
    assert wanted.abs().max() > 1e-4
    assert torch.allclose(found.maps.sum(dim=(1, 2, 3)), wanted, atol=1e-5)
    assert found.columns["unlocated"].abs().max() < 1e-6


def test_layer_cam_on_a_grid_that_resamples_keeps_each_product_of_a_position() -> None:
    torch.manual_seed(0)
    model, images = OnImage().eval(), sample_images(3, 16)
    activations = model.stem(images).detach().requires_grad_()
    (gradients,) = torch.autograd.grad(model.score(activations).sum(), activations)
    wanted = (activations * gradients).sum(dim=(1, 2, 3)).detach()
    assert torch.allclose(explain(LayerCAM(), model, images).sum(dim=(1, 2, 3)), wanted, atol=1e-6)


@pytest.mark.parametrize("method", [GradCAM, LayerCAM])
def test_hooks_give_the_maps_of_the_feature_layer(method: type[Attribution]) -> None:
    class Watched(Hooked):
        def forward(self, images: Tensor) -> Tensor:
            pooled = self.layer(images).relu().square().mean(dim=(2, 3))
            return self.last(pooled).squeeze(1).sigmoid()

    torch.manual_seed(0)
    model, images = Split().eval(), sample_images(2, 16)
    watched = Watched().eval()
    watched.load_state_dict(model.state_dict())
    maps = explain(method(), watched, images)
    assert maps.abs().max() > 0
    assert torch.allclose(maps, explain(method(), model, images), atol=1e-7)


def test_a_contrast_does_not_ask_for_hooks_that_it_cannot_use() -> None:
    with pytest.raises(MemlabError, match="which contrast_cam needs: give it one, or take"):
        explain(ContrastCAM(), Hooked().eval(), sample_images(2, 16))


@pytest.mark.parametrize("method", [GradCAM, LayerCAM, IntegratedGradients])
def test_scores_without_a_gradient_are_named(method: type[Attribution]) -> None:
    class Quiet(Hooked):
        @torch.no_grad()
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images)

    with pytest.raises(MemlabError, match="Quiet: its scores have no gradient"):
        explain(method(), Quiet().eval(), sample_images(2, 16))


def test_a_model_that_needs_masks_can_be_compared_at_its_feature_layer() -> None:
    class Masked(Split):
        needs_context = ("faces",)

        def forward(self, images: Tensor, context: Context) -> Tensor:  # type: ignore[override]
            return self.score(self.stem(images))

    images = sample_images(3, 16)
    context = Context(list("abc"), masks={"faces": torch.ones(3, 1, 16, 16)})
    found = explain_branches(ContrastCAM(), Masked().eval(), images, Given(context=context))
    assert found.maps.abs().max() > 0


def test_the_reference_of_a_model_that_needs_masks_is_that_of_all_batches() -> None:
    images = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand(5, 3, 16, 16)
    batches = [
        {
            "images": part,
            "valid": torch.ones(len(part), dtype=torch.bool),
            "ids": [str(place) for place in range(len(part))],
            "masks": {"faces": torch.ones(len(part), 1, 16, 16)},
        }
        for part in images.split(4)
    ]
    reference = reference_for(IntegratedGradients(), FaceLuminance(), batches)  # type: ignore[arg-type]
    assert reference.count == 5
    assert reference.sd == pytest.approx(float(images[:, 0, 0, 0].std()), rel=1e-5)
    assert torch.allclose(reference.image, torch.full((1, 3, 16, 16), 0.5))
