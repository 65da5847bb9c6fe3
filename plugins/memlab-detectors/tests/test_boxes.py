"""Boxes become outlines of the people and objects inside, and objectron's file is verified."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from memlab_detectors.boxes import BoxDetector, Boxes, best_of
from memlab_detectors.objectron import MODEL_END, Objectron, packed
from memlab_detectors.ssd import anchors, decoded, probabilities
from PIL import Image
from torch import Tensor

from memlab.cli import main
from memlab.errors import CheckpointError, MissingWeightsError

PACKAGE = Path(os.environ.get("MEMLAB_OBJECTRON", "absent"))
"""Path of the npm package, which no package of PyPI includes."""

needs_opencv = pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed")
needs_package = pytest.mark.skipif(
    not PACKAGE.is_file() or find_spec("mediapipe") is None or find_spec("ai_edge_litert") is None,
    reason="MEMLAB_OBJECTRON names no npm package, or mediapipe is not installed",
)


class Around(BoxDetector):
    """Finds one object, in the same box of every image."""

    edges = (20.0, 10.0, 100.0, 60.0)

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__(threshold, "objects", person=0)

    def boxes(self, image: Tensor) -> Boxes:
        edges = np.array([self.edges], np.float32)
        return Boxes(edges, np.ones(1, np.float32), np.array([1]))


class InTheCorner(Around):
    """Finds one object in a box of two pixels, too small for an outline."""

    edges = (0.0, 0.0, 2.0, 1.0)


def ball() -> tuple[Tensor, Tensor]:
    """A red ball on a grey ground with some texture, and its pixels."""
    y, x = torch.meshgrid(torch.arange(90.0), torch.arange(140.0), indexing="ij")
    inside = ((x - 60) / 36) ** 2 + ((y - 35) / 22) ** 2 <= 1
    ground = 0.5 + 0.05 * torch.sin(x / 3) * torch.cos(y / 4)
    image = torch.where(inside, torch.tensor([0.8, 0.1, 0.1])[:, None, None], ground)
    return image, inside


@needs_opencv
def test_a_box_becomes_the_outline_of_what_it_shows() -> None:
    image, inside = ball()
    detector = Around()
    (mask,) = detector(image[None])["objects"]
    covered = mask[0] > 0
    assert (covered & inside).sum() / (covered | inside).sum() > 0.9
    assert torch.equal(Around()(image[None])["objects"][0], mask)
    assert detector.notes() == []


@needs_opencv
def test_a_box_without_an_outline_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (64, 48), (90, 120, 90)).save(tmp_path / "plain.png")
    (tmp_path / "scores.csv").write_text("image,score\nplain.png,0.5\n")
    find = ["regions", "find", str(tmp_path), "--out", str(tmp_path / "store")]
    assert main([*find, "--with", f"{__name__}:InTheCorner"]) == 0
    written = capsys.readouterr()
    assert "objects      in 0 of 1 images" in written.out
    assert "InTheCorner: 1 of 1 boxes left out: no outline" in written.err


def test_anchors_are_those_of_the_network() -> None:
    found = anchors()
    assert found.shape == (1917, 4)
    root = np.sqrt(2)
    assert found[:3] == pytest.approx(
        np.array(
            [
                [1 / 38, 1 / 38, *sides]
                for sides in ((0.1, 0.1), (0.2 / root, 0.2 * root), (0.2 * root, 0.2 / root))
            ]
        )
    )
    assert found[3, :2] == pytest.approx([1 / 38, 3 / 38])  # the next column of the first row
    assert found[1083, 2:] == pytest.approx([0.35, 0.35])  # the second layer's first
    assert found[1088, 2:] == pytest.approx([np.sqrt(0.35 * 0.5)] * 2)  # between two layers
    assert found[-1] == pytest.approx([0.5, 0.5, np.sqrt(0.95), np.sqrt(0.95)])


def test_boxes_are_decoded_from_their_anchors() -> None:
    anchored = np.array([[0.5, 0.4, 0.2, 0.1]])
    shift = np.array([[10.0, -5.0, 5 * np.log(2), 5 * np.log(3)]])  # one height down, ...
    assert decoded(shift, anchored)[0] == pytest.approx([0.2, 0.5, 0.5, 0.9])
    scores = probabilities(np.array([[9.0, 0.0, np.log(3)]]))
    assert scores[0] == pytest.approx([0.5, 0.75])  # without the background


def test_an_object_is_detected_once_and_within_the_image() -> None:
    edges = np.array([[-5, 0, 50, 40], [0, 2, 50, 40], [60, 60, 90, 300], [99.5, 0, 120, 40]])
    scores = np.array([[0.6, 0.5], [0.9, 0.1], [0.1, 0.7], [0.9, 0.9]])
    boxes = best_of(edges.astype(np.float32), scores.astype(np.float32), 0.4, (80, 100))
    assert boxes.classes.tolist() == [0, 1, 1]
    assert boxes.scores == pytest.approx([0.9, 0.7, 0.5])
    assert boxes.edges.tolist() == [[0, 2, 50, 40], [60, 60, 90, 80], [0, 0, 50, 40]]


class Zeros(io.RawIOBase):
    """Endless zeros."""

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def pack(folder: Path, content: bytes) -> Path:
    (folder / "file").write_bytes(content)
    with tarfile.open(folder / "package.tgz", "w:gz") as package:
        package.add(folder / "file", "package/objectron_solution_packed_assets.data")
    return folder / "package.tgz"


def test_objectron_asks_for_its_file_and_verifies_it(tmp_path: Path) -> None:
    fetch = r"npm pack @mediapipe/objectron@0\.4\.1675468480"
    with pytest.raises(MissingWeightsError, match=rf"no weights; .*{fetch}.* --with\.weights"):
        Objectron()
    with pytest.raises(MissingWeightsError, match=r"gone\.tgz: no weights"):
        Objectron(tmp_path / "gone.tgz")
    labels = b"???\nBicycle\nBoot\n".ljust(184, b"x")
    for content, problem in (
        (labels, r"truncated: 184 of 9,987,912 bytes.*SHA-256.*not d0a5255b"),
        (
            labels.ljust(MODEL_END, b"x"),
            r"is not objectron_solution_packed_assets\.data of version",
        ),
        (b"another network", r"is not objectron_solution_packed_assets\.data of version"),
    ):
        (tmp_path / "assets.data").write_bytes(content)
        for file in (tmp_path / "assets.data", pack(tmp_path, content)):
            with pytest.raises(CheckpointError, match=rf"{problem}.*{fetch}"):
                Objectron(file)


def test_a_damaged_or_another_package_is_refused(tmp_path: Path) -> None:
    package = pack(tmp_path, os.urandom(4096))
    whole = package.read_bytes()
    package.write_bytes(whole[:2000])
    with pytest.raises(CheckpointError, match=r"package\.tgz: is damaged or truncated.*npm pack"):
        packed(package)
    with tarfile.open(package, "w:gz") as other:
        other.add(tmp_path / "file", "package/README.md")
    with pytest.raises(CheckpointError, match=r"package\.tgz: has no package/objectron_.*npm pack"):
        packed(package)


def test_a_huge_member_is_not_read_whole(tmp_path: Path) -> None:
    """600 MB of zeros compress to 600 kB."""
    with tarfile.open(tmp_path / "bomb.tgz", "w:gz") as package:
        entry = tarfile.TarInfo("package/objectron_solution_packed_assets.data")
        entry.size = 60 * MODEL_END
        package.addfile(entry, Zeros())
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="is not objectron_solution_packed_assets"):
        packed(tmp_path / "bomb.tgz")
    assert tracemalloc.get_traced_memory()[1] < 6 * MODEL_END
    tracemalloc.stop()


@needs_package
def test_changed_labels_are_refused(tmp_path: Path) -> None:
    with tarfile.open(PACKAGE) as package:
        file = package.extractfile("package/objectron_solution_packed_assets.data")
        assert file is not None
        content = file.read().replace(b"Person", b"Parson", 1)
    (tmp_path / "assets.data").write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged: its labels were changed"):
        packed(tmp_path / "assets.data")


@needs_opencv
@needs_package
def test_objectron_keeps_the_contract_with_its_network(tmp_path: Path) -> None:
    detector = Objectron(PACKAGE)
    assert (len(detector.labels), detector.labels[detector.person]) == (23, "Person")
    assert str(detector.weights_id()).count("sha256:") == 2
    masks = detector(torch.full((1, 3, 50, 70), 0.5))
    assert {name: mask.shape for name, mask in masks.items()} == {
        "people": (1, 1, 50, 70),
        "objects": (1, 1, 50, 70),
    }
    assert not any(mask.any() for mask in masks.values())
