"""What swaps are made of: palettes, spectra, grain, fills, largest faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from scipy.linalg import sqrtm

from memlab import Context
from memlab.ablations.colour_swaps import SwapPalette, SwapSaturation
from memlab.ablations.swaps import (
    SwapFace,
    SwapSpectrum,
    SwapTexture,
)
from memlab.errors import MemlabError
from memlab.imaging import grain, palette, plates, spectrum
from memlab.imaging.colour import luma
from memlab.imaging.push_pull import spread
from memlab.imaging.saturation import saturation, swap_saturation
from memlab.types import Donors
from tests.builders.swaps import pairs


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
    # the donor's palette at the image's own mean chroma
    amount, donated = saturation(images), saturation(donors)
    assert torch.allclose(saturation(changed), amount, rtol=1e-4)
    scale = float(amount / donated)
    mean, covariance = palette.palette(changed)
    assert torch.allclose(mean, scale * palette.palette(donors)[0], atol=1e-4)
    assert torch.allclose(covariance, scale**2 * other, rtol=0.02, atol=1e-5)
    means = [palette.palette(one)[0][0].double().numpy() for one in (images, donors)]
    means[1], d, inner = scale * means[1], scale**2 * d, scale * inner
    square = (((means[0] - means[1]) ** 2).sum() + np.trace(c + d - 2 * inner)) / float(amount) ** 2
    assert palette.palette_distance(images, donors).item() == pytest.approx(square**0.5, rel=1e-3)


def test_grey_images_stay_grey_and_grey_donors_have_no_palette() -> None:
    images, _ = pairs(6)
    grey = luma(images).expand_as(images).contiguous()
    for swap in (palette.swap_palette, swap_saturation):
        assert torch.allclose(swap(grey, images), grey, atol=1e-4)
    assert torch.allclose(swap_saturation(images, grey), grey, atol=1e-4)
    context = Context(list("abcdef"), donors=Donors(list("uvwxyz"), grey))
    assert not SwapPalette().eligible(context).any()
    assert SwapSaturation().eligible(context).all()
    assert torch.isfinite(palette.swap_palette(images, grey)).all()
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
