"""Masks of any kind reach the model as their images do, or are refused in a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import ExifTags, Image

from memlab.data.module import MemorabilityData
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.masks.names import Names
from tests.builders.commands import QUIET, results


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Six images of several shapes, each with a red square; the last is stored on its side."""
    root = tmp_path / "album"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["image,score,split"]
    for place in range(6):
        width, height = ((60, 40), (40, 60), (50, 50))[place % 3]
        pixels = rng.integers(0, 90, (height, width, 3)).astype(np.uint8)
        pixels[10:30, 20:36] = (255, 0, 0)
        image, exif = Image.fromarray(pixels), Image.Exif()
        if place == 5:  # stored turned; shown upright by the orientation that the file declares
            image = image.transpose(Image.Transpose.ROTATE_90)
            exif[ExifTags.Base.Orientation] = 6
        image.save(root / "images" / f"{place}.png", exif=exif)
        lines.append(f"images/{place}.png,{0.5 + place / 20},{'train' if place < 2 else 'test'}")
    (root / "scores.csv").write_text("\n".join(lines))
    return root


def shape_of(place: int) -> tuple[int, int]:
    return ((60, 40), (40, 60), (50, 50))[place % 3]


def square(place: int) -> np.ndarray:
    width, height = shape_of(place)
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[10:30, 20:36] = 1
    return mask


def coco(album: Path, places: range = range(6), **changes: Any) -> Path:
    """The squares of some images: by polygon, runs and compressed runs in turn."""
    tree: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    tree["categories"] = [{"id": 7, "name": "face"}, {"id": 9, "name": "Traffic light"}]
    for place in places:
        width, height = shape_of(place)
        corners = [20, 10, 36, 10, 36, 30, 20, 30]
        flat = square(place).T.ravel()
        edges = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff([0, *edges, flat.size]).tolist()
        drawn: Any = [[corners], {"size": [height, width], "counts": runs}][place % 2]
        file = {"id": place, "file_name": f"train/{place}.png", "width": width, "height": height}
        tree["images"].append(file)
        tree["annotations"].append(
            {"id": place, "image_id": place, "category_id": 7, "segmentation": drawn}
        )
    path = album.parent / "masks.json"
    path.write_text(json.dumps(tree | changes))
    return path


def pngs(album: Path) -> Path:
    folder = album.parent / "pngs"
    (folder / "faces").mkdir(parents=True, exist_ok=True)
    for place in range(6):
        mask = Image.fromarray(square(place) * np.uint8(255))
        if place == 1:  # any size of the same shape will do
            mask = mask.resize((mask.width * 3, mask.height * 3), Image.Resampling.NEAREST)
        mask.save(folder / "faces" / f"{place}.png")
    return folder


def loaded(album: Path, masks: Path, regions: tuple[str, ...] = ("faces",), **options: Any) -> Any:
    data = MemorabilityData(
        root=album, masks=masks, image_size=50, batch_size=8, **{"num_workers": 0, **options}
    )
    data.load_regions(regions)
    return next(iter(data.predict_dataloader()))


@pytest.mark.parametrize("kind", [coco, pngs])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_mask_lies_on_its_image(album: Path, kind: Callable[[Path], Path], workers: int) -> None:
    batch = loaded(album, kind(album), num_workers=workers)
    assert batch["errors"] == [""] * 6
    red = (batch["images"][:, 0] > 180)[:, None]  # squashed, and turned upright, as masks are
    # the outermost pixels of the square are mixtures
    assert ((batch["masks"]["faces"] != red).flatten(1).sum(dim=1) <= 60).all()
    assert (batch["masks"]["faces"].flatten(1).sum(dim=1) > 300).all()


def test_all_kinds_give_the_same_masks(album: Path) -> None:
    one, other = loaded(album, coco(album)), loaded(album, pngs(album))
    assert torch.equal(one["masks"]["faces"], other["masks"]["faces"])


