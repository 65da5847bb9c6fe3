"""Swaps: each reaches its donor's value, leaves what it should, and finds its way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memlab import Context
from memlab.ablations.colour_swaps import SwapPalette, SwapSaturation
from memlab.ablations.contrast_swaps import SwapContrast
from memlab.ablations.statistics import STATISTICS
from memlab.ablations.swaps import (
    Swap,
    SwapBackground,
    SwapFace,
    SwapSpectrum,
    SwapTexture,
)
from memlab.imaging import grain
from memlab.imaging.colour import luma
from memlab.synthetic import Style
from memlab.types import Donors
from tests.builders.swaps import SWAPS, pairs


@pytest.mark.slow
@pytest.mark.parametrize("cls", SWAPS)
@pytest.mark.parametrize("height", [64, 48])
def test_the_laws_hold(cls: type[Swap], height: int) -> None:
    swap = cls()
    images, context = pairs(8, height=height)
    before = images.clone()
    assert len(images) >= 4
    assert torch.equal(swap(images, context, 0), images)
    statistic = STATISTICS[swap.target]
    last = statistic(swap, images, context, 0).mean()
    for dose in swap.ladder:
        for role in ("swap", "round-trip"):
            known = replace(context, role=role)  # type: ignore[arg-type]
            changed = swap(images, known, dose)
            assert changed.shape == images.shape
            assert changed.dtype == images.dtype
            assert float(changed.min()) >= 0
            assert float(changed.max()) <= 1
            assert torch.equal(swap(images, known, dose), changed)
            backwards = torch.arange(len(images) - 1, -1, -1)
            turned = swap(images[backwards], known.select(backwards), dose)
            assert torch.allclose(turned[backwards], changed, atol=1e-5)
            one = torch.tensor([1])
            alone = swap(images[one], known.select(one), dose)
            assert torch.allclose(alone, changed[one], atol=1e-5)
        now = statistic(swap, images, context, dose).mean()
        assert now < last
        last = now
    assert torch.equal(images, before)


def test_only_noise_depends_on_the_draw_and_never_on_the_dose() -> None:
    images, context = pairs(4)
    for cls in SWAPS:
        first, second = (cls()(images, replace(context, draw=draw)) for draw in (0, 1))
        random = cls in (SwapTexture, SwapBackground)
        assert torch.equal(first, second) is not random, cls.__name__
    # one field of noise for all doses: half of its energy is √½ of it
    donors, base = context.donors, grain.smooth_base(luma(images))
    assert donors is not None
    own = luma(images) - base
    whole, half = (luma(SwapTexture()(images, context, dose)) - base for dose in (1.0, 0.5))
    assert torch.allclose(half, 0.5**0.5 * (whole + own), atol=0.2)
    assert float((half - 0.5**0.5 * (whole + own)).abs().median()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("style", ["A", "B"])
@pytest.mark.parametrize("cls", SWAPS)
def test_a_swap_reaches_its_donor(cls: type[Swap], style: Style) -> None:
    swap = cls()
    images, context = pairs(40, style)
    statistic = STATISTICS[swap.target]
    left, whole = (statistic(swap, images, context, dose) for dose in (1.0, 0.0))
    assert whole.median() > 0.05
    if cls in (SwapSpectrum, SwapTexture):
        assert (left < 0.1).float().mean() >= 0.9  # these are relative to the donor's amplitudes
    else:
        # at the own mean chroma, saturated hues of the donor may not fit the gamut
        limit = 0.15 if cls is SwapPalette else 0.1
        assert (left / whole.clamp(min=1e-3)).median() < limit


@pytest.mark.parametrize(
    "cls", [SwapBackground, SwapContrast, SwapFace, SwapPalette, SwapSaturation, SwapSpectrum]
)
def test_a_image_that_lends_to_itself_stays_as_it_is(cls: type[Swap]) -> None:
    images, context = pairs(8)
    own = replace(context, donors=Donors(context.ids, images, context.masks))
    assert float((cls()(images, own) - images).abs().max()) < 1e-4


@pytest.mark.parametrize("cls", SWAPS)
def test_the_round_trip_is_near_the_image(cls: type[Swap]) -> None:
    images, context = pairs(20)
    there = cls()(images, context)
    back = cls()(images, replace(context, role="round-trip"))
    far, near = ((one - images).square().mean(dim=(1, 2, 3)).sqrt() for one in (there, back))
    if cls is SwapTexture:  # other noise than its own grain
        statistic = grain.texture_distance
        assert statistic(back, images).median() < 0.1
        assert not torch.allclose(back, images, atol=0.05)
    else:
        assert near.median() < 0.25 * far.median()


@pytest.mark.slow
def test_the_way_back_of_a_texture_differs_from_the_swap_in_the_grain_alone() -> None:
    images, context = pairs(30)
    swap = SwapTexture()
    there, back = (swap(images, replace(context, role=role)) for role in ("swap", "round-trip"))  # type: ignore[arg-type]
    far, near = ((one - images).square().mean().sqrt() for one in (there, back))
    assert near < far
    own = replace(context, donors=Donors(context.ids, images, context.masks))
    for role in ("swap", "round-trip"):  # with itself as donor, they are one
        other = swap(images, replace(own, role=role))  # type: ignore[arg-type]
        assert grain.texture_distance(other, images).median() < 0.1
        if role == "swap":
            first = other
    assert torch.allclose(first, other, atol=1e-6)


def test_edges_stay_under_other_grain() -> None:
    across = torch.arange(64).view(1, 1, 1, -1).expand(1, 3, 64, 64)
    step = torch.where(across < 32, 0.1, 0.9)
    donors = 0.5 + 0.04 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    context = Context(["step"], donors=Donors(["noise"], donors.clamp(0, 1)))
    changed = luma(SwapTexture()(step, context))
    height = changed[..., 33].mean() - changed[..., 30].mean()
    assert height > 0.9 * 0.8
    assert grain.texture_distance(changed.expand_as(donors), donors) < 0.1


@pytest.mark.parametrize(
    "cls", [SwapBackground, SwapContrast, SwapFace, SwapPalette, SwapSaturation, SwapSpectrum]
)
@pytest.mark.parametrize("dose", [0.2, 0.5])
def test_nothing_of_the_donor_is_left_on_the_way_back_at_lower_doses(
    cls: type[Swap], dose: float
) -> None:
    images, context = pairs(20)
    there = cls()(images, context)
    back = cls()(images, replace(context, role="round-trip"), dose)
    # what is left at full dose is what the way does to the image, whatever the donor
    full = cls()(images, replace(context, role="round-trip"))
    far, near, own = (
        (one - images).square().mean(dim=(1, 2, 3)).sqrt() for one in (there, back, full)
    )
    assert (near <= own + 0.02 * far).all()


def test_inpainting_a_donors_figures_counts_on_the_way_back_too() -> None:
    images, context = pairs(12)
    own = context.masks["background"]
    donated = own.clone()
    donated[..., 20:44, 8:32] = 0  # labelled as a figure; the image donates to itself
    donors = Donors(context.ids, images, {"background": donated})
    there, back = (
        SwapBackground()(images, replace(context, donors=donors, role=role))
        for role in ("swap", "round-trip")
    )
    one, other = (float((made - images).square().mean()) for made in (there, back))
    assert one > 1e-3
    assert abs(one - other) < 0.2 * one
    # figures that together hide all background: the image's own are inpainted alone
    none = Donors(context.ids, images, {"background": (own == 0).byte()})
    hidden = replace(context, donors=none, role="round-trip")
    assert SwapBackground()(images, hidden).isfinite().all()


def test_luma_is_kept_by_palettes_and_chroma_by_spectra_and_textures() -> None:
    images, context = pairs(12)
    changed = SwapPalette()(images, context)
    assert torch.allclose(luma(changed), luma(images), atol=1e-5)
    for cls in (SwapSpectrum, SwapTexture):
        changed = cls()(images, context)
        assert torch.allclose(changed - luma(changed), images - luma(images), atol=1e-5)
        assert (luma(changed) - luma(images)).abs().max() > 0.05
        means = (luma(one).mean(dim=(1, 2, 3)) for one in (changed, images))
        assert torch.allclose(*means, atol=0.01)


def test_nothing_changes_outside_a_swapped_face_or_in_front_of_a_swapped_background() -> None:
    images, context = pairs(12)
    face = SwapFace()(images, context)
    outside = (context.masks["faces"] == 0).expand_as(images)
    assert torch.equal(face[outside], images[outside])
    background = SwapBackground()(images, context)
    figures = (context.masks["background"] == 0).expand_as(images)
    assert torch.equal(background[figures], images[figures])
