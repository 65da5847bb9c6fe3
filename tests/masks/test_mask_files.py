"""Mask files as people's programs write them, and the many ways in which they can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.data.mask_summary import describe_masks, told
from memlab.data.sources.base import recognise
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.imaging.decode import decode_mask
from memlab.masks.store import MaskStore

CORNER = np.zeros((8, 10), dtype=np.uint8)
CORNER[4:, 5:] = 1
VOC = [0, 0, 0, 128, 0, 0, 0, 128, 0]


def palette(indices: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.fromarray(indices, mode="P")
    image.putpalette(colours + [0] * (768 - len(colours)))
    return image


def layers(grey: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.stack([grey, grey, grey, alpha], axis=-1).astype(np.uint8))


@pytest.mark.parametrize(
    "drawn",
    [
        *(Image.fromarray(CORNER * value) for value in (1, 2, 100, 127, 128, 255)),
        Image.fromarray(CORNER * 255).convert("1"),
        Image.fromarray(np.stack([CORNER * 0, CORNER * 0, CORNER * 255], axis=-1)),
        *(Image.fromarray(CORNER.astype(np.uint16) * value) for value in (1, 255, 65535)),
        Image.fromarray(np.where(CORNER, 40000, 20000).astype(np.uint16)),
        Image.fromarray(CORNER * np.float32(0.9)),
        palette(CORNER, VOC),
        palette(CORNER * 2, VOC),
        palette(1 - CORNER, [255, 255, 255, 0, 0, 0]),
        layers(CORNER * 0, CORNER * 255),
        layers(CORNER * 255, CORNER * 255),
        layers(CORNER * 255, CORNER * 0 + 255),
        layers(CORNER * 255, np.where(np.arange(10) > 2, 255, 0) + CORNER * 0),
    ],
)
def test_the_same_mask_however_it_is_written(drawn: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / f"mask.{'tif' if drawn.mode == 'F' else 'png'}"
    drawn.save(path)
    assert np.array_equal(decode_mask(path)[0], CORNER)


def test_soft_edges_are_cut_in_the_middle_and_empty_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 60, 127, 128, 200, 255]], dtype=np.uint8)).save(path)
    assert decode_mask(path).flatten().tolist() == [0, 0, 0, 1, 1, 1]
    for empty in (Image.fromarray(CORNER * 0), palette(CORNER * 0, VOC), layers(CORNER, CORNER)):
        empty.save(path)
        assert not decode_mask(path).any()


def test_values_that_may_mean_anything_are_asked_back(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(CORNER + np.eye(8, 10, dtype=np.uint8)).save(path)
    with pytest.raises(DataError, match=r"mask.png: which of the values 0, 1, 2 are inside\?"):
        decode_mask(path)


@pytest.fixture
def table(make_image: Callable[..., Path]) -> Table:
    """Two images, 60 × 40."""
    for name in ("a", "b"):
        make_image(f"set/{name}.png", size=(60, 40), seed=ord(name))
    return recognise(Path("set")).table(Path("set"))


def mask(path: str, width: int, height: int) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros((height, width), dtype=np.uint8)
    drawn[height // 2 :, width // 2 :] = 255
    Image.fromarray(drawn).save(path)


def test_masks_of_two_sizes_are_packed_at_the_images(table: Table) -> None:
    mask("masks/faces/a.png", 30, 20)
    mask("masks/text/a.png", 60, 40)
    assert main(["regions", "import", "masks", "set", "--out", "store"]) == 0
    read = MaskStore(Path("store")).read("a.png", ["faces", "text"])
    assert torch.equal(read["faces"].inside, read["text"].inside)
    assert read["faces"].inside.shape == (1, 40, 60)
    assert read["faces"].inside.float().mean() == 0.25


def test_the_same_masks_by_another_path(table: Table, failing: Callable[..., str]) -> None:
    mask("masks/faces/a.png", 60, 40)
    command = ["regions", "import", "masks", "set", "--out", "store"]
    assert main(command) == 0
    command[2] = str(Path("masks").resolve())
    assert main(command) == 0
    mask("masks/faces/a.png", 30, 20)
    assert "store: faces are there already" in failing(*command)


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_masks_that_were_drawn_anew_are_others(table: Table, kind: str) -> None:
    half = torch.zeros(1, 40, 60, dtype=torch.uint8)
    half[:, :20] = 1

    def draw(inside: torch.Tensor) -> None:
        if kind == "folder":
            Path("masks/faces").mkdir(parents=True, exist_ok=True)
            Image.fromarray(inside[0].numpy() * 255).save("masks/faces/a.png")
            return
        store = MaskStore(Path("masks"))
        store.claim(["faces"], {"plugin": "hand"})
        store.write("a.png", {"faces": inside}, torch.zeros(64, dtype=torch.uint8))
        store.close({})

    def described() -> Any:
        return describe_masks(table.with_masks(Path("masks")), "faces")["fingerprint"]

    draw(half)
    before = described()
    assert described() == before
    draw(1 - half)  # as large as before, elsewhere
    assert described() != before


def test_a_region_has_one_folder(table: Table) -> None:
    mask("masks/Person/a.png", 60, 40)
    assert table.with_masks(Path("masks")).regions == ("people",)
    mask("masks/people/a.png", 60, 40)
    with pytest.raises(DataError, match="another folder beside it has masks of 'people'"):
        table.with_masks(Path("masks"))


@pytest.mark.parametrize(
    ("image", "annotation", "message"),
    [
        ({"height": "abc"}, {}, "not a COCO file: invalid literal"),
        ({}, {"category_id": [1]}, r"annotation 1: its category_id \[1\] is not among"),
        ({}, {"image_id": {}}, "annotation 1: its image_id {} is not among"),
    ],
)
def test_odd_values_in_coco(
    table: Table, image: dict[str, Any], annotation: dict[str, Any], message: str
) -> None:
    outline = [[0, 0, 5, 5, 0, 5]]
    drawn = {"image_id": 1, "category_id": 1, "segmentation": outline, **annotation}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40, **image}],
        "categories": [{"id": 1, "name": "face"}],
        "annotations": [drawn],
    }
    Path("coco.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        table.with_masks(Path("coco.json"))


@pytest.mark.parametrize("orientation", [1, 3])
def test_outlines_of_images_that_exif_turns(
    make_image: Callable[..., Path], orientation: int
) -> None:
    turned = Image.Exif()
    turned[0x112] = orientation
    Image.open(make_image("set/a.jpg", size=(60, 40))).save("set/a.jpg", exif=turned)
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
        "categories": [{"id": 1, "name": "face"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": [[0, 0, 5, 5, 0, 5]]},
        ],
    }
    Path("coco.json").write_text(json.dumps(content))
    drawn = recognise(Path("set")).table(Path("set")).with_masks(Path("coco.json"))
    assert ("a.jpg is stored turned" in "".join(told(drawn))) == (orientation == 3)
