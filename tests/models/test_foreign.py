"""A third-party plain torch module: tested, scored and explained as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from memlab import load
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.models.base import hash_weights
from tests.builders.commands import QUIET, results

NETS = '''
import torch
from torch import nn

class Red(nn.Module):
    """No parameters, no methods but forward."""
    input_size = 32
    def forward(self, images): return images[:, 0].mean(dim=(1, 2))

class Seeing(nn.Module):
    """Loads its weights; a part of it is called `stem` by accident."""
    input_size = 48
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 5, stride=4)
        self.head = nn.Linear(4, 1)
        generator = torch.Generator().manual_seed(1)
        for parameter in self.parameters():
            parameter.data = torch.rand(parameter.shape, generator=generator) - 0.4
    def forward(self, images): return self.head(self.stem(images).relu().mean((2, 3))).sigmoid()
    def cam_layer(self): return self.stem

class Blind(Seeing):
    cam_layer = None

class Forked(nn.Module):
    """Two branches behind one seam, and a card."""
    input_size = 32
    card = {"output": "hit rate", "licence": "non-commercial use only"}
    branches = {"bright": 1, "coloured": 2}
    def forward(self, images): return self.score(self.stem(images))
    def stem(self, images): return torch.cat([images.mean(1, keepdim=True), images[:, :2]], 1)
    def score(self, places): return (places.mean((2, 3)) @ torch.tensor([2.0, 1.0, -2.0])).sigmoid()
    def grid(self, places): return places

class Column(Forked):
    """Returns (B, 1)."""
    def score(self, places): return super().score(places).unsqueeze(1)

class Miscounted(Forked):
    branches = {"bright": 1, "coloured": 3}

class Parts(Red):
    """What it calls branches and card are layers."""
    def __init__(self):
        super().__init__()
        self.branches, self.card = nn.ModuleDict({"a": nn.ReLU()}), nn.ReLU()

class Random(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)
    def forward(self, images): return self.layer(images.mean((2, 3)))

class Named(Random):
    def weights_id(self): return "release-7"

class Wide(nn.Module):
    def __init__(self, width): super().__init__()

class Pairs(Red):
    def forward(self, images): return images.mean((2, 3))[:, :2]

class Function: pass
'''


@pytest.fixture(autouse=True)
def nets(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder, of another name for each test."""
    name = f"nets_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    return name


def test_a_plain_module_is_loaded_from_the_current_folder(nets: str) -> None:
    red = load(f"{nets}:Red")
    assert red.weights_id() == "closed-form"
    assert red.input_size == 32
    assert not red.training
    images = torch.rand(3, 3, 32, 32)
    assert torch.equal(red(images), images[:, 0].mean(dim=(1, 2)))
    rows = red.predict(images)
    assert rows["low"].isna().all()
    assert rows["percentile"].isna().all()
    assert rows.attrs["notes"] == [
        "no interval: the model brings no validation errors",
        "no percentile: the model brings no training labels",
    ]


def test_its_weights_are_hashed_or_named(nets: str) -> None:
    seeing = load(f"{nets}:Seeing")
    assert seeing.weights_id() == hash_weights(seeing.network.state_dict())
    assert seeing(torch.rand(2, 3, 48, 48)).shape == (2,)  # (B, 1) is taken, too
    assert load(f"{nets}:Named").weights_id() == "release-7"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Random", "its weights are random, made twice they differ: load them in its constructor"),
        ("Wide", "cannot be made without arguments: .*'width'"),
        ("Function", "not a subclass of torch.nn.Module"),
        ("Nothing", "has no attribute 'Nothing'"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_line(nets: str, name: str, message: str) -> None:
    with pytest.raises(MemlabError, match=f"{nets}.{name}.*{message}"):
        load(f"{nets}:{name}")


def test_scores_of_another_shape_are_refused(nets: str) -> None:
    with pytest.raises(MemlabError, match=rf"{nets}:Pairs returned scores of shape \(2, 2\)"):
        load(f"{nets}:Pairs").predict(torch.rand(2, 3, 32, 32))


@pytest.mark.slow
def test_score_and_explain_run_it(nets: str, make_image: Callable[..., Path]) -> None:
    for place in range(3):
        make_image(f"in/{place}.png", seed=place)
    assert main(["score", f"{nets}:Seeing", "in", "--out", "scores.csv"]) == 0
    scores = pd.read_csv("scores.csv")["predicted"]
    assert main(["explain", f"{nets}:Seeing", "in", "--out", "maps"]) == 0
    found = np.load("maps/maps/grad_cam.npz")
    assert found["maps"].shape == (3, 11, 11)
    assert np.allclose(found["predicted"], scores)
    assert len(list(Path("maps/overlays/grad_cam").glob("*.png"))) == 3
    assert Path("maps/maps/grad_cam.png").stat().st_size > 10_000


def test_grad_cam_at_a_layer_is_selvarajus(nets: str) -> None:
    model = load(f"{nets}:Seeing")
    images = torch.rand(2, 3, 48, 48)
    found = model.explain(images)
    network = model.network
    activations = network.stem(images).detach().requires_grad_()
    score = network.head(activations.relu().mean((2, 3))).sigmoid().sum()
    (gradient,) = torch.autograd.grad(score, activations)
    wanted = (gradient.mean((2, 3), keepdim=True) * activations).sum(1)
    assert np.allclose(found.maps, wanted.detach().numpy(), atol=1e-6)
    assert found.maps.min() < 0 or found.maps.max() > 0
    assert not network.stem._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())


