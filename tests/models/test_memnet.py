"""MemNet from its published file: names, shapes, geometry, maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memlab.attributions.base import explain
from memlab.attributions.grad_cam import GradCAM
from memlab.errors import CheckpointError
from memlab.models.published.memnet import CaffeNet, MemNet
from memlab.testing import check_model, sample_images
from tests.builders.memnet import NarrowMemNet

MEMNET = {  # what the published file holds
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 48, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3),
    "fc6": (4096, 9216),
    "fc7": (4096, 4096),
    "fc8": (1, 4096),
}


def test_memnet_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        state = CaffeNet().state_dict()
    assert {k: tuple(v.shape) for k, v in state.items() if "weight" in k} == {
        f"{name}.weight": shape for name, shape in MEMNET.items()
    }
    assert {k: tuple(v.shape) for k, v in state.items() if "bias" in k} == {
        f"{name}.bias": shape[:1] for name, shape in MEMNET.items()
    }


def numpy_crops(image: torch.Tensor, mean: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """GANalyze's handling of an image of 256 pixels, restated: (10, 3, 227, 227)."""
    pixels = (image.numpy() * 255).transpose(1, 2, 0)[:, :, ::-1] - mean
    corners = [(0, 0), (0, 29), (29, 0), (29, 29), (15, 15)]
    crops = [pixels[top : top + 227, left : left + 227] for top, left in corners]
    both = [each for crop in crops for each in (crop, crop[:, ::-1])]
    return np.stack(both).transpose(0, 3, 1, 2)


@pytest.mark.slow
def test_memnet_handles_images_as_ganalyze(narrow: Path, mean: np.ndarray[Any, Any]) -> None:
    model = NarrowMemNet(str(narrow))
    images = sample_images(2, 256)
    wanted = numpy_crops(images[1], mean)
    crops = torch.stack([crop[1] for crop in model.crops(images)]).numpy()
    assert np.allclose(crops, wanted, atol=1e-3)
    with torch.no_grad():
        net = model.network
        outputs = net.fc8(net.embed(net.stem(torch.from_numpy(wanted.copy())))).mean().item()
        scores = model(images)
    score = min(max((outputs - 0.7626) * 2 + 0.65, 0), 1)
    assert 0 < score < 1
    assert scores[1].item() == pytest.approx(score, abs=1e-5)
    assert model(sample_images(1, 300)).shape == (1,)


@pytest.mark.slow
def test_memnet_contract_maps_and_features(narrow: Path) -> None:
    check_model(
        type(
            "Given", (NarrowMemNet,), {"__init__": lambda self: MemNet.__init__(self, "memnet.pth")}
        )
    )
    model = NarrowMemNet(str(narrow))
    images = sample_images(2, 256)
    with torch.no_grad():
        seam = model.stem(images)
        assert torch.equal(model.score(seam), model(images))
        assert model.embed(images).shape == (2, 8)
    maps = explain(GradCAM(), model, images)
    assert maps.shape == (2, 1, 16, 16)
    # the maps of all crops, each in its own places, have the same sum
    leaf = seam.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.score(leaf).sum(), leaf)
    own = (gradient.mean(dim=(3, 4), keepdim=True) * seam).sum(dim=(1, 2, 3, 4))
    assert torch.allclose(torch.as_tensor(maps).sum(dim=(1, 2, 3)).float(), own, rtol=1e-3)


@pytest.mark.slow
def test_memnets_places_lie_where_they_look(narrow: Path) -> None:
    model = NarrowMemNet(str(narrow))
    images = sample_images(1, 256)
    for number, place in ((3, (6, 5)), (8, (7, 4))):  # a mirrored corner; the middle
        leaf = images.clone().requires_grad_()
        seam = model.stem(leaf)
        (gradient,) = torch.autograd.grad(seam[0, number, :, place[0], place[1]].sum(), leaf)
        seen = gradient[0].abs().sum(0)
        middle = [(seen.sum(1 - axis).nonzero().float()).mean().item() for axis in (0, 1)]
        alone = torch.zeros_like(seam)
        alone[0, number, 0, place[0], place[1]] = 1
        grid = model.grid(alone)[0, number * 256]
        rows, columns = grid.sum(1), grid.sum(0)
        cells = torch.arange(16) * 16 + 7.5
        found = [float((part * cells).sum() / part.sum()) for part in (rows, columns)]
        assert found == pytest.approx(middle, abs=1)


def test_memnet_needs_its_mean_image(narrow: Path, mean: np.ndarray[Any, Any]) -> None:
    first = NarrowMemNet(str(narrow)).weights_id()
    Path("memnet_mean.mat").unlink()
    with pytest.raises(
        CheckpointError, match=r"no memnet_mean.mat or memnet_mean.npy beside.*http"
    ):
        NarrowMemNet(str(narrow))
    np.save("memnet_mean.npy", mean.transpose(2, 0, 1))
    assert NarrowMemNet(str(narrow)).weights_id() == first
    np.save("memnet_mean.npy", mean[:227])
    with pytest.raises(CheckpointError, match=r"shape \(227, 256, 3\), not \(256, 256, 3\)"):
        NarrowMemNet(str(narrow))
    Path("memnet_mean.npy").write_text("no array")
    with pytest.raises(CheckpointError, match=r"memnet_mean.npy: cannot be read as a mean image"):
        NarrowMemNet(str(narrow))


def test_ports_of_other_shapes_are_refused(narrow: Path) -> None:
    state = torch.load(narrow)
    state["conv1.weight"] = state["conv1.weight"][:48]
    torch.save(state, narrow)
    with pytest.raises(CheckpointError, match=r"do not fit.*1 of another shape.*conv1.weight"):
        NarrowMemNet(str(narrow))
