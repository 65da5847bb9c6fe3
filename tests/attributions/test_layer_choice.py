"""The layer `auto`: chosen by how far scores follow the maps of each candidate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memlab.analysis.layer_choice import choose_layer, layer_text
from memlab.attributions.base import LayerAttribution, explain
from memlab.attributions.candidates import candidate_layers
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.layer_cam import LayerCAM
from memlab.backbones.base import Backbone, Step
from memlab.errors import MemlabError
from memlab.inference.chosen_layer import chosen_layer
from memlab.models.regressor import MemorabilityRegressor
from memlab.scorer import Scorer
from memlab.testing import sample_images
from memlab.types import Batch
from tests.builders.small_networks import Pooled, tiny


class Blinding(Backbone):
    """Brightness on 8 × 8 cells; then its mean, at each of 4 × 4 cells: positions are lost."""

    feature_dim = 1
    input_size = 32
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def chain(self) -> dict[str, Step]:
        def bright(images: Tensor) -> Tensor:
            cells = nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 4)
            return self.weight * (cells - 0.6).relu()

        def blind(cells: Tensor) -> Tensor:
            return cells.mean(dim=(2, 3), keepdim=True).expand(-1, -1, 4, 4)

        return {"bright": bright, "blind": blind}

    def stem(self, images: Tensor) -> Tensor:
        for step in self.chain().values():
            images = step(images)
        return images

    def tail(self, activations: Tensor) -> Tensor:
        return activations.mean(dim=(2, 3))

    def grid(self, activations: Tensor) -> Tensor:
        return activations


def blinding() -> MemorabilityRegressor:
    model = MemorabilityRegressor(Blinding(), head="linear")
    for readout in model.head.modules():
        if isinstance(readout, nn.Linear):
            nn.init.constant_(readout.weight, 40.0)
            nn.init.zeros_(readout.bias)
    return model


def batch(images: Tensor) -> Batch:
    n = len(images)
    return {
        "index": torch.arange(n),
        "ids": [f"{place}.png" for place in range(n)],
        "images": images,
        "masks": {},
        "scores": torch.zeros(n),
        "valid": torch.ones(n, dtype=torch.bool),
        "errors": [""] * n,
    }  # type: ignore[typeddict-item]


def patches(n: int = 24) -> Tensor:
    """Dark images with a bright patch anywhere."""
    generator = torch.Generator().manual_seed(0)
    images = 0.3 * torch.rand(n, 3, 32, 32, generator=generator)
    for image, (row, column) in zip(
        images, (4 * torch.randint(6, (n, 2), generator=generator)).tolist(), strict=True
    ):
        image[:, row : row + 8, column : column + 8] += 0.6
    return images


@pytest.mark.parametrize("method", [ContrastCAM, LayerCAM])
def test_the_layer_that_knows_the_position_is_found(
    method: Callable[[str], LayerAttribution],
) -> None:
    shown = [batch(patches())]
    found, choice = chosen_layer(method("auto"), blinding(), shown, shown, "validation images")
    assert found.layer == choice.layer == "bright"
    assert choice.n == 24
    lifts = {one.layer: one for one in choice.candidates}
    assert {name: one.cells for name, one in lifts.items()} == {"bright": (8, 8), "blind": (4, 4)}
    assert (lifts["bright"].lift.low or 0) > 0
    assert (lifts["blind"].lift.high or 1) < 0.01
    assert (lifts["blind"].behind.low or 0) > 0
    said = layer_text(found.name, choice)
    assert f"{found.name} looks at bright (8 × 8 cells), chosen on 24 validation images" in said
    assert "know nothing of the model (blind -0.0" in said


def test_the_choice_leaves_the_model_as_it_was() -> None:
    model = tiny().train()
    model.backbone.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    flags, state = [one.training for one in model.modules()], torch.get_rng_state()
    shown = [batch(sample_images(4, 64))]
    first = chosen_layer(ContrastCAM("auto"), model, shown, shown, "images")[1]
    assert [one.training for one in model.modules()] == flags
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(one.grad is None for one in model.parameters())
    assert chosen_layer(ContrastCAM("auto"), model, shown, shown, "images")[1] == first


def test_candidates_have_cells_that_one_can_read() -> None:
    # 32 × 32 cells have two pixels a side, 2 × 2 cells no position; conv1 to act1 have one grid
    found = candidate_layers(tiny().eval(), sample_images(1, 64))
    assert found == {"layer1": (16, 16), "layer2": (8, 8), "layer3": (4, 4)}
    assert candidate_layers(tiny("test_vit").eval(), sample_images(1, 64)) == {"blocks.4": (4, 4)}
    # all of them coarser: the finest of these
    assert candidate_layers(tiny().eval(), sample_images(1, 8)) == {"layer1": (2, 2)}
    assert candidate_layers(MemorabilityRegressor(Pooled()).eval(), sample_images(1, 16)) == {}


@pytest.mark.parametrize("name", ["test_vit", ""])
def test_a_single_layer_is_no_choice_and_that_is_said(name: str) -> None:
    model = tiny(name) if name else MemorabilityRegressor(Pooled())
    shown = [batch(sample_images(2, model.input_size))]
    found, choice = chosen_layer(GradCAM("auto"), model.eval(), shown, shown, "images")
    where = "blocks.4" if name else "the feature layer of MemorabilityRegressor"
    said = f"grad_cam looks at {where}: no other layer has another grid to choose from."
    assert layer_text("grad_cam", choice) == said
    assert explain(found, model, shown[0]["images"]).shape[0] == 2


class Flat(Scorer):
    """Mean brightness: no feature layer."""

    input_size = 16
    device = torch.device("cpu")

    def weights_id(self) -> str:
        return "closed-form"

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))


def test_a_model_without_a_feature_layer_has_no_choice() -> None:
    shown = [batch(sample_images(2, 16))]
    with pytest.raises(MemlabError, match="Flat has no feature layer"):
        chosen_layer(ContrastCAM("auto"), Flat(), shown, shown, "images")


def test_the_largest_mean_is_chosen_and_equal_layers_are_named() -> None:
    rng = np.random.default_rng(0)
    image = 0.1 + 0.02 * rng.standard_normal(64)
    noise = 0.02 * rng.standard_normal((2, 64))
    follows = {
        "early": image,
        "middle": image + noise[0] - noise[0].mean() + 0.001,
        "late": image - 0.05,
    }
    cells = {"early": (16, 16), "middle": (8, 8), "late": (4, 4)}
    centre = np.full(64, 0.03) + 0.01 * noise[1]
    choice = choose_layer(follows, cells, centre, "validation images", 0)
    assert choice.layer == "middle"
    said = layer_text("layer_cam", choice)
    assert said.endswith("; early may be as good.")
    assert choice.chance == pytest.approx(centre.mean())
    assert choice.candidates[0].lift.value == pytest.approx(image.mean() - centre.mean())
    # a prior that says the opposite of what happens is no help: random cells have 0
    assert choose_layer(follows, cells, -centre, "validation images", 0).chance == 0
    none = {name: values - 0.2 for name, values in follows.items()}
    said = layer_text("layer_cam", choose_layer(none, cells, centre, "images", 0))
    assert said.endswith("; this is not shown to be more than nothing.")


def test_a_choice_needs_images() -> None:
    unreadable = batch(sample_images(2, 64))
    unreadable["valid"][:] = False
    for shown in ([], [unreadable]):
        with pytest.raises(MemlabError, match="no image can be read to choose a layer on"):
            chosen_layer(GradCAM("auto"), tiny(), shown, shown, "images")


def test_auto_is_no_layer_where_nothing_chooses() -> None:
    with pytest.raises(MemlabError, match=r"layer auto is chosen by .*here give conv1, .*layer4$"):
        explain(GradCAM("auto"), tiny().eval(), sample_images(2, 64))


def test_images_too_small_for_the_network_or_a_grid() -> None:
    with pytest.raises(MemlabError, match=r"images of 32 × 32 pixels are a single cell .*--layer"):
        explain(GradCAM(), tiny().eval(), sample_images(2, 32))
    assert explain(GradCAM("layer3"), tiny().eval(), sample_images(2, 32)).shape[2:] == (2, 2)
    shown = [batch(sample_images(2, 4))]
    with pytest.raises(MemlabError, match="images of 4 × 4 pixels are a single cell"):
        explain(
            chosen_layer(GradCAM("auto"), tiny(), shown, shown, "")[0], tiny(), shown[0]["images"]
        )
    too_small = r"4 × 4 pixels \(.*\): give images of 64 × 64"
    for model in (tiny("test_vit"), tiny("test_convnext")):
        with pytest.raises(MemlabError, match=too_small):
            explain(GradCAM(), model, shown[0]["images"])
        with pytest.raises(MemlabError, match=too_small):
            chosen_layer(GradCAM("auto"), model, shown, shown, "")
