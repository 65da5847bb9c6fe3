"""Swaps of palette, saturation and contrast: each moves its own value and spares the others'."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memlab import Context
from memlab.ablations.colour_swaps import SwapPalette, SwapSaturation
from memlab.ablations.contrast_swaps import SwapContrast
from memlab.errors import MemlabError
from memlab.imaging.colour import luma
from memlab.imaging.contrast import contrast
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


@pytest.mark.parametrize("region", ["all", "background"])
def test_light_and_dark_come_with_the_palette_if_asked_for(region: str) -> None:
    images, context = pairs(12)
    assert context.donors is not None
    swap = SwapPalette(region=region, luma="donor")
    changed = swap(images, context)
    mask, (own, theirs) = (
        swap.place.mask(context.masks),
        swap.cores(images, context, context.donors),
    )
    assert torch.allclose(saturation(changed, mask), saturation(images, mask), rtol=0.03)
    wanted = _mean_luma(context.donors.images, theirs)
    before, after = ((_mean_luma(one, own) - wanted).abs().mean() for one in (images, changed))
    assert after < 0.1 * before
    assert torch.allclose(contrast(changed, own), contrast(images, own), rtol=0.05)
    if region == "background":
        figures = context.masks["background"] == 0
        assert torch.equal(changed * figures, images * figures)
    with pytest.raises(MemlabError, match="luma is 'mine'; give own or donor"):
        SwapPalette(luma="mine")  # type: ignore[arg-type]


def _mean_luma(images: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    weights = torch.ones_like(images[:, :1]) if weights is None else weights
    return (weights * luma(images)).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3))


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


@pytest.mark.parametrize("region", ["all", "background", "figures"])
def test_contrast_comes_without_mean_luma_chroma_or_hue(region: str) -> None:
    images, context = pairs(12)
    assert context.donors is not None
    swap = SwapContrast(region=region)
    changed = swap(images, context)
    own, theirs = swap.cores(images, context, context.donors)
    before, after, wanted = (
        contrast(images, own),
        contrast(changed, own),
        contrast(context.donors.images, theirs),
    )
    assert (after - wanted).abs().mean() < 0.05 * (before - wanted).abs().mean()
    assert torch.allclose(changed - luma(changed), images - luma(images), atol=1e-5)
    means = [luma(one).mean(dim=(1, 2, 3)) for one in (changed, images)]
    assert torch.allclose(*means, atol=2e-3)
    if region != "all":
        outside = (swap.place.mask(context.masks) == 0).expand_as(images)
        assert torch.equal(changed[outside], images[outside])


def test_contrast_scales_luma_about_its_own_mean() -> None:
    images, context = pairs(12)
    assert context.donors is not None
    mean = luma(images).mean(dim=(2, 3), keepdim=True)
    dull = images - 0.4 * (luma(images) - mean)  # the same image at .6 of its contrast
    donors = Donors(context.donors.ids, dull, context.donors.masks)
    assert torch.allclose(SwapContrast()(images, replace(context, donors=donors)), dull, atol=1e-3)
    there = replace(context, donors=Donors(context.ids, images, context.masks))
    assert torch.allclose(SwapContrast()(dull, there), images, atol=1e-3)


def test_contrast_is_that_of_the_pixels_that_count_and_a_flat_image_stays_flat() -> None:
    image = torch.full((1, 3, 100, 100), 0.5)
    image[..., 50:, :] = 0.3
    assert contrast(image).item() == pytest.approx(0.1, abs=1e-6)
    upper = torch.zeros(1, 1, 100, 100)
    upper[..., :50, :] = 1
    assert contrast(image, upper).item() == pytest.approx(0, abs=1e-6)
    grey = torch.full_like(image, 0.5)
    flat = SwapContrast()(grey, Context(["flat"], donors=Donors(["edge"], image)))
    assert torch.equal(flat, grey)
