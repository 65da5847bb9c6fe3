"""memlab apply: changed images with their controls, a manifest, a sheet; selectivity profiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from memlab.cli import main
from memlab.synthetic import write

BORROW = """
import torch
from memlab import Ablation, Context
class Borrow(Ablation):
    family, unit, target, control = "colour", "of the way", "chroma", "round-trip"
    ladder, maximum, needs_donors = (1.0,), 1.0, True
    def __init__(self, share: float = 1.0) -> None:
        super().__init__(share)
    def change(self, images: torch.Tensor, context: Context, dose: float) -> torch.Tensor:
        return torch.lerp(images, context.donors.images, dose / 2)
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen synthetic images with masks; some have faces, some have none."""
    root = tmp_path_factory.mktemp("rendered")
    write(root, n=12, seed=4, size=64)
    return root


def pixels(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB")).astype(float)


def test_the_three_folders_of_the_student_study(make_image: Callable[..., Path]) -> None:
    """Grey and crop differ from Pillow's by rounding; its radius 5 is three box blurs, not ours."""
    for place, size in enumerate([(256, 256), (256, 192)]):
        make_image(f"in/{place}.png", size=size, seed=place)
    arguments = ["--ablation", "blur", "--ablation.sigma", str(5 / 2.56)]
    arguments += ["--ablation", "grayscale", "--ablation", "center_crop"]
    assert main(["apply", "in", *arguments, "--out", "out"]) == 0
    differences: dict[str, list[float]] = {"blur": [], "grayscale": [], "center_crop": []}
    for place in range(2):
        source = Image.open(f"in/{place}.png").convert("RGB")
        wide, high = source.size
        box = (wide // 4, high // 4, wide - wide // 4, high - high // 4)
        wanted = {
            "blur": source.filter(ImageFilter.GaussianBlur(5)),
            "grayscale": source.convert("L").convert("RGB"),
            "center_crop": source.crop(box).resize((wide, high), Image.Resampling.BILINEAR),
        }
        for name, image_ in wanted.items():
            (path,) = Path("out").glob(f"{name}@*/{place}.png")
            found = np.abs(pixels(path) - np.array(image_).astype(float)).max()
            differences[name].append(float(found))
    assert max(differences["grayscale"]) <= 1
    assert max(differences["center_crop"]) <= 1
    assert 1 <= max(differences["blur"]) <= 4


@pytest.mark.slow
def test_controls_draws_and_reasons_are_in_the_manifest(rendered: Path) -> None:
    arguments = ["--ablation", "grayscale", "--ablation.region", "faces", "--ablation", "blur"]
    assert main(["apply", str(rendered), *arguments, "--controls", "2", "--out", "out"]) == 0
    manifest = pd.read_csv("out/manifest.csv", keep_default_na=False)
    assert list(manifest.columns) == [
        *("image", "original", "condition", "ablation", "dose", "unit", "region", "role"),
        *("draw", "donor", "eligible", "reason"),
    ]
    counts = manifest.groupby(["ablation", "role"]).size()
    assert counts["grayscale", "control"] == 24
    assert counts["grayscale", "target"] == 24  # a target with matched controls is drawn twice
    assert counts["blur", "target"] == 12
    files = {path.relative_to("out").as_posix() for path in Path("out").glob("*/*.png")}
    assert set(manifest.loc[manifest["eligible"], "image"]) == files
    left = manifest[~manifest["eligible"]]
    assert (left["image"] == "").all()
    assert set(left["reason"]) <= {"no faces in it", "no place for the control"}
    faceless = left.loc[left["role"] == "target", "original"].unique()
    assert 0 < len(faceless) < 12
    for name in faceless:
        assert not (rendered / "masks" / "faces" / Path(name).name).exists()


def test_a_regions_change_stays_inside_it_on_disk(rendered: Path) -> None:
    arguments = ["--ablation", "grayscale", "--ablation.region", "faces"]
    assert main(["apply", str(rendered), *arguments, "--out", "out"]) == 0
    manifest = pd.read_csv("out/manifest.csv").query("eligible")
    for row in manifest.itertuples():
        before, after = pixels(Path(str(row.original))), pixels(Path("out") / str(row.image))
        inside = np.array(Image.open(rendered / "masks/faces" / Path(str(row.original)).name)) > 127
        assert (before[~inside] == after[~inside]).all()
        assert np.ptp(after[inside], axis=1).max() == 0


@pytest.mark.slow
def test_swaps_take_donors_from_another_folder(
    rendered: Path, make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    Path("borrowing.py").write_text(BORROW)
    for place in range(3):
        make_image(f"donors/donor-{place}.png", seed=place)
    swap = ["apply", str(rendered), "--ablation", "borrowing:Borrow"]
    assert main([*swap, "--out", "synthetic"]) == 0  # synthetic donors
    assert pd.read_csv("synthetic/manifest.csv")["donor"].str.startswith("scene-").all()
    give = ["--donors", "donors", "--size", "48", "--controls", "2"]
    assert main([*swap, *give, "--out", "out"]) == 0
    manifest = pd.read_csv("out/manifest.csv")
    assert set(manifest["role"]) == {"swap", "round-trip"}
    assert set(manifest["donor"]) == {"donor-0", "donor-1", "donor-2"}
    row = manifest.iloc[0]
    assert pixels(Path(f"donors/{row['donor']}.png")).shape == (30, 40, 3)
    assert pixels(Path("out") / row["image"]).shape == (48, 48, 3)
    same = failing("apply", "donors", "--ablation=borrowing:Borrow", *give, "--out", "again")
    assert "donors: no image but those to be changed" in same


@pytest.mark.slow
def test_the_sheet_has_a_row_a_image_and_says_why_not(rendered: Path) -> None:
    arguments = ["--ablation", "blur", "--ablation.region", "faces", "--ablation", "grayscale"]
    assert main(["apply", str(rendered), *arguments, "--out", "out"]) == 0
    sheet = pixels(Path("out/contact-sheet.png"))
    assert sheet.shape[1] == 110 + 134 * 3 + 6
    assert sheet.shape[0] > 12 * 134
    empty = (sheet == 235).all(axis=2).sum()
    manifest = pd.read_csv("out/manifest.csv")
    assert empty > 0.7 * 128**2 * (~manifest["eligible"]).sum()


@pytest.mark.slow
def test_what_is_wrong_with_a_image_costs_nothing_of_the_others(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "damaged"):
        path = make_image(f"set/{name}.png", seed=ord(name[0]))
    path.write_bytes(path.read_bytes()[:200])
    Image.new("RGB", (1, 1)).save("set/tiny.png")
    for name, size in (("a", (10, 10)), ("b", (40, 30)), ("tiny", (1, 1))):
        Path("masks/faces").mkdir(parents=True, exist_ok=True)
        half = Image.new("L", size)
        half.paste(255, (0, 0, size[0] // 2, size[1]))
        half.save(f"masks/faces/{name}.png")
    chosen = ["--ablation=blur", "--ablation.region=faces", "--ablation=patch_shuffle"]
    assert main(["apply", "set", *chosen, "--masks=masks", "--out=out"]) == 1
    told = capsys.readouterr().err
    assert "masks/faces/a.png: the mask is 10 x 10 pixels, its image set/a.png 40 x 30" in told
    assert "set/damaged.png: cannot be read" in told
    assert "3 of 4 images failed" in told
    manifest = pd.read_csv("out/manifest.csv", keep_default_na=False)
    manifest.index = [(Path(row.original).stem, row.ablation) for row in manifest.itertuples()]
    assert manifest["eligible"].to_dict() == {
        (name, ablation): name == "b"
        for name in ("a", "b", "damaged", "tiny")
        for ablation in ("blur", "patch_shuffle")
    }
    assert "cannot be cut" in manifest["reason"]["tiny", "patch_shuffle"]
    assert "cannot be read" in manifest["reason"]["damaged", "blur"]
    assert set(json.loads(Path("out/manifest.json").read_text())["failed"]) == {
        f"set/{name}.png" for name in ("a", "damaged", "tiny")
    }
    assert pixels(Path("out/contact-sheet.png")).shape[1] == 110 + 134 * 3 + 6
    profiles = ["--masks=masks", "--size=32", "--selectivity-profile", "--out=profiles"]
    assert main(["apply", "set", "--ablation=blur", *profiles]) == 1
    assert (pd.read_csv("profiles/selectivity-profiles.csv")["eligible"] == 2).all()


def test_the_manifest_says_how_images_were_made(
    rendered: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--ablation", "swap_palette", "--size=48", "--seed=3"]
    synthetic = [str(path) for path in sorted((rendered / "images").glob("*.png"))[:2]]
    masks = f"--masks={rendered / 'masks'}"
    assert main(["apply", *synthetic, *arguments, masks, "--out", "out"]) == 0
    # of those in the folder, most are of images that were not given
    assert "of its images are not in the data set" in capsys.readouterr().err
    told = json.loads(Path("out/manifest.json").read_text())
    assert (told["size"], told["seed"], told["n"], told["failed"]) == (48, 3, 2, {})
    assert told["donors"] == "synthetic images"
    assert told["ablations"][0]["class_path"].endswith("SwapPalette")
    assert {"memlab", "torch"} <= told["versions"].keys()
    for sources in told["masks"].values():
        assert [(one["kind"], one["origin"]) for one in sources] == [
            ("images", str(rendered / "masks"))
        ]


def test_a_background_follows_from_the_other_masks(make_image: Callable[..., Path]) -> None:
    original = pixels(make_image("set/a.png", seed=1))
    half = Image.new("L", (40, 30))
    half.paste(255, (0, 0, 20, 30))
    Path("masks/faces").mkdir(parents=True)
    half.save("masks/faces/a.png")
    chosen = ["--ablation=remove_background", "--masks=masks", "--out=out"]
    assert main(["apply", "set", *chosen]) == 0
    changed = pixels(Path("out") / pd.read_csv("out/manifest.csv")["image"][0])
    different = (changed != original).any(axis=2)
    assert different[:, 24:].all()
    assert not different[:, :16].any()


def test_what_is_drawn_for_a_image_does_not_hang_on_the_others(
    make_image: Callable[..., Path],
) -> None:
    make_image("one/a.png", seed=1)
    make_image("two/a.png", seed=2)
    grain = ["--ablation=noise"]
    assert main(["apply", "one", *grain, "--out=alone"]) == 0
    assert main(["apply", "one", "two", *grain, "--out=both"]) == 0
    alone, first = (
        pixels(Path(out) / pd.read_csv(f"{out}/manifest.csv")["image"][0])
        for out in ("alone", "both")
    )
    assert (alone == first).all()


def test_names_are_fit_for_any_system(make_image: Callable[..., Path]) -> None:
    for name in ("what?.png", "a:b.png"):
        make_image(f"set/{name}", seed=1)
    assert main(["apply", "set", "--ablation=blur", "--controls=1", "--out=out"]) == 0
    files = [path.relative_to("out").as_posix() for path in Path("out").rglob("*.png")]
    assert not [path for path in files if set(path) & set('\\?*:<>|"')]
    assert {Path(path).name for path in files} == {"what-.png", "a-b.png", "contact-sheet.png"}


def test_a_table_that_is_wrong_is_not_passed_over_in_silence(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("set/a.png", seed=1)
    Path("set/table.csv").write_text("image,score,mask_faces\na.png,much,\n")
    assert main(["apply", "set", "--ablation=blur", "--out=out"]) == 0
    assert "set/table.csv: row 2: score 'much' is not a number" in capsys.readouterr().err


def test_masks_from_elsewhere_confine_the_change(make_image: Callable[..., Path]) -> None:
    original = pixels(make_image("set/a.png", seed=1))
    make_image("set/b.png", seed=2)
    half = Image.new("L", (40, 30))
    half.paste(255, (0, 0, 20, 30))
    Path("masks/faces").mkdir(parents=True)
    half.save("masks/faces/a.png")
    arguments = ["--ablation=grayscale", "--ablation.region=faces", "--masks=masks", "--out=out"]
    assert main(["apply", "set", *arguments]) == 0
    manifest = pd.read_csv("out/manifest.csv")
    assert manifest["eligible"].tolist() == [True, False]
    assert manifest["reason"].tolist()[1] == "not annotated for faces"
    changed = pixels(Path("out") / manifest["image"][0])
    assert (changed[:, 20:] == original[:, 20:]).all()
    assert (changed[:, :20] != original[:, :20]).any()