def test_other_categories_are_regions_and_objects(album: Path) -> None:
    path = coco(album)
    tree = json.loads(path.read_text())
    box = {"id": 50, "image_id": 2, "category_id": 9, "bbox": [0, 0, 10, 5]}
    path.write_text(json.dumps(tree | {"annotations": [*tree["annotations"], box]}))
    table = MemorabilityData(root=album, masks=path).table
    assert table.regions == ("faces", "traffic_light", "objects")
    masks = table.masks["objects"].read("images/2.png", table.regions)
    assert masks["objects"].inside.sum() == 50
    assert torch.equal(masks["objects"].inside, masks["traffic_light"].inside)
    assert table.masks["objects"].having("objects") == {"images/2.png"}


def test_given_masks_take_the_place_of_a_tables(synthetic: Path, tmp_path: Path) -> None:
    (tmp_path / "m" / "faces").mkdir(parents=True)
    Image.new("L", (64, 64), 255).save(tmp_path / "m" / "faces" / "000000.png")
    data = MemorabilityData(root=synthetic, masks=tmp_path / "m")
    own = MemorabilityData(root=synthetic)
    assert data.table.regions == own.table.regions
    assert set(data.table.masks["faces"].having("faces")) == {"images/000000.png"}
    one, other = (set(found.table.masks["text"].having("text")) for found in (data, own))
    assert one == other


def test_not_annotated_is_not_absent(album: Path) -> None:
    path = coco(album, range(4))
    tree = json.loads(path.read_text())
    path.write_text(json.dumps(tree | {"annotations": tree["annotations"][:3]}))
    data = MemorabilityData(root=album, masks=path, image_size=50)
    data.load_regions(["faces"])
    told = data.describe()["masks"]["faces"]
    assert told["annotated"] == {"train": 2, "test": 2}
    assert told["found"] == {"train": 2, "test": 1}
    assert told["kind"] == "COCO"
    assert told["fingerprint"]
    donors = data.donors("test", seed=0)
    assert sorted(donors.order(["faces"])) == [0, 1]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("a/1.jpg", "a/1.jpg"),
        ("coco/a/1.png", "a/1.jpg"),
        ("2.png", "b/2.jpg"),
        ("2", "b/2.jpg"),
        ("b\\2.jpg", "b/2.jpg"),
        ("1.png", None),  # there are two
        ("3.png", None),
    ],
)
def test_images_go_by_the_end_of_their_paths(given: str, meant: str | None) -> None:
    images = ["a/1.jpg", "b/1.jpg", "b/2.jpg"]
    matched, unknown = Names(pd.DataFrame({"id": images, "image": images})).match([given], "here")
    assert matched == ({meant: given} if meant else {})
    assert unknown == (meant is None)


def test_two_masks_of_one_image_are_refused() -> None:
    names = Names(pd.DataFrame({"id": ["1.jpg"], "image": ["images/1.jpg"]}))
    with pytest.raises(DataError, match=r"x: p/1.png and q/1.png both mean the image 1.jpg"):
        names.match(["p/1.png", "q/1.png"], "x")


def bad_shape(album: Path) -> Path:
    folder = pngs(album)
    Image.new("L", (60, 60), 255).save(folder / "faces" / "3.png")
    return folder


def stored_orientation(album: Path) -> Path:
    folder = pngs(album)
    # image 4 is 40 x 60; drawn on it as if it lay on its side
    Image.new("L", (60, 40), 255).save(folder / "faces" / "4.png")
    return folder


def empty_file(album: Path) -> Path:
    folder = pngs(album)
    (folder / "faces" / "4.png").write_bytes(b"")
    return folder


@pytest.mark.slow
def test_a_mask_of_another_shape_is_named(album: Path, finished: Path, failing: Any) -> None:
    for made, parts in (
        (bad_shape, ("3.png", "60 x 60", "60 x 40")),
        (stored_orientation, ("4.png", "60 x 40", "40 x 60", "on its side")),
        (empty_file, ("4.png", "mask cannot be read", "not an image")),
    ):
        masks = ["--data.masks", str(made(album)), "--ablation", "blur"]
        message = failing(
            "test", "--run", str(finished), "--data.root", str(album), *masks,
            "--ablation.region", "faces", "--data.num_workers=0", *QUIET,
        )  # fmt: skip
        assert all(part in message for part in parts), message


