"""Swaps of sharpness, slope, pattern and layout: they reach the donor and spare the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from memlab import Context
from memlab.ablations.frequency_swaps import SwapSharpness, SwapSlope
from memlab.ablations.layout_swaps import SwapLayout
from memlab.ablations.statistics import STATISTICS
from memlab.ablations.swaps import Swap, SwapTexture
from memlab.ablations.texture_swaps import SwapPattern
from memlab.analysis.arrays import read_effects, read_images
from memlab.analysis.quantities import value_quantities
from memlab.imaging.blur import blur_variance, gaussian
from memlab.imaging.colour import luma
from memlab.imaging.colour_moments import moments
from memlab.imaging.colour_transfer import with_colours
from memlab.stats.bootstrap import point
from memlab.synthetic import Style, render, sample
from memlab.types import Donors
from tests.builders.swaps import EVERY, pairs

VALUE_SWAPS: list[Swap] = [
    SwapSharpness(),
    SwapSlope(region="background"),
    SwapSlope(region="figures"),
    SwapPattern(),
    SwapLayout(),
    SwapTexture(region="background"),
]


@pytest.mark.parametrize("swap", VALUE_SWAPS, ids=lambda swap: f"{swap.name}-{swap.region}")
def test_a_larger_dose_comes_nearer_to_the_donor(swap: Swap) -> None:
    images, context = pairs(8)
    before = images.clone()
    statistic = STATISTICS[swap.target]
    left = [float(statistic(swap, images, context, dose).mean()) for dose in (0, 0.4, 1)]
    assert left[0] > left[1] > left[2]
    assert torch.equal(images, before)
    if not isinstance(swap, SwapTexture):  # its round trip is other noise, not the image itself
        back = swap(images, replace(context, role="round-trip"))
        near, far = ((one - images).square().mean() for one in (back, swap(images, context)))
        assert near < far


def sharp_and_blurred(style: Style, variance: float = 0.6) -> tuple[torch.Tensor, torch.Tensor]:
    """Images without blur, and the same images blurred."""
    drawn = [replace(sample(5, index, EVERY, style), blur=0.0) for index in range(12)]
    stack = np.stack([render(latents, 64).image for latents in drawn])
    images = torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 255
    return images, gaussian(images, torch.full((12,), variance)).mul(255).round().div(255)


def test_a_blurred_image_becomes_as_sharp_as_its_donor_and_a_sharp_one_as_blurred() -> None:
    images, blurred = sharp_and_blurred("A")
    ids = [str(number) for number in range(len(images))]
    for own, other in ((images, blurred), (blurred, images)):
        changed = SwapSharpness()(own, Context(ids, donors=Donors(ids, other)))
        colour = (changed - own).mean(dim=(2, 3)).abs()
        assert float(colour.max()) < 0.01
        # nearer to the other version of the same image than the image itself
        assert (changed - other).square().mean() < 0.5 * (own - other).square().mean()


@pytest.mark.parametrize("style", ["A", "B"])
def test_images_that_are_equally_sharp_stay_as_they_are_whatever_they_show(style: Style) -> None:
    images, _ = sharp_and_blurred(style)
    ids = [str(number) for number in range(len(images))]
    donors = Donors(ids, images.roll(1, dims=0))
    for role in ("swap", "round-trip"):
        context = Context(ids, donors=donors, role=role)
        assert torch.equal(SwapSharpness()(images, context), images)


@pytest.mark.parametrize("style", ["A", "B"])
def test_the_blur_is_measured_in_pixels_and_does_not_depend_on_contrast(style: Style) -> None:
    images, blurred = sharp_and_blurred(style, 1.0)
    assert float(blur_variance(images).max()) == 0
    found = blur_variance(blurred)
    assert 0.5 < float(found.mean()) < 1.1
    assert float(found.std()) < 0.3
    dull = blur_variance(0.5 + 0.7 * (blurred - 0.5))
    assert float((dull - found).abs().nanmedian()) < 0.05


def test_an_image_without_edges_has_no_known_blur_and_stays_as_it_is() -> None:
    blurred = sharp_and_blurred("A")[1]
    cloud = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64).contiguous()
    assert blur_variance(cloud).isnan().all()
    for own, other in ((cloud, blurred[:1]), (blurred[:1], cloud)):
        context = Context(["own"], donors=Donors(["other"], other))
        assert torch.equal(SwapSharpness()(own, context), own)


def test_the_round_trip_of_sharpness_undoes_the_filter() -> None:
    images, blurred = sharp_and_blurred("A")
    ids = [str(number) for number in range(len(images))]
    donors = Donors(ids, torch.cat([blurred[:6], images[6:]]))
    mixed = torch.cat([images[:6], blurred[6:]])
    context = Context(ids, donors=donors, role="round-trip")
    back, there = (
        SwapSharpness()(mixed, context),
        SwapSharpness()(mixed, replace(context, role="swap")),
    )
    assert (back - mixed).square().mean() < 0.1 * (there - mixed).square().mean()


def test_a_tilted_spectrum_keeps_chroma_contrast_and_everything_outside_the_region() -> None:
    images, context = pairs(6)
    changed = SwapSlope(region="background")(images, context)
    assert torch.allclose(changed - luma(changed), images - luma(images), atol=1e-5)
    outside = (context.masks["background"] == 0).expand_as(images)
    assert torch.equal(changed[outside], images[outside])
    spreads = [luma(one).flatten(1).std(dim=1) for one in (changed, images)]
    assert torch.allclose(*spreads, rtol=0.1)


def test_a_pattern_comes_in_the_images_own_colours() -> None:
    images, context = pairs(8)
    swap = SwapPattern()
    changed = swap(images, context)
    region = swap.softened(context.masks["background"].float()) > 0.99
    own, new = (moments(one, region.float()) for one in (images, changed))
    assert float((own[0] - new[0]).abs().max()) < 0.03
    sizes = [one[1].diagonal(dim1=1, dim2=2).sum(dim=1).sqrt() for one in (own, new)]
    assert torch.allclose(*sizes, rtol=0.15)
    # SD alone is not contrast: patterns with the same SD have other extremes
    steps = torch.tensor([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    for before, after, inside in zip(luma(images), luma(changed), region, strict=True):
        tones = [one[inside].quantile(steps) for one in (before, after)]
        assert float((tones[0] - tones[1]).abs().max()) < 0.1
        assert float((tones[0] - tones[1]).abs().mean()) < 0.03
    figures = (context.masks["background"] == 0).expand_as(images)
    assert torch.equal(changed[figures], images[figures])


def test_stripes_in_the_colours_of_grain_have_the_extremes_of_grain() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 1, 1, 48, 48, generator=generator)
    light = torch.tensor([1.0, 0.8, 0.6]).view(1, 3, 1, 1)
    grain = ((0.5 + 0.12 * noise[0]) * light).clamp(0, 1)
    stripes = 0.3 + 0.005 * noise[1].expand(1, 3, 48, 48).clone()
    stripes[..., 24:] += 0.2
    everywhere = torch.ones(1, 1, 48, 48)
    made = with_colours(stripes, grain, everywhere)
    parts = torch.tensor([0.005, 0.05, 0.5, 0.95, 0.995])
    extremes = (one.flatten(2).quantile(parts, dim=2) for one in (made, grain))
    assert torch.allclose(*extremes, atol=0.03)
    assert float(made[:, 0, :, :24].max()) <= float(made[:, 0, :, 24:].min())  # still stripes
    flat = torch.full_like(grain, 0.3)
    assert torch.isfinite(with_colours(flat, grain, everywhere)).all()
    assert torch.equal(with_colours(stripes, grain, torch.zeros_like(everywhere)), stripes)


def test_a_figure_takes_the_place_of_the_donors_figure_in_its_own_size() -> None:
    images = torch.full((1, 3, 64, 64), 0.3)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 8:24, 8:16] = 1
    images = torch.where(mask > 0, torch.rand(1, 3, 64, 64) / 2 + 0.5, images)
    inside = torch.zeros_like(mask)
    inside[..., 8:12, 8:16] = 1  # its face, which moves with it
    other = torch.zeros_like(mask)
    other[..., 24:56, 36:52] = 1
    none = torch.zeros_like(mask)
    donors = Donors(["d"], torch.rand(1, 3, 64, 64), {"people": other, "faces": none})
    context = Context(["i"], masks={"people": mask, "faces": inside}, donors=donors, role="swap")
    changed = SwapLayout()(images, context)
    inner = changed[..., 34:46, 42:46], images[..., 10:22, 10:14]  # the border is continued
    assert torch.equal(*inner)
    assert torch.allclose(changed[..., 8:24, 8:16], torch.tensor(0.3), atol=0.01)
    back = SwapLayout()(images, replace(context, role="round-trip"))
    assert torch.equal(back[..., 10:22, 10:14], images[..., 10:22, 10:14])
    assert torch.allclose(back[..., 24:56, 36:52], torch.tensor(0.3), atol=0.01)


def test_an_image_without_figures_has_no_layout_and_stays_as_it_is() -> None:
    images, context = pairs(4)
    none = {name: torch.zeros_like(mask) for name, mask in context.masks.items()}
    alone = replace(context, masks={"faces": none["faces"]})
    assert not SwapLayout().eligible(alone).any()
    assert SwapLayout().absent(alone).all()
    assert torch.equal(SwapLayout()(images, alone), images)


def test_t_of_layout_counts_images_without_figures_as_unchanged() -> None:
    rng = np.random.default_rng(0)
    ids = [str(number) for number in range(40)]
    clean = rng.normal(0.7, 0.1, 40)
    moved = np.where(np.arange(40) < 30, rng.normal(0, 0.05, 40), 0.0)
    rows = pd.DataFrame({"id": ids, "predicted": clean})
    has = np.arange(40) < 30
    table = pd.DataFrame({"id": ids, "draw": 0, "dose": 1.0, "region": "all", "eligible": has})
    table["reason"] = np.where(has, None, "absent")
    swap = table.assign(condition="swap_layout@1:swap", role="swap", predicted=clean - moved)
    back = table.assign(condition="swap_layout@1:round-trip", role="round-trip", predicted=clean)
    (effects,) = read_effects(read_images(rows), pd.concat([swap, back])).values()
    share = point(value_quantities(effects).estimates["variance_share"]).value
    assert share == pytest.approx((moved**2).mean() / (2 * clean.var(ddof=1)))
