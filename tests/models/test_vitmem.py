"""ViTMem from its package's file."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from memlab import load
from memlab.attributions.base import explain
from memlab.attributions.grad_cam import GradCAM
from memlab.models.leak import leak_notes
from memlab.models.published import timm_file, vitmem
from memlab.models.published.vitmem import ViTMem
from memlab.testing import check_model, sample_images

VITMEM = "vit_base_patch16_224_miil"

TINY_VIT = "test_vit"


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


@pytest.mark.slow
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