def broken(text: str) -> Callable[[Path], Path]:
    def make(album: Path) -> Path:
        path = album.parent / "masks.json"
        path.write_text(text)
        return path

    return make


def changed(**changes: Any) -> Callable[[Path], Path]:
    return lambda album: coco(album, **changes)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (broken(""), ["masks.json", "empty file"]),
        (broken("{"), ["masks.json", "not JSON"]),
        (broken("[]"), ["masks.json", "not a COCO file", "images"]),
        (changed(images=[]), ["none of its 0 images"]),
        (changed(images=[{"id": 0, "file_name": "other.png"}]), ["such as other.png", "file_name"]),
        (
            changed(
                annotations=[{"id": 3, "image_id": 77, "category_id": 7, "bbox": [0, 0, 2, 2]}]
            ),
            ["annotation 1 (id 3)", "image_id 77"],
        ),
        (
            changed(annotations=[{"image_id": 0, "category_id": 1, "bbox": [0, 0, 2, 2]}]),
            ["annotation 1", "category_id 1"],
        ),
        (changed(annotations=[{"image_id": 0, "category_id": 7}]), ["annotation 1", "no 'bbox'"]),
        (changed(categories=[{"id": 7, "name": "all"}]), ["'all'", "rename"]),
        (lambda album: album.parent / "no", ["no: no such file"]),
        (lambda album: album / "scores.csv", ["scores.csv", "COCO"]),
        (lambda album: album / "void", ["no masks of images", "REGION/IMAGE.png"]),
    ],
)
def test_what_cannot_be_read_is_named(
    album: Path, make: Callable[[Path], Path], parts: list[str]
) -> None:
    (album / "void").mkdir()
    with pytest.raises(DataError) as caught:
        table_of(album, make(album))
    assert len(str(caught.value).splitlines()) == 1
    assert all(part in str(caught.value) for part in parts), caught.value


def table_of(album: Path, masks: Path) -> Table:
    names = [f"images/{place}.png" for place in range(6)]
    rows = pd.DataFrame({"id": names, "image": names, "score": 0.5, "split": "test"})
    if not masks.exists():
        MemorabilityData(root=album, masks=masks)
    return Table(rows, album, str(album)).with_masks(masks)


def test_runs_that_do_not_fill_a_mask_are_named(album: Path) -> None:
    drawn = {"size": [40, 60], "counts": [10, 20]}
    path = coco(album, annotations=[{"image_id": 0, "category_id": 7, "segmentation": drawn}])
    batch = loaded(album, path)
    assert "masks.json: train/0.png" in batch["errors"][0]
    assert "30 pixels, not 60 x 40" in batch["errors"][0]


@pytest.mark.slow
def test_a_test_confined_to_given_masks(
    album: Path, finished: Path, capsys: pytest.CaptureFixture[str], failing: Any
) -> None:
    from memlab.cli import main

    arguments = ["test", "--run", str(finished), "--data.root", str(album), "--data.num_workers=0"]
    arguments += ["--data.masks", str(coco(album, range(4))), "--maps=0", *QUIET]
    blur = ["--ablation", "blur", "--ablation.region"]
    assert "did you mean 'faces'" in failing(*arguments, *blur, "face")
    assert main([*arguments, *blur, "faces"]) == 0
    assert "faces: annotated in 4 of 6 images, present in 4" in capsys.readouterr().err
    folder = next(finished.glob("test-*/results.json")).parent
    found = results(folder)
    assert found["data"]["masks"]["faces"]["annotated"] == {"train": 2, "test": 2}
    assert [one["eligible"] for one in found["conditions"]] == [2]
    assert [one["n"] for one in found["conditions"]] == [4]
