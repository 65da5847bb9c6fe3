"""Detectors mark what is there, and say in a line what they lack."""

from __future__ import annotations

import importlib
import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from memlab_detectors.faces import ovals
from memlab_detectors.images import without_specks
from memlab_detectors.mask_rcnn import MaskRCNN
from memlab_detectors.salient import Salient, geodesic
from PIL import Image, ImageDraw, ImageFont

from memlab.cli import main
from memlab.errors import CheckpointError, MissingWeightsError
from memlab.testing.parts import check_regions


def installed(*packages: str) -> bool:
    try:
        return all(distribution(package) for package in packages)
    except PackageNotFoundError:
        return False


@pytest.fixture
def sign(tmp_path: Path) -> Path:
    """A data set of one image: a word on a plain sign."""
    (tmp_path / "album").mkdir()
    image = Image.new("RGB", (320, 200), (40, 90, 150))
    font = ImageFont.load_default(size=48)
    ImageDraw.Draw(image).text((60, 70), "LIBRARY", font=font, fill=(255, 255, 255))
    image.save(tmp_path / "album" / "sign.png")
    (tmp_path / "album" / "scores.csv").write_text("image,score\nsign.png,0.5\n")
    return tmp_path / "album"


def provenance(store: Path, region: str) -> Any:
    return json.loads((store / "store.json").read_text())["regions"][region]


def test_what_stands_out_is_marked() -> None:
    image = torch.full((1, 3, 80, 120), 0.3)
    image[..., 20:50, 40:70] = torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    (mask,) = Salient()(image).values()
    truth = torch.zeros_like(mask)
    truth[..., 20:50, 40:70] = 1
    assert (mask * truth).sum() / (mask + truth).clamp(max=1).sum() > 0.8


def test_specks_are_left_out_but_for_the_largest_piece() -> None:
    mask = torch.zeros(1, 100, 100)
    mask[0, 50, 50] = mask[0, 52:54, 52:54] = 1
    alone = without_specks(mask)
    assert alone.sum() == 4
    assert alone[0, 52, 52] == 1
    mask[0, 10:20, 10:20] = 1  # 1 % of the image
    assert without_specks(mask).sum() == 100
    assert not without_specks(torch.zeros(1, 5, 5)).any()


def test_nothing_stands_out_of_one_colour() -> None:
    assert not Salient()(torch.full((1, 3, 64, 64), 0.5))["salient"].any()


def test_a_way_to_the_edge_costs_what_the_colour_changes() -> None:
    colours = np.zeros((7, 7, 1))
    colours[2:5, 2:5] = 6.0
    dear = geodesic(colours)
    assert dear[3, 3] == pytest.approx(6.0, abs=1e-6)
    assert dear[0].max() == pytest.approx(0.0, abs=1e-6)


def test_a_kind_found_nowhere_is_no_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (64, 64), (90, 90, 90)).save(tmp_path / "plain.png")
    (tmp_path / "scores.csv").write_text("image,score\nplain.png,0.5\n")
    find = ["regions", "find", str(tmp_path), "--out", str(tmp_path / "store"), "--with"]
    assert main([*find, "memlab_detectors.salient:Salient"]) == 0
    assert "in 0 of 1 images: cannot tell" in capsys.readouterr().out


def test_salient_keeps_the_contract() -> None:
    check_regions(Salient)


def test_an_oval_touches_its_box() -> None:
    inside = ovals(np.array([[10.0, 20.0, 30.0, 60.0]]), 80, 50)
    assert inside.sum() == pytest.approx(np.pi * 10 * 20, rel=0.02)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (20, 59, 10, 29)


def test_missing_package_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    carried = importlib.import_module("memlab_detectors.carried")

    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(carried, "distribution", absent)
    for module, name, command in (
        ("faces", "Faces", "pip install --no-deps facenet-pytorch==2.6.0"),
        ("text", "Text", "pip install 'memlab-detectors\\[text\\]'"),
    ):
        detector = getattr(importlib.import_module(f"memlab_detectors.{module}"), name)
        with pytest.raises(MissingWeightsError, match=command):
            detector()


