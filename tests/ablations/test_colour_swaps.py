"""Swaps of palette, saturation and contrast: each moves its own value and spares the others'."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memlab import Context
from memlab.ablations.colour_swaps import SwapPalette, SwapSaturation
from memlab.ablations.contrast_swaps import SwapContrast
from memlab.imaging.colour import luma
from memlab.imaging.contrast import tonal_range
from memlab.imaging.palette import palette_distance
from memlab.imaging.saturation import saturation
from memlab.types import Donors
from tests.builders.swaps import pairs


@pytest.mark.parametrize("region", ["all", "background", "figures"])
def test_a_palette_comes_without_the_donors_saturation(region: str) -> None:
    images, context = pairs(12)
    swap = SwapPalette(region=region)
    mask = swap.place.mask(context.masks)
    for dose in (0.5, 1.0):  # half way between two hues is paler, and is corrected
        changed = swap(images, context, dose)
        assert torch.allclose(saturation(changed, mask), saturation(images, mask), rtol=1e-3)
        assert torch.allclose(luma(changed), luma(images), atol=1e-5)


def test_all_of_the_colour_comes_if_asked_for() -> None:
    images, context = pairs(12)
    assert context.donors is not None
    donated = saturation(context.donors.images)
    changed = SwapPalette(chroma="donor")(images, context)
    own = saturation(images)
    left = (saturation(changed) - donated).abs().sum() / (own - donated).abs().sum()
    assert left < 0.25
    # a grey image is tinted, and a grey donor makes grey
    grey = luma(images).expand_as(images).contiguous()
    assert saturation(SwapPalette(chroma="donor")(grey, context)).min() > 0.01
    pale = replace(context, donors=Donors(context.donors.ids, grey, context.donors.masks))
    assert SwapPalette(chroma="donor").eligible(pale).all()
    assert saturation(SwapPalette(chroma="donor")(images, pale)).max() < 0.01


def test_saturation_moves_neither_hue_nor_luma() -> None:
    images, context = pairs(12)
    assert context.donors is not None
    changed = SwapSaturation()(images, context)
    assert torch.allclose(saturation(changed), saturation(context.donors.images), rtol=0.02)
    assert torch.allclose(luma(changed), luma(images), atol=1e-5)
    before, after = (one - luma(one) for one in (images, changed))
    product = (before * after).sum(dim=1)
    assert torch.allclose(product, before.norm(dim=1) * after.norm(dim=1), atol=1e-4)
    # without colours at the border of the gamut, the palette stays as it is
    pale = images.lerp(luma(images).expand_as(images), 0.7)
    less = replace(context, donors=replace(context.donors, images=pale))
    assert palette_distance(SwapSaturation()(images, less), images).max() < 1e-3


def test_contrast_scales_all_channels_about_mid_grey() -> None:
    images, context = pairs(12)
    assert context.donors is not None
    flat = 0.5 + 0.6 * (images - 0.5)
    donors = Donors(context.donors.ids, flat, context.donors.masks)
    changed = SwapContrast()(images, replace(context, donors=donors))
    assert torch.allclose(changed, flat, atol=1e-5)  # the same image at .6 of its contrast
    there = replace(context, donors=Donors(context.ids, images, context.masks))
    assert torch.allclose(SwapContrast()(flat, there), images, atol=1e-5)
    swapped = SwapContrast()(images, context)
    assert torch.allclose(tonal_range(swapped), tonal_range(context.donors.images), atol=0.01)


def test_the_tonal_range_is_that_of_the_pixels_that_count() -> None:
    image = torch.full((1, 3, 100, 100), 0.5)
    image[..., 0, :2] = 1.0  # .02 % of the pixels
    image[..., 50:, :] = 0.3
    assert tonal_range(image).item() == pytest.approx(0.2, abs=1e-6)
    upper = torch.zeros(1, 1, 100, 100)
    upper[..., 1:50, :] = 1
    assert tonal_range(image, upper).item() == pytest.approx(0, abs=1e-6)
    flat = SwapContrast()(
        torch.full_like(image, 0.5), Context(["flat"], donors=Donors(["edge"], image))
    )
    assert torch.equal(flat, torch.full_like(image, 0.5))
