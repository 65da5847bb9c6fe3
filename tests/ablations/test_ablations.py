"""The laws of ablations, their exact values, and the one engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageFilter

from memlab import Ablation, Context, plan
from memlab.ablations.colour import Grayscale
from memlab.ablations.crops import CenterCrop
from memlab.ablations.frequency import Blur
from memlab.cli import main
from memlab.errors import MemlabError, PluginError
from memlab.testing import check_ablation, sample_images
from tests.builders.random_ablation import Noise, names


@pytest.mark.parametrize("cls", [Blur, Grayscale, CenterCrop])
def test_built_ins_keep_the_contract(cls: type[Ablation]) -> None:
    check_ablation(cls)


def test_blur_is_a_gaussian_of_the_width() -> None:
    images = torch.zeros(1, 3, 101, 101)
    images[..., 50, 50] = 1
    blurred = Blur(sigma=4.0)(images, names(1))[0, 0]
    offset = torch.arange(101) - 50
    row = torch.exp(-(offset**2) / (2 * 4.04**2))
    wanted = torch.outer(row, row) / row.sum() ** 2
    assert torch.allclose(blurred, wanted, atol=2e-6)


def test_blur_is_the_same_share_of_any_width() -> None:
    small = sample_images(1, 64)
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    found = torch.nn.functional.avg_pool2d(Blur(sigma=5.0)(large, names(1)), 4)
    assert torch.allclose(found, Blur(sigma=5.0)(small, names(1)), atol=0.01)


def test_grayscale_equals_pillows_mode_l() -> None:
    pixels = (sample_images(1, 64) * 255).round()
    image = Image.fromarray(pixels[0].permute(1, 2, 0).byte().numpy())
    wanted = torch.from_numpy(np.array(image.convert("L"))).float()
    found = Grayscale()(pixels / 255, names(1))[0] * 255
    assert (found - wanted).abs().max() <= 0.51  # Pillow rounds to whole greys


def test_center_crop_is_that_of_the_student_study() -> None:
    pixels = (sample_images(1, 64) * 255).round()
    image = Image.fromarray(pixels[0].permute(1, 2, 0).byte().numpy())
    crop = image.crop((16, 16, 48, 48)).resize((64, 64), Image.Resampling.BILINEAR)
    wanted = torch.from_numpy(np.array(crop)).permute(2, 0, 1).float()
    found = CenterCrop()(pixels / 255, names(1))[0] * 255
    assert (found - wanted).abs().max() <= 1.01


def test_blur_can_be_asked_for_in_pixels() -> None:
    images = sample_images(2, 64)
    blur = Blur(5, unit="pixels")
    same = Blur(100 * 5 / 64)
    assert torch.allclose(blur(images, names(2)), same(images, names(2)), atol=1e-6)
    wide = torch.nn.functional.interpolate(images, (64, 128))
    assert (blur(wide, names(2)) - Blur(100 * 5 / 64)(wide, names(2))).abs().max() > 0.01
    (condition,) = plan([blur])
    assert (condition.key, condition.record.unit) == ("blur@5(unit=pixels)", "pixels")
    assert [one.dose for one in plan([blur], "ladder")] == list(blur.ladder)
    assert Blur().unit == Blur.unit == "% of width"
    with pytest.raises(MemlabError, match=r"70 pixels is outside 0 to 64 \(ladder: 1, 2, 5, 10"):
        Blur(70, unit="pixels")
    with pytest.raises(MemlabError, match="neither percent nor pixels"):
        Blur(5, unit="px")  # type: ignore[arg-type]


def test_blur_is_close_to_that_of_the_student_study() -> None:
    pixels = (sample_images(1, 256) * 255).round()
    image = Image.fromarray(pixels[0].permute(1, 2, 0).byte().numpy())
    wanted = np.array(image.filter(ImageFilter.GaussianBlur(5)))[20:-20, 20:-20]
    found = Blur(sigma=5 / 2.56)(pixels / 255, names(1))[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found[20:-20, 20:-20] - wanted).max() < 3  # Pillow's is three box blurs


def test_a_region_confines_the_change() -> None:
    images = sample_images(2)
    mask = torch.zeros(2, 1, 48, 48)
    mask[..., :24] = 1
    context = Context(["a", "b"], masks={"faces": mask})
    inside = Grayscale(region="faces")(images, context)
    outside = Grayscale(region="not faces")(images, context)
    whole = Grayscale()(images, context)
    assert torch.equal(inside[..., 24:], images[..., 24:])
    assert torch.equal(inside[..., :24], whole[..., :24])
    assert torch.equal(outside[..., :24], images[..., :24])
    assert torch.equal(outside[..., 24:], whole[..., 24:])


def test_images_without_the_region_are_not_eligible() -> None:
    mask = torch.zeros(3, 1, 8, 8)
    mask[1, :, 2:4] = 1
    mask[2] = 1
    context = Context(["a", "b", "c"], masks={"faces": mask})
    assert Grayscale(region="faces").eligible(context).tolist() == [False, True, False]
    assert Grayscale(region="not faces").eligible(context).tolist() == [False, True, False]
    assert Grayscale(region="text").eligible(context).tolist() == [False, False, False]


@pytest.mark.parametrize("dose", [-1, 26, float("nan")])
def test_doses_out_of_range_show_the_ladder(dose: float) -> None:
    with pytest.raises(MemlabError, match=r"outside 0 to 25 \(ladder: 0.5, 1, 2, 4, 8\)"):
        Blur(sigma=dose)


@pytest.mark.parametrize("region", ["", "not", "not all", "the faces"])
def test_regions_that_make_no_sense_are_refused(region: str) -> None:
    with pytest.raises(MemlabError, match="region"):
        Blur(region=region)


def test_randomness_is_the_images_own() -> None:
    images, noise = sample_images(4), Noise()
    whole = noise(images, names(4))
    backwards = torch.tensor([3, 1, 0])
    assert torch.equal(noise(images[backwards], names(4).select(backwards)), whole[backwards])
    half = noise(images, names(4), 0.01) - images
    full = noise(images, names(4), 0.02) - images
    unclipped = ((images + full > 0.001) & (images + full < 0.999)).all(dim=1, keepdim=True)
    assert torch.allclose((2 * half - full) * unclipped, torch.zeros(1), atol=1e-6)
    other = Context(names(4).ids, seed=11, draw=1)
    assert not torch.equal(noise(images, other), whole)


def test_ablate_writes_images_and_a_manifest(make_image: Callable[..., Path]) -> None:
    paths = [str(make_image(f"in/{name}", seed=1)) for name in ("a.png", "b.jpg")]
    arguments = ["--ablation", "blur", "--ablation.sigma", "4", "--ablation", "grayscale"]
    assert main(["apply", "in", *arguments, "--out", "out"]) == 0
    manifest = pd.read_csv("out/manifest.csv")
    assert sorted(manifest["original"]) == sorted(
        Path(path).relative_to(Path.cwd()).as_posix() for path in paths * 2
    )
    assert set(manifest["condition"]) == {"blur@4", "grayscale@1"}
    for name in manifest["image"]:
        with Image.open(Path("out") / name) as changed:
            assert changed.size == (40, 30)
    grey = np.array(Image.open("out/grayscale@1/a.png"))
    assert (grey == grey[..., :1]).all()


def test_ablate_needs_an_ablation_and_no_masks(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    path = str(make_image("a.png"))
    assert "give --ablation NAME" in failing("apply", path, "--out", "out")
    message = failing(
        "apply", path, "--ablation", "blur", "--ablation.region", "faces", "--out", "out"
    )
    assert "no masks of 'faces'" in message
    assert "'--ablation.sigma'" in failing(
        "apply", path, "--ablation", "blur", "--ablation.sigm", "3", "--out", "out"
    )


def test_old_names_of_controls_and_families_are_read_and_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Older(Blur):
        """A third-party class of an earlier version."""

        control = "placed"  # type: ignore[assignment]
        family = "floor"

    assert (Older.control, Older.family) == ("matched-control", "nuisance")
    said = capsys.readouterr().err
    assert "control placed' is now called 'matched-control'" in said
    assert "family floor' is now called 'nuisance'" in said
    with pytest.raises(PluginError, match="control is 'elsewhere'; there are matched-control"):
        type("Wrong", (Blur,), {"control": "elsewhere"})
