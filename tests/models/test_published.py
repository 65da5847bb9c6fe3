"""Predictors on files of weights: ViTMem, MemNet, a timm checkpoint. Random weights throughout."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from scipy.io import savemat

from memlab import load
from memlab.attributions.base import explain
from memlab.attributions.grad_cam import GradCAM
from memlab.cli import main
from memlab.errors import CheckpointError, MissingWeightsError
from memlab.models.leak import leak_notes
from memlab.models.published import memnet, timm_file, vitmem
from memlab.models.published.files import read_tensors
from memlab.models.published.memnet import CaffeNet, MemNet
from memlab.models.published.vitmem import ViTMem
from memlab.testing import check_model, check_plugin, sample_images
from tests.conftest import QUIET, results

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

VITMEM = "vit_base_patch16_224_miil"
TINY_VIT = "test_vit"


class NarrowMemNet(MemNet):
    """With 8 units in fc6 and fc7."""

    units = 8


@pytest.fixture
def mean() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform(80, 140, (256, 256, 3)).astype("float32")


@pytest.fixture
def narrow(mean: np.ndarray[Any, Any]) -> Path:
    """Weights of the narrow MemNet with its mean image."""
    torch.manual_seed(0)
    state = CaffeNet(8).state_dict()
    state["fc8.weight"] *= 0.002  # so that no score is cut off
    state["fc8.bias"][:] = 0.7626
    torch.save(state, "memnet.pth")
    savemat("memnet_mean.mat", {"image_mean": mean})
    return Path("memnet.pth")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for ViTMem, which is a tiny transformer here."""
    make = timm_file.Timm

    def smaller(name: str, **options: Any) -> timm_file.Timm:
        assert name == VITMEM
        return make(TINY_VIT, pretrained=False, image_size=224)

    monkeypatch.setattr(timm_file, "Timm", smaller)
    network = timm.create_model(TINY_VIT, num_classes=1, img_size=224)
    torch.save({f"vit.{key}": value for key, value in network.state_dict().items()}, "vitmem.pth")
    return Path("vitmem.pth")


def test_memnet_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        state = CaffeNet().state_dict()
    assert {k: tuple(v.shape) for k, v in state.items() if "weight" in k} == {
        f"{name}.weight": shape for name, shape in MEMNET.items()
    }
    assert {k: tuple(v.shape) for k, v in state.items() if "bias" in k} == {
        f"{name}.bias": shape[:1] for name, shape in MEMNET.items()
    }


def test_vitmem_is_the_packages_network() -> None:
    """One forward of the whole network: that of timm, on the middle of the image."""
    with torch.no_grad():
        theirs = timm.create_model(VITMEM, num_classes=1).eval()
        state = theirs.state_dict()
        torch.save({f"vit.{key}": value for key, value in state.items()}, "vitmem.pth")
        model = load("vitmem:vitmem.pth")
        images = sample_images(1, 256)
        wanted = theirs(images[:, :, 16:240, 16:240]).sigmoid().squeeze(1)
        assert torch.allclose(model(images), wanted, atol=1e-6)
    assert len(state) == 140
    assert model.input_size == 256


def test_vitmem_contract_maps_and_features(tiny: Path) -> None:
    check_model(
        type("Given", (ViTMem,), {"__init__": lambda self: ViTMem.__init__(self, "vitmem.pth")})
    )
    model = ViTMem(str(tiny))
    images = sample_images(2, 256).contiguous()
    with torch.no_grad():
        scores = model(images)
        assert torch.equal(model.score(model.stem(images)), scores)
        changed = images.clone()
        changed[:, :, :16] = changed[:, :, 240:] = 0
        changed[:, :, :, :16] = changed[:, :, :, 240:] = 0
        assert torch.equal(model(changed), scores)
        head = model.backbone.network.head
        assert torch.allclose(head(model.embed(images)).squeeze(1).sigmoid(), scores)
    maps = explain(GradCAM(), model, images)
    assert maps.shape == (2, 1, 14, 14)
    assert maps.std() > 0
    assert not model.train().training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_vitmem_is_found_where_its_package_puts_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, failing: Callable[..., str], make_image: Any
) -> None:
    make_image("in/a.png")
    message = failing("score", "vitmem", "in")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for part in (vitmem.RELEASE.url, "f580d24a", str(folder), "vitmem:FILE"):
        assert part in message
    folder.mkdir(parents=True)
    shutil.copy(tiny, folder / vitmem.RELEASE.name)
    assert "damaged or another file" in failing("score", "vitmem", "in")
    digest = hashlib.sha256(tiny.read_bytes()).hexdigest()
    monkeypatch.setattr(vitmem, "RELEASE", vitmem.Release("vitmem", vitmem.RELEASE.url, digest[:8]))
    model = load("vitmem")
    assert model.weights_id() == digest[:16]
    assert model.seen_data == ("LaMem", "MemCat")
    assert "trained on LaMem and MemCat" in model.card_notes()[0]