def test_mask_rcnn_asks_for_weights(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no weights; download .* --with\.weights"):
        MaskRCNN()
    other = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(2, 2)}, other)
    with pytest.raises(CheckpointError, match=r"other\.pth: not Mask R-CNN"):
        MaskRCNN(other)
    other.write_text("no weights")
    with pytest.raises(CheckpointError, match=r"other\.pth: not a file of weights"):
        MaskRCNN(other)


def test_two_detectors_cannot_claim_a_region(
    sign: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = ["regions", "find", str(sign), "--out", str(sign.parent / "store"), "--with"]
    detector = "memlab_detectors.salient:Salient"
    assert main([*find, detector]) == 0
    assert main([*find, detector, "--with.threshold", "3"]) == 2
    assert "salient are there already" in capsys.readouterr().err


@pytest.mark.skipif(not installed("rapidocr", "onnxruntime"), reason="without [text]")
def test_text_is_found_where_it_is(sign: Path) -> None:
    store = sign.parent / "store"
    find = ["regions", "find", str(sign), "--out", str(store), "--with"]
    assert main([*find, "memlab_detectors.text:Text"]) == 0
    with np.load(next(store.glob("masks/*/*.npz"))) as content:
        mask = np.unpackbits(content["mask_text"], count=320 * 200).reshape(200, 320)
    letters = np.asarray(Image.open(sign / "sign.png").convert("L")) > 200
    assert mask[letters].mean() > 0.95
    rows, columns = np.flatnonzero(letters.any(1)), np.flatnonzero(letters.any(0))
    assert mask.sum() < 2 * np.ptp(rows) * np.ptp(columns)  # of the word's box
    assert provenance(store, "text")["weights_id"].count("sha256:") == 2


@pytest.mark.skipif(not installed("rapidocr", "onnxruntime"), reason="without [text]")
def test_what_cannot_be_read_is_no_text() -> None:
    detector = importlib.import_module("memlab_detectors.text").Text()
    image = torch.full((1, 3, 200, 300), 0.9)
    y, x = torch.meshgrid(torch.arange(200), torch.arange(300), indexing="ij")
    image[..., ((x - 150) / 70) ** 2 + ((y - 100) / 50) ** 2 < 1] = 0.2
    assert not detector(image)["text"].any()


@pytest.mark.skipif(not installed("facenet-pytorch"), reason="without facenet-pytorch")
def test_no_face_on_a_sign(sign: Path) -> None:
    store = sign.parent / "store"
    find = ["regions", "find", str(sign), "--out", str(store), "--with"]
    assert main([*find, "memlab_detectors.faces:Faces"]) == 0
    assert "area_faces\nsign.png,0.0" in (store / "index.csv").read_text()
    assert provenance(store, "faces")["weights_id"].count("sha256:") == 3


def test_mask_rcnn_runs_with_weights_of_the_published_shape(tmp_path: Path) -> None:
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    torch.manual_seed(0)
    weights = tmp_path / "random.pth"
    torch.save(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict(), weights)
    detector = MaskRCNN(weights, threshold=0.0)
    with torch.no_grad():
        masks = detector(torch.rand(1, 3, 64, 96))
    assert {name: tuple(mask.shape) for name, mask in masks.items()} == {
        "people": (1, 1, 64, 96),
        "objects": (1, 1, 64, 96),
    }
    assert all(bool(((mask == 0) | (mask == 1)).all()) for mask in masks.values())


def test_one_person_is_found_once() -> None:
    from memlab_detectors.mediapipe import ANCHORS, unlike

    assert ANCHORS.shape == (2254, 2)
    detections = np.array([[50.0, 50, 20, 20], [51, 50, 20, 20], [90, 50, 20, 20], [10, 10, 5, 5]])
    assert unlike(detections, np.array([0.9, 0.95, 0.85, 0.2]), 0.8) == [1, 2]


@pytest.mark.skipif(not installed("mediapipe", "ai-edge-litert"), reason="without mediapipe")
def test_a_shape_on_a_plain_ground_is_the_subject_and_nobody() -> None:
    module = importlib.import_module("memlab_detectors.mediapipe")
    check_regions(module.People)
    image = torch.full((1, 3, 200, 300), 0.9)
    assert not module.People()(image)["people"].any()
    assert module.Subject()(image)["salient"].shape == (1, 1, 200, 300)