def test_its_card_and_branches_go_with_its_scores_and_maps(
    nets: str,
    make_image: Callable[..., Path],
    capsys: pytest.CaptureFixture,
    failing: Callable[..., str],
) -> None:
    make_image("in/a.png", seed=1)
    assert main(["score", f"{nets}:Forked", "in", "--out", "scores.csv"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "a score is the hit rate; weights: non-commercial use only" in said
    assert main(["explain", f"{nets}:Forked", "in", "--out", "maps"]) == 0
    found = np.load("maps/maps/grad_cam.npz")
    assert np.allclose(found["maps_bright"] + found["maps_coloured"], found["maps"])
    assert (found["maps_bright"] > 0).all()
    message = failing("explain", f"{nets}:Miscounted", "in", "--out", "others")
    assert "Miscounted: its branches have 4 channels" in message
    assert message.rstrip().endswith("its grid 3")
    parts = load(f"{nets}:Parts")
    assert parts.branches == {}
    assert parts.card == {}


def test_a_feature_layer_with_scores_in_a_column_is_explained_as_one_without(nets: str) -> None:
    images = torch.rand(3, 3, 32, 32)
    for method in ("grad_cam", "contrast_cam"):
        ours, theirs = (
            load(f"{nets}:{name}").explain(images, method=method, progress=False)
            for name in ("Column", "Forked")
        )
        assert np.array_equal(ours.maps, theirs.maps)
        assert np.array_equal(ours.predicted, theirs.predicted)


def test_without_a_layer_maps_are_refused_in_a_line(nets: str, failing: Callable[..., str]) -> None:
    Path("in").mkdir()
    from PIL import Image

    Image.new("RGB", (50, 50)).save("in/a.png")
    message = failing("explain", f"{nets}:Blind", "in", "--out", "maps")
    told = "no feature layer (stem, score, grid) and no cam_layer(), so grad_cam cannot run"
    assert told in message
    assert not Path("maps").exists()
    assert "did you mean 'grad_cam'" in failing(
        "explain", f"{nets}:Blind", "in", "--out", "maps", "--method", "gradcam"
    )


@pytest.mark.slow
def test_test_runs_it_with_ablations_and_says_what_it_was(
    nets: str, synthetic: Path, failing: Callable[..., str]
) -> None:
    root = shutil.copytree(synthetic, "synthetic")
    options = [f"--data.root={root}", "--ablation", "grayscale", *QUIET]
    assert main(["test", "--model", f"{nets}:Red", *options, "--data.num_workers=0"]) == 0
    (folder,) = Path("runs").glob("*-Red/test-001-grayscale")
    found = results(folder)
    assert found["model"]["init_args"] == {"target": f"{nets}:Red"}
    assert found["model"]["weights_id"] == "closed-form"
    assert found["interval"]["coverage"]["value"] is None
    assert found["conditions"][0]["effect"]["value"] is not None
    assert any("No maps by grad_cam" in note for note in found["notes"])
    Path("config.yaml").write_text(
        f"model: {nets}:Seeing\ndata: {{root: synthetic, num_workers: 0}}\n"
    )
    assert main(["test", "--config", "config.yaml", *QUIET]) == 0
    (folder,) = Path("runs").glob("*/test-001")
    seen = results(folder)
    assert seen["model"]["init_args"] == {"target": f"{nets}:Seeing"}
    assert seen["maps"][0]["n"] > 0
    message = failing("test", "--model", f"{nets}:Random", options[0])
    assert "its weights are random" in message
