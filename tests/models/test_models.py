"""Backbones, the regressor, loading, and maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from torchvision.models import resnet50

from memlab import load
from memlab.backbones.base import Backbone
from memlab.backbones.resnet import ResNet50
from memlab.backbones.timm import Timm
from memlab.errors import MemlabError
from memlab.models.base import hash_weights
from memlab.models.regressor import MemorabilityRegressor
from memlab.models.schedules import WarmupCosine
from memlab.spec import build
from memlab.testing import check_backbone, sample_images

CNNS = ["test_resnet", "test_efficientnet", "test_convnext", "test_mambaout"]


def tiny(name: str = "test_resnet", **options: object) -> MemorabilityRegressor:
    backbone = Timm(name, pretrained=False, image_size=64)
    return MemorabilityRegressor(backbone, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_resnet50_equals_torchvisions(tmp_path: Path) -> None:
    original = resnet50(weights=None)
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    original.fc = nn.Identity()
    ours = ResNet50(weights=str(tmp_path / "weights.pth")).eval()
    images = sample_images(2, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), original.eval()(images))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CNNS, "test_vit", "test_vit2", "test_vit3"])
def test_any_timm_network_equals_timms(name: str) -> None:
    ours = Timm(name, pretrained=False, image_size=64).eval()
    original = timm.create_model(
        name, num_classes=0, **({"img_size": 64} if "vit" in name else {})
    ).eval()
    original.load_state_dict(ours.network.state_dict())
    images = sample_images(2, 64)
    with torch.no_grad():
        assert torch.allclose(ours(images), original(images), atol=1e-6)
        assert ours.grid(ours.stem(images)).shape[2:] in [(2, 2), (4, 4)]


@pytest.mark.slow
@pytest.mark.parametrize("cls", [ResNet50, Timm])
def test_backbones_keep_the_contract(cls: type[Backbone]) -> None:
    check_backbone(cls)


def test_a_local_file_of_timm_weights_loads(tmp_path: Path) -> None:
    original = timm.create_model("test_vit", img_size=64)  # with its classifier
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    ours = Timm("test_vit", weights=str(tmp_path / "weights.pth"), image_size=64)
    theirs = original.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.network.state_dict().items())


@pytest.mark.slow
def test_weights_of_another_network_name_the_keys(tmp_path: Path) -> None:
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(MemlabError, match=r"weights\.pth.*missing \(first: conv1"):
        ResNet50(weights=str(tmp_path / "weights.pth"))
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(MemlabError, match=r"junk\.pth: cannot be read as weights"):
        ResNet50(weights=str(tmp_path / "junk.pth"))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet50", "timm"])
def test_no_network_is_one_line_with_two_ways_on(
    backbone: str, synthetic: Path, monkeypatch: pytest.MonkeyPatch, failing: Callable[..., str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.create_connection", refuse)
    message = failing("fit", f"--model.backbone={backbone}", f"--data.root={synthetic}")
    assert "--model.backbone.pretrained false" in message
    assert "--model.backbone.weights FILE" in message


def test_an_unknown_timm_name_is_answered_with_the_closest() -> None:
    with pytest.raises(MemlabError, match="did you mean 'resnet18'"):
        Timm("resnet_18", pretrained=False)


def test_the_regressor_normalises_inside() -> None:
    model = tiny().eval()
    images = sample_images(3, 64)
    backbone = model.backbone
    mean = torch.tensor(backbone.mean).view(3, 1, 1)
    std = torch.tensor(backbone.std).view(3, 1, 1)
    with torch.no_grad():
        by_hand = model.head(backbone((images - mean) / std)).squeeze(1).sigmoid()
        assert torch.allclose(model(images), by_hand, atol=1e-6)
    assert ((by_hand > 0) & (by_hand < 1)).all()


@pytest.mark.parametrize(("head", "layers"), [("mlp", 4), ("linear", 1)])
def test_heads_are_as_named(head: str, layers: int) -> None:
    model = tiny(head=head)
    assert len(model.head) == layers
    assert model.head[-1].out_features == 1


def test_the_head_stays_in_single_precision() -> None:
    model = tiny().eval()
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        assert model(sample_images(2, 64)).dtype == torch.float32


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_unreadable_images_do_not_enter_the_loss(loss: str) -> None:
    model = tiny(loss=loss).eval()
    model.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    images = sample_images(3, 64)
    scores = torch.tensor([0.9, 0.2, float("nan")])
    batch = {"images": images, "scores": scores, "valid": torch.tensor([True, True, False])}
    with torch.no_grad():
        found = model.training_step(batch, 0)  # type: ignore[arg-type]
        error = model(images[:2]) - scores[:2]
    wanted = (
        error**2
        if loss == "mse"
        else torch.where(error.abs() <= 0.1, error**2 / 2, 0.1 * (error.abs() - 0.05))
    )
    assert found == pytest.approx(float(wanted.mean()), abs=1e-6)


def test_a_spec_builds_the_same_object_again() -> None:
    model = tiny("test_vit", head="linear", loss="huber")
    again = build(model.spec)
    assert isinstance(again, MemorabilityRegressor)
    assert again.spec == model.spec
    assert again.state_dict().keys() == model.state_dict().keys()


def test_warmup_rises_then_falls_to_zero() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = WarmupCosine(optimizer, warmup=0.2)
    schedule.span(50)
    rates = []
    for _ in range(51):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:11] == sorted(rates[:11])
    assert max(rates) == pytest.approx(2.0) == rates[10]
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[50] == pytest.approx(0)


@pytest.mark.slow
def test_load_finds_a_run_a_folder_and_a_file(run: Path) -> None:
    checkpoint = run / "fit" / "checkpoints" / "best.ckpt"
    models = [load(ref) for ref in (run, run / "fit", checkpoint, str(checkpoint))]
    assert len({model.weights_id() for model in models}) == 1
    assert models[0].input_size == 64
    assert not models[0].training
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert models[0].weights_id() == hash_weights(state)


def test_load_takes_a_class_that_proves_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "third_party.py").write_text(
        "from memlab import MemorabilityModel\n"
        "class Red(MemorabilityModel):\n"
        "    input_size = 32\n"
        "    def weights_id(self): return 'closed-form'\n"
        "    def forward(self, images): return images[:, 0].mean(dim=(1, 2))\n"
        "class Unproven(Red):\n"
        "    def weights_id(self): return None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    red = load("third_party:Red")
    images = sample_images(2, 32)
    assert torch.allclose(red(images), images[:, 0].mean(dim=(1, 2)))
    with pytest.raises(MemlabError, match="nothing proves that its weights were loaded"):
        load("third_party:Unproven")


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("nothing", "unknown model 'nothing'"),
        ("runs/nothing", "no such run folder, checkpoint or model"),
        ("a.ckpt", "no such run folder, checkpoint or model"),
        ("json:JSONDecoder", "not a subclass of"),
        ("nowhere.at:All", "cannot import 'nowhere.at.All'"),
    ],
)
def test_load_says_what_it_looked_for(ref: str, message: str) -> None:
    with pytest.raises(MemlabError, match=message):
        load(ref)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(MemlabError, match="no finished training there"):
        load(tmp_path)


def test_a_damaged_or_foreign_checkpoint_is_refused(run: Path, tmp_path: Path) -> None:
    good = (run / "fit" / "checkpoints" / "best.ckpt").read_bytes()
    (tmp_path / "half.ckpt").write_bytes(good[: len(good) // 2])
    with pytest.raises(MemlabError, match=r"half\.ckpt: damaged or not a checkpoint"):
        load(tmp_path / "half.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(MemlabError, match="not a checkpoint of memlab"):
        load(tmp_path / "other.ckpt")


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "exploded"),))  # type: ignore[return-value]

    torch.save({"memlab": Bomb()}, tmp_path / "bomb.ckpt")
    with pytest.raises(MemlabError, match="without running code"):
        load(tmp_path / "bomb.ckpt")
    assert not (tmp_path / "exploded").exists()
