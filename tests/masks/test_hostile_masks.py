"""Masks from anybody's hands: names never leave a folder, sizes never become memory unchecked."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab.cli import main
from memlab.data.sources.base import recognise
from memlab.detection.review import TABLE
from memlab.errors import DataError, MaskError
from memlab.imaging.decode import decode_mask
from memlab.masks.coco import CocoMasks
from memlab.masks.outlines import polygon, run_lengths, uncompressed
from memlab.masks.store import MaskStore
from memlab.paths import distinct_names, inside, short_name

SQUARE = [[5, 5, 20, 5, 20, 20, 5, 20]]


def coco(w: Any = 64, h: Any = 64, images: Any = None, **annotation: Any) -> Path:
    listed = [{"id": i, "file_name": f"{i}.png", "width": w, "height": h} for i in range(4)]
    tree = {
        "images": listed if images is None else images,
        "categories": [{"id": 1, "name": "face"}],
        "annotations": [{"id": 7, "image_id": 0, "category_id": 1, **annotation}],
    }
    Path("masks.json").write_text(json.dumps(tree))
    return Path("masks.json")


def read(photos: Path, masks: Path) -> torch.Tensor:
    source = recognise(photos).table(photos).with_masks(masks).given
    assert isinstance(source, CocoMasks)
    return source.read("0.png", ["faces"])["faces"].inside


def test_a_region_cannot_name_a_path(store: Path, photos: Path, failing: Any) -> None:
    Path("victim").mkdir()
    (Path("victim") / "photo-001.jpg").write_bytes(b"mine")
    tree = json.loads((store / "store.json").read_text())
    tree["regions"]["../../../victim/photo"] = tree["regions"].pop("faces")
    (store / "store.json").write_text(json.dumps(tree))
    review = ["regions", "review", str(photos), "--masks", str(store), "--out", "a/b/c"]
    copy = ["regions", "reject", str(store), "rejects.csv", "--out", "copy"]
    check = ["data", "check", str(photos), "--masks", str(store)]
    for command in (review, copy, check):
        assert "cannot be named '../../../victim/photo'" in failing(*command)
    assert (Path("victim") / "photo-001.jpg").read_bytes() == b"mine"
    assert not Path("a").exists()


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../../x", "C:/x", "a\x00b", "..\\x"])
def test_a_path_never_leaves_its_folder(name: str) -> None:
    with pytest.raises(DataError, match="not a path inside out"):
        inside(Path("out"), name)
    assert inside(Path("out"), "a/b..c.png") == Path("out/a/b..c.png")


def test_file_names_are_short_and_never_two_of_one() -> None:
    long = [f"{'ü' * 300}{end}" for end in "ab"]
    names = distinct_names(["a/b", "a-b", "A-B", *long, ".."])
    assert len({name.casefold() for name in names.values()}) == 6
    assert all(len(name.encode()) <= 120 for name in names.values())
    assert not any("/" in name or name in ("", "..") for name in names.values())
    assert short_name("photo") == "photo"


@pytest.mark.parametrize(
    ("side", "told"),
    [
        ((40000, 40000), "the mask is 40000 x 40000 pixels, its image 64 x 64"),
        ((40000, 30000), "the mask is 40000 x 30000 pixels, its image 0.png 64 x 64"),
    ],
)
def test_sizes_in_coco_are_not_believed(photos: Path, side: tuple[int, int], told: str) -> None:
    whole = {"size": [side[1], side[0]], "counts": [0, side[0] * side[1]]}
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for drawn in (SQUARE, whole):
        masks = coco(*side, segmentation=drawn)
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, before[1]))
        try:
            with pytest.raises(MaskError, match=told):
                read(photos, masks)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_mask_may_be_drawn_at_another_size_of_the_same_shape(photos: Path) -> None:
    assert read(photos, coco(640, 640, segmentation=SQUARE)).shape == (1, 640, 640)
    assert read(photos, coco("64", "64", bbox=["5", 5, 15, 15])).sum() == 225
    assert read(photos, coco(None, None, bbox=[-5, -5, 20, 20])).sum() == 225  # cut at the edge


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ({"bbox": [0.1, 0.2, 0.3, 0.4]}, "multiply by its width and height"),
        ({"bbox": [0, 0, 1, 1]}, "lies between 0 and 1"),
        ({"segmentation": [[0.1, 0.1, 0.9, 0.1, 0.9, 0.9]]}, "multiply by its width and height"),
        ({"bbox": [5, 5, 0, 4]}, "has no area"),
        ({"bbox": [5, 5, -3, 4]}, "has no area"),
        ({"bbox": [5, 5, float("nan"), 4]}, "nan is no number of pixels"),
        ({"bbox": [5, 5, 3]}, "is not .x, y, width, height."),
        ({"segmentation": "abc"}, "give polygons, or run lengths"),
        ({"segmentation": [5, 5, 20, 5, 20, 20]}, "give a list of polygons"),
        ({"segmentation": [[5, 5, 9, 9]]}, "at least three points"),
        ({"segmentation": {"counts": [4096]}}, "no 'size'"),
        ({}, "no 'bbox'"),
        ({"w": -64, "h": -64, "bbox": [1, 1, 5, 5]}, "width -64 is no number of pixels"),
        ({"w": float("nan"), "bbox": [1, 1, 5, 5]}, "width nan is no number of pixels"),
        ({"w": 1e300, "h": 1e300, "bbox": [1, 1, 5, 5]}, "is no number of pixels"),
        ({"images": [{"id": 0, "file_name": "0.png"}] * 2}, "lists the image '0.png' twice"),
        (
            {"images": [{"id": 0, "file_name": f"{i}.png"} for i in range(2)]},
            "two images have the id 0",
        ),
    ],
)
def test_what_coco_cannot_mean_is_named(
    photos: Path, annotation: dict[str, Any], told: str
) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read(photos, coco(**annotation))
    assert str(caught.value).startswith("masks.json: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        ({"segmentation": {"size": [64, 64], "counts": [5000, -904]}}, "not whole numbers from 0"),
        ({"segmentation": {"size": [64, 64], "counts": [2**63, 2**63]}}, "its runs fill 1.84"),
        ({"segmentation": {"size": [64, 64], "counts": [1.5, 4094.5]}}, "not whole numbers"),
        ({"segmentation": {"size": [64, 64], "counts": "o" * 10**6}}, "has no end"),
        ({"bbox": [100, 100, 5, 5]}, r"from \(100, 100\) to \(105, 105\) lies beside the image"),
    ],
)
def test_outlines_that_cannot_be_drawn_are_named(
    photos: Path, drawn: dict[str, Any], told: str
) -> None:
    with pytest.raises(MaskError, match=told):
        read(photos, coco(**drawn))


def test_a_polygon_is_filled_alike_wherever_it_lies() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        corners = rng.uniform(-10, 40, size=(rng.integers(3, 9), 2))
        far = corners + np.array([0, 100])
        drawn = polygon(corners.ravel().tolist(), 30, 30)
        moved = polygon(far.ravel().tolist(), 130, 30)[100:]
        assert np.array_equal(drawn, moved)
    runs = [3, 5, 0, 4088]
    assert run_lengths(runs, 64, 64).sum() == 4093
    assert uncompressed("345") == [3, 4, 5]


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 300.0])
def test_a_mask_of_no_numbers_is_no_empty_mask(
    photos: Path, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("masks/faces").mkdir(parents=True)
    values = np.zeros((64, 64), dtype=np.float32)
    values[0, 0] = value
    Image.fromarray(values).save("masks/faces/0.tif")
    with pytest.raises(DataError, match="save it as 0 and 255"):
        decode_mask(Path("masks/faces/0.tif"))
    assert main(["data", "check", str(photos), "--masks", "masks"]) == 1
    shown = capsys.readouterr()
    assert "in 0 of 1 annotated images; 1 wrong" in shown.out
    assert "0.tif: the mask cannot be read" in shown.out


@pytest.mark.parametrize("kind", ["folder", "coco"])
def test_masks_of_any_kind_are_reviewed_and_rejected(
    photos: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = coco(segmentation=[*SQUARE, [40, 40, 60, 40, 60, 60, 40, 60]])
    if kind == "folder":  # at half the size of its image
        Path("pngs/faces").mkdir(parents=True)
        drawn = np.zeros((32, 32), dtype=np.uint8)
        drawn[3:10, 3:10] = drawn[20:30, 20:30] = 255
        Image.fromarray(drawn).save("pngs/faces/0.png")
        Image.fromarray(drawn * 0).save("pngs/faces/1.png")
        masks = Path("pngs")
    review = ["regions", "review", str(photos), "--masks", str(masks), "--out", "review"]
    assert main(review) == 0
    out = capsys.readouterr().out
    assert "2 detections on 1 sheets" in out
    assert f"memlab regions import {masks} photos --out STORE" in out
    with Image.open("review/faces-001.jpg") as sheet:
        assert sheet.width > 64
    listed = pd.read_csv(f"review/{TABLE}", dtype=str, keep_default_na=False)
    assert listed["number"].tolist() == ["1", "2"]
    listed.loc[0, "reject"] = "x"
    listed.to_csv(f"review/{TABLE}", index=False)
    assert main(["regions", "import", str(masks), str(photos), "--out", "packed"]) == 0
    assert main(["regions", "reject", "packed", f"review/{TABLE}", "--out", "right"]) == 0
    before, after = (MaskStore(Path(name)).areas["0.png"]["faces"] for name in ("packed", "right"))
    assert before - after == pytest.approx(float(listed.loc[0, "share"]), abs=1e-4)


def test_a_pipe_is_no_mask(store: Path, photos: Path, failing: Any) -> None:
    Path("masks/faces").mkdir(parents=True)
    os.mkfifo("masks/faces/0.png")
    with pytest.raises(DataError, match="cannot be read: it is a FIFO"):
        decode_mask(Path("masks/faces/0.png"))
    path = MaskStore(store).path("0.png")
    path.unlink()
    os.mkfifo(path)
    (store / "index.csv").unlink()
    assert "no such file" in failing("data", "check", str(photos), "--masks", str(store))