def test_what_is_known_of_another_file(tiny: Path) -> None:
    model = load(f"vitmem:{tiny}")
    assert model.seen_data is None
    assert "trained on unknown data (not the published file)" in model.card_notes()[0]


def numpy_crops(image: torch.Tensor, mean: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """GANalyze's handling of an image of 256 pixels, restated: (10, 3, 227, 227)."""
    pixels = (image.numpy() * 255).transpose(1, 2, 0)[:, :, ::-1] - mean
    corners = [(0, 0), (0, 29), (29, 0), (29, 29), (15, 15)]
    crops = [pixels[top : top + 227, left : left + 227] for top, left in corners]
    both = [each for crop in crops for each in (crop, crop[:, ::-1])]
    return np.stack(both).transpose(0, 3, 1, 2)


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


def python_pickle(state: dict[str, torch.Tensor], protocol: int = 2) -> bytes:
    return pickle.dumps(OrderedDict(state), protocol=protocol)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_plain_pickle_of_tensors_is_read(narrow: Path, protocol: int) -> None:
    state = torch.load(narrow)
    Path("memnet_state_dict.p").write_bytes(python_pickle(state, protocol))
    found = read_tensors(Path("memnet_state_dict.p"))
    assert list(found) == list(state)
    assert all(torch.equal(found[key], state[key]) for key in state)


class Hostile:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("how", ["pickle", "torch", "legacy", "nested"])
def test_a_hostile_file_is_refused_and_nothing_run(how: str) -> None:
    evil: Any = {"conv1.weight": Hostile(os.mkdir, "ran")}
    path = Path("evil.p")
    if how == "pickle":
        path.write_bytes(pickle.dumps(evil))
    elif how == "nested":  # in the bytes of a storage
        inner = io.BytesIO()
        torch.save(evil, inner)
        nested = Hostile(torch.storage._load_from_bytes, inner.getvalue())
        path.write_bytes(pickle.dumps({"conv1.weight": nested}))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(CheckpointError, match=r"evil\.p") as caught:
        read_tensors(path)
    asked = r"asks for (posix|nt)\.mkdir" if how == "pickle" else "something else than tensors"
    assert how == "nested" or re.search(asked, str(caught.value))
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps([1]), pickle.dumps({"a": 1})])
def test_what_holds_no_weights_is_refused(content: bytes) -> None:
    Path("x.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.pth"):
        read_tensors(Path("x.pth"))


@pytest.fixture
def resnet() -> Path:
    network = timm.create_model("test_resnet", num_classes=1)
    state = {f"module.{key}": value.half() for key, value in network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, "mine.pth")
    return Path("mine.pth")


