"""Swaps: each reaches its donor's value, leaves what it should, and finds its way back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.fft import dctn
from scipy.linalg import sqrtm
from torch import Tensor
from torch.utils.data import Dataset

import memlab
from memlab import Context, evaluate, plan
from memlab.ablations.statistics import STATISTICS
from memlab.ablations.swaps import (
    Swap,
    SwapBackground,
    SwapFace,
    SwapPalette,
    SwapSpectrum,
    SwapTexture,
)
from memlab.analysis.arrays import ImageEffects, read_images
from memlab.analysis.quantities import value_quantities
from memlab.data.donors import DonorList
from memlab.errors import MemlabError
from memlab.imaging import grain, palette, plates, spectrum
from memlab.imaging.colour import luma
from memlab.imaging.push_pull import spread
from memlab.synthetic import Style, World, render, sample
from memlab.types import Donors, Sample

SWAPS: list[type[Swap]] = [SwapBackground, SwapFace, SwapPalette, SwapSpectrum, SwapTexture]
EVERY = World(name="every", weights={"face": 1.0}, prevalence={"face": 0.95})
"""Almost every image has a face, so that few have to be drawn."""


def synthetic(n: int, seed: int, style: Style = "A") -> tuple[Tensor, dict[str, Tensor]]:
    drawn = [render(sample(seed, index, EVERY, style), 64) for index in range(n)]
    images = torch.stack([torch.from_numpy(one.image) for one in drawn]).permute(0, 3, 1, 2)
    masks = {
        region: torch.from_numpy(np.stack([one.masks[region] for one in drawn]))[:, None].byte()
        for region in ("faces", "background")
    }
    return images.float() / 255, masks


def pairs(n: int, style: Style = "A", height: int = 64) -> tuple[Tensor, Context]:
    """Images and their donors; all have faces and a background."""
    (images, masks), (donors, donated) = synthetic(n, 5, style), synthetic(n, 6, style)
    context = Context(
        [f"image-{k}" for k in range(n)],
        seed=3,
        masks={name: mask[..., :height, :] for name, mask in masks.items()},
        role="swap",
        donors=Donors(
            [f"donor-{k}" for k in range(n)],
            donors[..., :height, :],
            {name: mask[..., :height, :] for name, mask in donated.items()},
        ),
    )
    images = images[..., :height, :]
    able = (SwapFace().eligible(context) & SwapBackground().eligible(context)).nonzero().flatten()
    return images[able], context.select(able)


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
        assert (left / whole).median() < 0.1


@pytest.mark.parametrize("cls", [SwapBackground, SwapFace, SwapPalette, SwapSpectrum])
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


@pytest.mark.parametrize("cls", [SwapBackground, SwapFace, SwapPalette, SwapSpectrum])
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


def test_palettes_move_by_the_optimal_map() -> None:
    generator = torch.Generator().manual_seed(1)
    mix = torch.tensor([[0.03, 0.0, 0.01], [0.01, 0.02, 0.0], [0.0, 0.01, 0.03]])
    images, donors = (
        0.5 + torch.einsum("ij,bjhw->bihw", m, torch.randn(1, 3, 40, 50, generator=generator))
        for m in (mix, 1.5 * mix.T)
    )
    (_, own), (_, other) = (palette.palette(one) for one in (images, donors))
    c, d = (one[0].double().numpy() for one in (own, other))
    root = sqrtm(c).real
    inner = sqrtm(root @ d @ root).real
    wanted = np.linalg.inv(root) @ inner @ np.linalg.inv(root)
    found = palette._transport(own, other)[0].double().numpy()
    assert np.abs(found - wanted).max() < 0.01 * np.abs(wanted).max()
    changed = palette.swap_palette(images, donors)
    for got, goal in zip(palette.palette(changed), palette.palette(donors), strict=True):
        assert torch.allclose(got, goal, atol=1e-5)
    means = [palette.palette(one)[0][0].double().numpy() for one in (images, donors)]
    square = ((means[0] - means[1]) ** 2).sum() + np.trace(c + d - 2 * inner)
    assert palette.palette_distance(images, donors).item() == pytest.approx(square**0.5, rel=1e-3)


def test_grey_images_and_grey_donors_have_palettes() -> None:
    images, _ = pairs(6)
    grey = luma(images).expand_as(images).contiguous()
    tinted = palette.swap_palette(grey, images)
    assert torch.isfinite(tinted).all()
    assert torch.allclose(luma(tinted), luma(grey), atol=1e-5)
    assert palette.palette_distance(palette.swap_palette(images, grey), grey).max() < 0.01
    flat = torch.full_like(images, 0.5)
    for cls in (SwapPalette, SwapSpectrum, SwapTexture):
        context = Context(list("abcdef"), donors=Donors(list("uvwxyz"), flat))
        for given, donated in ((flat, images), (images, flat), (flat, flat)):
            changed = cls()(given, replace(context, donors=Donors(list("uvwxyz"), donated)))
            assert torch.isfinite(changed).all()
    assert torch.allclose(SwapPalette()(flat, context), flat, atol=1e-5)


def test_spectra_are_scaled_without_turning_a_wave() -> None:
    across = torch.arange(64).view(1, 1, 1, -1).expand(1, 1, 64, 64)
    waves = 0.5 + 0.05 * torch.cos(torch.pi / 64 * 12 * (across + 0.5))
    images = waves.expand(1, 3, 64, 64)
    coefficients = spectrum.cosine_transform(luma(images))[0, 0].double().numpy()
    assert np.abs(coefficients - dctn(luma(images)[0, 0].double().numpy(), norm="ortho")).max() < (
        1e-4
    )
    donors = 0.5 + 3 * (images.mT - 0.5)  # the same wave, three times as high, the other way
    changed = spectrum.swap_spectrum(images, donors)
    assert torch.allclose(changed - 0.5, 3 * (images - 0.5), atol=1e-3)
    energies = spectrum.band_energies(luma(images))
    variance = luma(images).var(dim=(1, 2, 3), correction=0)
    assert torch.allclose(energies.sum(dim=1), variance, rtol=1e-4)


def test_noise_has_the_amplitudes_and_colour_of_its_pattern() -> None:
    images, _ = pairs(3)
    pattern = images - images.mean(dim=(2, 3), keepdim=True)
    generators = [torch.Generator().manual_seed(k) for k in range(len(pattern))]
    noise = grain.noise_like(pattern, generators)
    found, wanted = (torch.fft.rfft2(one).abs() for one in (noise, pattern))
    assert torch.allclose(found, wanted, atol=1e-3)
    correlations = [torch.corrcoef(one[0].flatten(1)) for one in (noise, pattern)]
    assert torch.allclose(*correlations, atol=1e-4)


def test_a_fill_keeps_what_is_known_and_continues_it() -> None:
    ramp = torch.linspace(0, 1, 40).view(1, 1, 1, -1).expand(1, 3, 30, 40).contiguous()
    known = torch.ones(1, 1, 30, 40)
    known[..., 10:20, 15:25] = 0
    hidden = (ramp * known).contiguous()
    filled = spread(hidden, known)
    kept = known.expand_as(ramp) > 0
    assert torch.equal(filled[kept], ramp[kept])
    assert float((filled - ramp).abs().max()) < 0.15


def test_the_largest_face_is_taken_and_donors_without_one_are_not() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 2:6, 2:6] = mask[..., 10:30, 10:28] = 1
    largest = plates.largest_part(mask)
    assert largest.sum() == 20 * 18
    assert largest[..., :8, :8].sum() == 0
    images, context = pairs(4)
    donors = context.donors
    assert donors is not None
    empty = donors.masks["faces"].clone()
    empty[1] = 0
    lacking = replace(context, donors=replace(donors, masks={"faces": empty}))
    wanted = torch.ones(len(images), dtype=torch.bool)
    wanted[1] = False
    assert torch.equal(SwapFace().eligible(lacking), wanted)
    assert not SwapFace().eligible(replace(context, donors=None)).any()
    with pytest.raises(MemlabError, match="swap_palette: no donors given"):
        SwapPalette()(images, replace(context, donors=None))


class DonorImages(Dataset[Sample]):
    """Donors as a data set gives them."""

    def __init__(self, images: Tensor, masks: dict[str, Tensor]) -> None:
        self.images, self.masks = (images * 255).round().byte(), masks

    def __getitem__(self, place: int) -> Sample:
        masks = {name: mask[place] for name, mask in self.masks.items()}
        return {  # type: ignore[typeddict-item]
            "image": self.images[place],
            "id": f"d{place}",
            "error": "",
            "masks": masks,
        }


@pytest.mark.parametrize("style", ["A", "B"])
@pytest.mark.parametrize(
    ("name", "moved", "spared"),
    [
        ("white_box_redness", ["swap_palette"], ["swap_spectrum", "swap_texture"]),
        ("white_box_high_frequency", ["swap_spectrum", "swap_texture"], ["swap_palette"]),
        (
            "white_box_face_luminance",
            ["swap_face"],
            ["swap_palette", "swap_background", "swap_texture"],
        ),
    ],
)
def test_t_tells_what_a_white_box_model_reads(
    name: str, moved: list[str], spared: list[str], style: Style
) -> None:
    (images, masks), (donors, donated) = synthetic(60, 5, style), synthetic(70, 6, style)
    ids = [str(k) for k in range(60)]
    having = {
        region: mask.flatten(1).any(dim=1).nonzero().flatten().tolist()
        for region, mask in donated.items()
    }
    given = DonorList(DonorImages(donors, donated), having, 70, ids)
    context = Context(ids, 1, masks=masks)
    model = memlab.load(name)
    clean = model.scores(images, context).numpy().astype(float)
    photos = read_images(pd.DataFrame({"id": ids, "predicted": clean}))
    swaps = [swap for swap in (cls() for cls in SWAPS) if swap.name in moved + spared]
    drops: dict[str, dict[str, list[np.ndarray]]] = {}
    for one in evaluate(model.scores, images, context, plan(swaps, controls=2), donors=given):
        roles = drops.setdefault(one.condition.ablation.name, {})
        roles.setdefault(one.condition.role, []).append(clean - one.predicted.numpy())
    for swap, roles in drops.items():
        columns = {role: np.stack(values, axis=1) for role, values in roles.items()}
        total = value_quantities(ImageEffects(swap, 1.0, photos, columns)).estimates[
            "variance_share"
        ]
        found = float(total.of(total.columns.mean(axis=0)))
        assert found > 0.05 if swap in moved else abs(found) < 0.00125, swap
