"""Why maps of a regressor lie on black areas, in closed form: the offset of the score.

Two networks give the same score for every image. One has the offset of its scores in the bias of
its head, the other in a channel that is active everywhere, also where the image is black. Training
has no reason to prefer either.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from memlab.attributions.base import Given, explain, explain_branches
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM, GradCAMReLU
from memlab.attributions.layer_cam import LayerCAM
from memlab.attributions.reference import reference_of
from memlab.attributions.trust import on_regions
from memlab.backbones.base import Backbone
from memlab.models.regressor import MemorabilityRegressor

OFFSET, SLOPE = 1.2, 8.0


class TwoChannels(Backbone):
    """A channel that is 1 everywhere, and one of redness; mean pooling of 8 × 8 cells."""

    feature_dim = 2
    input_size = 32
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()

    def stem(self, images: Tensor) -> Tensor:
        cells = torch.nn.functional.avg_pool2d(images, 4)
        red = (cells[:, 0] - cells[:, 1:].mean(dim=1)).relu()
        return torch.stack([torch.ones_like(red), red], dim=1)

    def tail(self, activations: Tensor) -> Tensor:
        return activations.mean(dim=(2, 3))

    def grid(self, activations: Tensor) -> Tensor:
        return activations


def network(everywhere: float, bias: float) -> MemorabilityRegressor:
    model = MemorabilityRegressor(TwoChannels(), head="linear").eval()
    model.set_readout(torch.tensor([everywhere, SLOPE]), bias)
    return model


@pytest.fixture
def images() -> Tensor:
    """Grey photographs between black bars, each with a red square of another size."""
    found = torch.zeros(4, 3, 32, 32)
    found[..., 8:24, :] = 0.5
    for place, side in enumerate((0, 4, 8, 12)):
        at = 4 * place
        found[place, :, 8 : 8 + side, at : at + side] = torch.tensor([0.9, 0.1, 0.1])[:, None, None]
    return found


def masks(images: Tensor) -> dict[str, Tensor]:
    red = (images[:, :1] - images[:, 1:2] > 0.5).float()
    return {"black": (images.sum(dim=1, keepdim=True) == 0).float(), "red": red}


def test_the_offset_lies_where_the_image_is_black(images: Tensor) -> None:
    inside, outside = network(OFFSET, 0.0), network(0.0, OFFSET)
    with torch.no_grad():
        scores = inside(images)
        assert torch.allclose(outside(images), scores, atol=1e-7)
    on_black = masks(images)["black"]
    slope = (scores * (1 - scores)).view(-1, 1, 1)
    for method in (GradCAM(), GradCAMReLU(), LayerCAM()):
        maps = explain(method, inside, images)
        assert torch.allclose(maps[:, 0, :2], (OFFSET * slope / 64).expand(-1, 2, 8), atol=1e-7)
        assert explain(method, outside, images)[:, :, :2].abs().max() == 0
        # without anything red, what a per-image scale would show in full colour is the offset
        assert maps[0].max() - maps[0].min() < 1e-7
        lift = on_regions(maps, {"black": on_black})["lift_black"]
        assert lift[0].item() == pytest.approx(1, abs=0.01)


def test_a_contrast_is_the_same_for_both_and_lies_on_what_differs(images: Tensor) -> None:
    maps = []
    for model in (network(OFFSET, 0.0), network(0.0, OFFSET)):
        found = explain_branches(
            ContrastCAM(), model, images, Given(reference_of(model, [images]))
        ).maps
        maps.append(found)
        assert found[:, :, :2].abs().max() < 1e-7
    assert torch.allclose(*maps, atol=1e-7)
    lift = on_regions(maps[0], masks(images))
    assert lift["lift_red"][3].item() > 3
    assert lift["lift_black"][3].item() < 0.1


def test_bins_share_the_offset_so_that_their_difference_has_none(images: Tensor) -> None:
    class Bins(MemorabilityRegressor):
        """The logit of the upper of two bins minus that of the lower one."""

        def score(self, activations: Tensor) -> Tensor:
            pooled = activations.mean(dim=(2, 3))
            logits = pooled @ torch.tensor([[OFFSET, SLOPE], [OFFSET, -SLOPE]]).T
            return logits[:, 0] - logits[:, 1]

    maps = explain(GradCAM(), Bins(TwoChannels(), head="linear").eval(), images)
    assert maps[:, :, :2].abs().max() < 1e-7
    assert on_regions(maps, masks(images))["lift_red"][3].item() > 3
