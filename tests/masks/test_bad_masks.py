"""Masks that fit no image are refused in a line wherever they come in; odd ones are counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from memlab import Context, MemlabError, evaluate, plan
from memlab.ablations.removal import RemoveFaces
from memlab.ablations.swaps import SwapFace
from memlab.cli import main
from memlab.masks.base import thumbnail_of
from memlab.masks.store import MaskStore
from memlab.testing import sample_images
from memlab.types import Donors
from tests.builders.commands import QUIET, results

WIDTH, HEIGHT = 48, 36
TRAIN, IMAGES = 6, 12


@pytest.fixture
def album(make_image: Callable[..., Path]) -> Path:
    """Twelve images, the first six of them to train on."""
    lines = ["image,score,split"]
    for place in range(IMAGES):
        make_image(f"album/{place}.png", size=(WIDTH, HEIGHT), seed=place)
        split = "train" if place < TRAIN else "test"
        lines.append(f"{place}.png,{0.5 + place / 40},{split}")
    Path("album/table.csv").write_text("\n".join(lines))
    return Path("album")


def box(size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    image = Image.new("L", size)
    image.paste(255, (8, 8, 20, 20))
    return image


def pngs(faces: dict[int, Image.Image], folder: str = "masks") -> Path:
    (Path(folder) / "faces").mkdir(parents=True)
    for place, mask in faces.items():
        mask.save(Path(folder) / "faces" / f"{place}.png")
    return Path(folder)


def coco(faces: dict[int, Image.Image]) -> Path:
    tree: dict[str, list[object]] = {"categories": [{"id": 1, "name": "face"}]}
    tree["images"] = [
        {"id": place, "file_name": f"{place}.png", "width": mask.width, "height": mask.height}
        for place, mask in faces.items()
    ]
    tree["annotations"] = [
        {"id": place, "image_id": place, "category_id": 1, "bbox": [8, 8, 12, 12]}
        for place in faces
    ]
    Path("masks.json").write_text(json.dumps(tree))
    return Path("masks.json")


def store(faces: dict[int, Image.Image]) -> Path:
    made = MaskStore(Path("store"))
    made.claim(["faces"], {"plugin": None})
    for place, mask in faces.items():
        pixels = np.asarray(Image.open(f"album/{place}.png").convert("RGB"))
        thumbnail = thumbnail_of(torch.from_numpy(pixels.copy()).permute(2, 0, 1))
        inside = torch.from_numpy((np.asarray(mask) > 0).astype(np.uint8))[None]
        made.write(str(place), {"faces": inside}, thumbnail)
    made.close({})
    return Path("store")


def wrong(faces: range) -> dict[int, Image.Image]:
    """Good masks, but for that of image 7 or, where it has none, of image 2."""
    masks = {place: box() for place in faces}
    masks[7 if 7 in masks else 2] = box((WIDTH, WIDTH))
    return masks


KINDS = pytest.mark.parametrize("make", [pngs, coco, store])
SIZES = (f"{WIDTH} x {WIDTH}", f"{WIDTH} x {HEIGHT}", "draw it at the image's size")


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize(
    "asked", [("--ablation", "remove_faces", "--controls", "2"), ("--ablation", "blur", "--scan")]
)
def test_a_test_refuses_a_mask_of_another_size(
    make: Callable[..., Path],
    asked: tuple[str, ...],
    album: Path,
    finished: Path,
    failing: Callable[..., str],
) -> None:
    masks = ["--data.masks", str(make(wrong(range(TRAIN, IMAGES)))), "--data.num_workers=0"]
    run = ["test", "--run", str(finished), "--data.root", str(album), "--maps=0"]
    message = failing(*run, *masks, *asked, *QUIET)
    assert "7.png" in message
    assert all(part in message for part in SIZES), message


@KINDS
def test_ablate_leaves_out_a_mask_of_another_size(
    make: Callable[..., Path], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = str(make(wrong(range(TRAIN, IMAGES))))
    chosen = ["--ablation=remove_faces", "--masks", masks, "--out=o"]
    assert main(["apply", str(album), *chosen]) == 1
    message = capsys.readouterr().err
    assert "7.png" in message
    assert all(part in message for part in SIZES), message


@pytest.mark.slow
def test_a_donor_with_a_mask_of_another_size_is_not_passed_over(
    album: Path, finished: Path, failing: Callable[..., str]
) -> None:
    faces = wrong(range(TRAIN)) | {place: box() for place in range(TRAIN, IMAGES)}
    faces = {place: box((WIDTH, WIDTH)) if place < TRAIN else mask for place, mask in faces.items()}
    masks = ["--data.masks", str(pngs(faces)), "--ablation", "swap_face", "--data.num_workers=0"]
    run = ["test", "--run", str(finished), "--data.root", str(album), "--maps=0"]
    message = failing(*run, *masks, "--controls=2", *QUIET)
    assert "masks/faces/" in message
    assert all(part in message for part in SIZES), message

    lines = ["image,score,mask_faces", "0.png,0.5,square.png", "1.png,0.6,square.png"]
    (album / "table.csv").write_text("\n".join(lines))
    box((WIDTH, WIDTH)).save(album / "square.png")
    Path("faces").mkdir()
    Image.open("album/8.png").save("faces/8.png")
    given = ["--masks", str(pngs({8: box()}, "own")), "--donors", str(album), "--out=o"]
    message = failing("apply", "faces", "--ablation=swap_face", *given)
    assert "square.png" in message
    assert all(part in message for part in SIZES), message


def test_masks_of_tensors_are_refused_before_anything_is_placed() -> None:
    images, faces = sample_images(3, 32), torch.zeros(3, 1, 32, 32)
    faces[:, :, 4:12, 4:12] = 1
    for name, masks in (
        ("faces", {"faces": torch.ones(3, 1, 16, 32)}),
        ("hats", {"faces": faces, "hats": torch.ones(3, 1, 16, 32)}),
    ):
        with pytest.raises(MemlabError) as caught:
            list(
                evaluate(
                    lambda images, _: images.mean(dim=(1, 2, 3)),
                    images,
                    Context(["a", "b", "c"], masks=masks),
                    plan([RemoveFaces()], controls=2),
                )
            )
        assert f"{name!r} is 32 × 16 pixels, the image a is 32 × 32" in str(caught.value)
    with pytest.raises(MemlabError, match="give one an image"):
        RemoveFaces()(images, Context(["a", "b", "c"], masks={"faces": faces[:1]}))
    donors = Donors(["d", "e", "f"], images, {"faces": torch.ones(3, 1, 16, 32)})
    with pytest.raises(MemlabError, match="donors: the mask of 'faces' is 32 × 16"):
        SwapFace()(images, Context(["a", "b", "c"], masks={"faces": faces}, donors=donors))


@pytest.mark.slow
@KINDS
def test_empty_and_covering_masks_are_counted_as_not_eligible(
    make: Callable[..., Path], album: Path, finished: Path
) -> None:
    faces = {place: box() for place in range(TRAIN, IMAGES)}
    if make is not coco:  # which has boxes here
        faces[7] = Image.new("L", (WIDTH, HEIGHT))
    faces[8] = Image.new("L", (WIDTH, HEIGHT), 255)
    masks = make(faces)
    if make is coco:
        tree = json.loads(masks.read_text())
        tree["annotations"] = [one for one in tree["annotations"] if one["image_id"] != 7]
        (cover,) = (one for one in tree["annotations"] if one["image_id"] == 8)
        cover["bbox"] = [0, 0, WIDTH, HEIGHT]
        masks.write_text(json.dumps(tree))
    arguments = ["test", "--run", str(finished), "--data.root", str(album), "--maps=0"]
    arguments += ["--data.masks", str(masks), "--data.num_workers=0", "--controls=1", *QUIET]
    assert main([*arguments, "--ablation", "remove_faces"]) == 0
    (folder,) = finished.glob("test-*")
    for entry in results(folder)["conditions"]:
        if entry["role"] == "target":
            assert (entry["eligible"], entry["n"]) == (IMAGES - TRAIN - 2, IMAGES - TRAIN)
    assert (
        main(["apply", str(album), "--ablation=remove_faces", f"--masks={masks}", "--out=o"]) == 0
    )
    manifest = pd.read_csv("o/manifest.csv").set_index("original")["reason"].fillna("")
    assert manifest["album/7.png"] == "no faces in it"
    assert manifest["album/8.png"] == "faces everywhere"
    assert manifest["album/9.png"] == ""


@pytest.mark.slow
def test_coco_without_the_image_is_refused(
    album: Path, finished: Path, failing: Callable[..., str]
) -> None:
    masks = coco({7: box()})
    tree = json.loads(masks.read_text())
    tree["images"][0]["file_name"] = "elsewhere.png"
    masks.write_text(json.dumps(tree))
    for command in (
        ["test", "--run", str(finished), "--data.root", str(album), "--data.masks", str(masks)],
        ["apply", str(album), "--masks", str(masks), "--out=o"],
    ):
        message = failing(*command, "--ablation", "remove_faces")
        assert "none of its 1 images (such as elsewhere.png) is in the data set" in message


def test_a_dose_out_of_range_shows_the_ladder(album: Path, failing: Callable[..., str]) -> None:
    for arguments, message in (
        (
            ["remove_faces", "--ablation.amount=1.5"],
            "outside 0 to 1 (ladder: 0.2, 0.4, 0.6, 0.8, 1)",
        ),
        (["blur", "--ablation.sigma=-1"], "outside 0 to 25 (ladder: 0.5, 1, 2, 4, 8)"),
        (
            ["patch_shuffle", "--ablation.patches=2.5"],
            "not a whole number (ladder: 2, 4, 8, 16, 32)",
        ),
    ):
        assert message in failing("apply", str(album), "--out=o", "--ablation", *arguments)


@pytest.mark.slow
@KINDS
def test_a_check_counts_masks_and_names_those_that_are_wrong(
    make: Callable[..., Path], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {place: box() for place in range(8)}
    check = ["data", "check", str(album), "--masks"]
    assert main([*check, str(make(good))]) == 0
    out = capsys.readouterr().out
    assert "no problems" in out
    share = 100 * 12 * 12 / (WIDTH * HEIGHT)
    assert (
        f"masks of faces: in 8 of 8 annotated images, {share:.2g} % of the area (median)\n" in out
    )
    for folder in ("masks", "store"):
        shutil.rmtree(folder, ignore_errors=True)

    masks = str(make(good | {7: box((WIDTH, WIDTH))}))
    assert main([*check, masks, "--out", "found"]) == 1
    assert f"the mask is {WIDTH} x {WIDTH} pixels, its image 7.png" in capsys.readouterr().out
    row = pd.read_csv("found/masks.csv").iloc[0]
    assert (row["region"], row["annotated"], row["found"], row["wrong"]) == ("faces", 8, 7, 1)
    kept = json.loads(Path("found/check.json").read_text())
    assert kept["problems"] == {"mask": 1}
    assert kept["masks"][0]["area"] == pytest.approx(share)
    assert "<h2>Masks</h2>" in Path("found/check.html").read_text()


def test_a_check_tells_empty_covering_damaged_and_stray_masks(
    album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Image.new("L", (WIDTH, HEIGHT), 255)
    masks = pngs({0: box(), 1: Image.new("L", (WIDTH, HEIGHT)), 2: whole, 77: box()})
    assert main(["data", "check", str(album), "--masks", str(masks)]) == 0
    out = capsys.readouterr().out
    assert "in 2 of 3 annotated images, " in out
    assert "(median); 1 empty; 1 everywhere" in out
    assert "masks of 1 image that the data set lacks" in out
    assert "faces cover the whole image in 1 of 2" in out
    (masks / "faces" / "0.png").write_bytes(b"")
    assert main(["data", "check", str(album), "--masks", str(masks)]) == 1
    assert "masks/faces/0.png: " in capsys.readouterr().out