def test_a_timm_checkpoint_with_its_output_stated(resnet: Path) -> None:
    made = {"name": "test_resnet", "weights": str(resnet)}
    plain = timm_file.TimmFile(**made, output="none")
    squashed = timm_file.TimmFile(**made, output="sigmoid")
    size = plain.input_size
    images = sample_images(2, size)
    theirs = timm.create_model("test_resnet", num_classes=1).eval()
    state = torch.load(resnet)["state_dict"]
    theirs.load_state_dict({key[7:]: value.float() for key, value in state.items()})
    mean, std = (torch.tensor(theirs.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        wanted = theirs((images - mean) / std).squeeze(1)
        assert torch.allclose(plain(images), wanted, atol=1e-5)
        assert torch.allclose(squashed(images), wanted.sigmoid(), atol=1e-5)
        assert torch.equal(plain.score(plain.stem(images)), plain(images))
    assert explain(GradCAM(), plain, images).shape[:2] == (2, 1)
    (note,) = squashed.card_notes()
    assert "through a sigmoid; what it was trained on is not known" in note
    head = timm.create_model("test_resnet", num_classes=10).state_dict()
    torch.save(head, resnet)
    with pytest.raises(CheckpointError, match=r"2 of another shape \(first: fc.weight\)"):
        timm_file.TimmFile(**made, output="none")


def test_score_and_test_take_name_and_file(
    narrow: Path, monkeypatch: pytest.MonkeyPatch, failing: Callable[..., str], lamem: Path
) -> None:
    monkeypatch.setattr(memnet.MemNet, "units", 8)
    images = str(lamem / "images" / "00000000.jpg")
    assert main(["score", f"memnet:{narrow}", images, "--out", "s.csv"]) == 0
    assert main(["test", "--model", f"memnet:{narrow}", f"--data.root={lamem}", *QUIET,
                 "--data.num_workers=0", "--data.batch_size=4", "--maps=1"]) == 0  # fmt: skip
    (folder,) = Path("runs").glob("*/test-001")
    found = results(folder)
    assert found["model"]["init_args"] == {"weights": str(narrow)}
    assert found["model"]["seen_data"] == ["LaMem"]
    assert "trained on LaMem" in " ".join(found["notes"])
    assert any("no clean test" in note for note in found["notes"])
    message = failing("score", f"memnet:{narrow}x", images)
    assert f"{narrow}x: no such file of weights" in message
    message = failing("score", f"white_box_chroma:{narrow}", images)
    assert "not made from a file of weights alone" in message


def test_without_weights_models_are_not_called_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memlab.cli.plugins.GROUPS", {"models": "whole predictors"})
    for cls in (MemNet, ViTMem):
        with pytest.raises(MissingWeightsError):
            check_plugin("models", cls)
    assert main(["plugins", "--check"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    for name in ("memnet", "vitmem"):
        assert f"cannot run here: no weights of {name} at" in lines[name]
    assert lines["timm_file"].endswith("sound")


def test_a_timm_file_from_three_lines(resnet: Path, lamem: Path) -> None:
    Path("mine_file.py").write_text(
        "from memlab.models.published.timm_file import TimmFile\n\n"
        "class Mine(TimmFile):\n"
        "    seen_data = ('LaMem',)\n"
        "    def __init__(self):\n"
        "        super().__init__('test_resnet', 'mine.pth', 'sigmoid')\n"
    )
    data = [f"--data.root={lamem}", "--data.num_workers=0", "--attribution=none", *QUIET]
    assert main(["test", "--model", "mine_file:Mine", *data]) == 0
    made = ["--model.name=test_resnet", f"--model.weights={resnet}", "--model.output=sigmoid"]
    assert main(["test", "--model=timm_file", *made, *data]) == 0
    own, given = (results(folder) for folder in sorted(Path("runs").glob("*/test-001")))
    if own["model"]["init_args"]:
        own, given = given, own
    assert own["model"]["init_args"] == {}
    assert own["model"]["weights_id"] == given["model"]["weights_id"]
    assert own["metrics"] == given["metrics"]
    assert any("trained on LaMem, which these" in note for note in own["notes"])
    assert any("what it was trained on is not known" in note for note in given["notes"])


def test_names_tell_whether_images_are_a_clean_test(tiny: Path) -> None:
    model = ViTMem(str(tiny))
    model.__class__ = type("Known", (ViTMem,), {"seen_data": ("LaMem", "MemCat")})
    csv, folder = (
        f"memlab.data.sources.{name}" for name in ("csv.CsvSource", "folder.FolderSource")
    )
    lamem = "memlab.data.sources.lamem.LaMemSource"
    assert "trained on LaMem, which" in leak_notes(model, lamem, Path("x"))[0]
    assert "trained on MemCat, which" in leak_notes(model, csv, Path("/data/memcat.csv"))[0]
    assert "trained on LaMem, which" in leak_notes(model, folder, Path("/data/LaMem/images"))[0]
    assert leak_notes(model, folder, Path("/home/lamem/photos/mine")) == []
    assert leak_notes(ViTMem(str(tiny)), lamem, Path("x")) == []


def test_a_configuration_takes_name_and_file(narrow: Path) -> None:
    from memlab.cli.names import expand_tree

    found = expand_tree({"model": f"memnet:{narrow}"})["model"]
    assert found["class_path"] == "memlab.models.published.memnet.MemNet"
    assert found["init_args"] == {"weights": str(narrow)}
