"""Maps at a layer of one's choice: the same score, explained elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.attributions.base import Given, explain, explain_branches
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.reference import reference_of
from memlab.attributions.views import LayerView
from memlab.backbones.resnet import ResNet50
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.models.regressor import MemorabilityRegressor
from memlab.testing import sample_images
from tests.builders.small_networks import Pooled, tiny

LAYERS = {
    "test_resnet": ("layer2", 8),
    "test_efficientnet": ("blocks.2", 8),
    "test_byobnet": ("stages.1", 8),
    "test_convnext": ("stages.1", 8),
    "test_nfnet": ("stages.1", 8),
    "test_mambaout": ("stages.1", 8),
    "test_vit": ("blocks.2", 4),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_score_is_the_same_from_any_layer(name: str) -> None:
    model = tiny(name).eval()
    images = sample_images(2, 64)
    layer, side = LAYERS[name]
    with torch.no_grad():
        wanted = model(images)
        for step in model.chain():
            view = LayerView(model, step)
            assert torch.allclose(view.score(view.stem(images)), wanted, atol=1e-6)
        view = LayerView(model, layer)
        start = view.score(view.stem(images).mean(dim=0, keepdim=True))
    found = explain_branches(ContrastCAM(layer), model, images)
    assert found.maps.shape == (2, 1, side, side)
    total = found.maps.sum(dim=(1, 2, 3)) + found.columns["unlocated"] + found.columns["residual"]
    assert torch.allclose(total, wanted - start, atol=1e-5)


def test_the_deepest_layer_is_the_default() -> None:
    model = tiny().eval()
    images = sample_images(2, 64)
    last = list(model.chain())[-1]
    assert torch.allclose(explain(GradCAM(last), model, images), explain(GradCAM(), model, images))


def test_the_steps_of_the_study_s_network_are_its_stem() -> None:
    backbone = ResNet50(pretrained=False).eval()
    assert list(backbone.chain()) == ["maxpool", "layer1", "layer2", "layer3", "layer4"]
    model = MemorabilityRegressor(backbone).eval()
    maps = explain(GradCAM("layer3"), model, sample_images(1, 64))
    assert maps.shape == (1, 1, 4, 4)


def test_a_layer_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(MemlabError, match=r"has no layer 'layer9'; give conv1, .*layer3, layer4$"):
        explain(GradCAM("layer9"), tiny().eval(), sample_images(2, 64))
    whole = MemorabilityRegressor(Pooled()).eval()
    with pytest.raises(MemlabError, match="one feature layer, and no other can be chosen"):
        explain(GradCAM("layer1"), whole, sample_images(2, 16))


def test_the_reference_belongs_to_the_layer() -> None:
    model = tiny().eval()
    images = sample_images(3, 64)
    reference = reference_of(LayerView(model, "layer2"), [images])  # type: ignore[arg-type]
    own = explain_branches(ContrastCAM("layer2"), model, images, Given(reference))
    assert torch.allclose(own.maps, explain_branches(ContrastCAM("layer2"), model, images).maps)


def test_the_command_takes_a_layer(
    finished: Path, synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(path) for path in sorted((synthetic / "images").iterdir())[:2]]
    asked = ["explain", str(finished), *names, "--out", str(tmp_path / "out")]
    assert main([*asked, "--layer", "layer2", "--method", "contrast_cam"]) == 0
    assert np.load(tmp_path / "out" / "maps" / "contrast_cam.npz")["maps"].shape == (2, 8, 8)
    asked[-1] = str(tmp_path / "other")
    assert main([*asked, "--layer", "layer2", "--method", "occlusion"]) == 2
    assert "occlusion looks at the image, not at a layer" in capsys.readouterr().err
