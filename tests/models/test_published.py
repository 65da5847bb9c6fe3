"""Predictors on files of weights: ViTMem, MemNet, a timm checkpoint. Random weights throughout."""

from __future__ import annotations

import io
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from memlab.attributions.base import explain
from memlab.attributions.grad_cam import GradCAM
from memlab.cli import main
from memlab.errors import CheckpointError, MissingWeightsError
from memlab.models.published import memnet, timm_file
from memlab.models.published.files import read_tensors
from memlab.models.published.memnet import MemNet
from memlab.models.published.vitmem import ViTMem
from memlab.testing import check_plugin, sample_images
from tests.builders.commands import QUIET, results


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_a_configuration_takes_name_and_file(narrow: Path) -> None:
    from memlab.cli.config_names import expand_tree

    found = expand_tree({"model": f"memnet:{narrow}"})["model"]
    assert found["class_path"] == "memlab.models.published.memnet.MemNet"
    assert found["init_args"] == {"weights": str(narrow)}
