"""Crops, with and without zoom, their windows elsewhere, and foreground and background alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from memlab import Ablation, Context
from memlab.ablations.crops import BackgroundOnly, CenterCrop, CropPad, RandomCrop
from memlab.ablations.removal import RemoveBackground
from memlab.imaging.crops import AWAY, center_crop, elsewhere
from memlab.testing import check_ablation, sample_images


def names(count: int) -> Context:
    return Context([f"image-{place}" for place in range(count)], seed=11)


def ramps(height: int, width: int, count: int = 1) -> Tensor:
    """Images whose red and green say which row and column a pixel is from."""
    down = (torch.arange(height) / height).view(1, 1, -1, 1).expand(count, 1, height, width)
    across = (torch.arange(width) / width).view(1, 1, 1, -1).expand(count, 1, height, width)
    return torch.cat([down, across, torch.zeros_like(down)], dim=1)


@pytest.mark.parametrize("cls", [CenterCrop, CropPad, RandomCrop])
def test_crops_keep_the_contract(cls: type[Ablation]) -> None:
    check_ablation(cls)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (224, 224), (120, 80)])
def test_the_default_is_the_middle_half_that_pillow_cuts(width: int, height: int) -> None:
    pixels = (sample_images(1, width)[..., :height, :] * 255).round()
    image = Image.fromarray(pixels[0].permute(1, 2, 0).byte().numpy())
    box = (width // 4, height // 4, width * 3 // 4, height * 3 // 4)
    crop = image.crop(box).resize((width, height), Image.Resampling.BILINEAR)
    wanted = torch.from_numpy(np.array(crop)).permute(2, 0, 1).float()
    found = CenterCrop()(pixels / 255, names(1))[0] * 255
    assert (found - wanted).abs().max() <= 1.01  # Pillow rounds twice to whole levels


def window(pad: Tensor, images: Tensor) -> tuple[int, int, int, int]:
    """Top, left, height and width of what was left as it was."""
    same = (pad == images).all(dim=0)
    rows, columns = same.any(dim=1).nonzero().flatten(), same.any(dim=0).nonzero().flatten()
    top, left = int(rows[0]), int(columns[0])
    assert same[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1].all()
    return top, left, len(rows), len(columns)


def test_crop_pad_keeps_the_window_of_center_crop_where_it_is() -> None:
    images = sample_images(2, 64)[..., :48, :].contiguous()
    padded = CropPad(removed=50.0)(images, names(2))
    assert torch.equal(padded[..., 12:36, 16:48], images[..., 12:36, 16:48])
    around = torch.ones(48, 64, dtype=torch.bool)
    around[12:36, 16:48] = False
    mean = images.mean(dim=(2, 3))
    assert torch.allclose(padded[:, :, around], mean[..., None].expand(-1, -1, int(around.sum())))
    assert torch.allclose(center_crop(padded, 50.0), center_crop(images, 50.0))


def test_controls_are_windows_of_one_size_elsewhere() -> None:
    images, crop = ramps(50, 70, 20), CropPad()
    places: set[tuple[int, int]] = set()
    for draw in range(2):
        context = replace(names(20), draw=draw, role="control")
        for dose in (20.0, 50.0):
            middle = [
                window(one, image)
                for one, image in zip(crop(images, names(20), dose), images, strict=True)
            ]
            others = [
                window(one, image)
                for one, image in zip(crop(images, context, dose), images, strict=True)
            ]
            for own, other in zip(middle, others, strict=True):
                assert own[2:] == other[2:]
                way = (50 - own[2], 70 - own[3])
                shares = [(other[axis] - own[axis]) / way[axis] for axis in (0, 1)]
                slack = 1 / min(way)
                assert max(map(abs, shares)) >= AWAY - slack
                if dose == 50.0:
                    places.add(other[:2])
    assert len(places) > 35  # of each image and draw its own


def test_one_place_serves_all_doses() -> None:
    images = ramps(101, 101, 8)
    for crop, context in (
        (CenterCrop(), replace(names(8), role="control")),
        (RandomCrop(), names(8)),
    ):
        shares = []
        for dose in (40.0, 60.0):
            shown = crop(images, context, dose)[:, :2].flatten(2)
            first = shown.amin(dim=2) * 101
            shares.append(first / (2 * round(101 * dose / 200)))
        assert torch.allclose(shares[0], shares[1], atol=0.03)


def test_places_elsewhere_are_uniform_around_the_middle() -> None:
    many = elsewhere([torch.Generator().manual_seed(k) for k in range(4000)])
    away = (many - 0.5).abs().amax(dim=1)
    assert away.min() >= AWAY
    assert many.mean(dim=0).sub(0.5).abs().max() < 0.02
    # of the frame between 0.25 and 0.5 the outer part, beyond 0.4, has (1 - 0.64) / 0.75
    assert (away > 0.4).float().mean() == pytest.approx(0.48, abs=0.03)


def test_zoom_and_pad_take_the_same_windows_whoever_else_is_there() -> None:
    images = sample_images(4, 64)
    for crop in (CenterCrop(), CropPad(), RandomCrop()):
        context = replace(names(4), role="control")
        whole = crop(images, context)
        one = torch.tensor([2])
        assert torch.allclose(crop(images[one], context.select(one)), whole[one], atol=1e-6)


def test_foreground_and_background_share_the_image_out() -> None:
    images = sample_images(2, 48)
    masks = {name: torch.zeros(2, 1, 48, 48, dtype=torch.uint8) for name in ("faces", "text")}
    masks["faces"][..., 8:20, 8:20] = 1
    masks["text"][..., 30:34, 4:40] = 1
    context = Context(["a", "b"], masks=masks)
    shown = (masks["faces"] + masks["text"]).expand_as(images) > 0
    front, back = RemoveBackground()(images, context), BackgroundOnly(margin=0.0)(images, context)
    assert torch.equal(front[shown], images[shown])
    assert (front[~shown] == 0.5).all()
    assert torch.equal(back[~shown], images[~shown])
    assert (back - images)[shown].abs().mean() > 0.02
    explicit = {**masks, "background": 1 - masks["faces"] - masks["text"]}
    assert torch.equal(RemoveBackground()(images, Context(["a", "b"], masks=explicit)), front)
