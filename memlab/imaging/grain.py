"""Grain: the fine pattern of an image without its edges, and noise with the same spectrum."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from memlab.imaging.band_gains import LOG_GAIN, fit_gains, log_amplitudes
from memlab.imaging.colour import luma
from memlab.imaging.morphology import pixels_of
from memlab.imaging.push_pull import spread
from memlab.imaging.spectrum import luma_room
from memlab.imaging.windows import window_sums

RADIUS = 2.0
"""Radius of the windows in which a base is smooth, % of the width."""
EDGE = 0.15
"""SD of luma in a window, in units of the pixel range, above which the window counts as an edge.

At 0.05, 0.1, 0.15, 0.2, 0.3 and 0.4 the base keeps 96, 78, 57, 40, 20 and 12 % of the slope of the
strongest 5 % of edges in 60 photographs. A lower value leaves more grain in the base, and fewer
donors' energies can be reached."""
BANDS = 2
"""Bands per octave."""
FAINT = (0.5 / 255) ** 2
"""Energy added to each band: an SD of half a grey level of 256, which is invisible."""
ROOM = 0.5
"""Share of the donor's energy in a band that the base may have; the noise supplies the rest."""
SOFTENINGS = 4
"""Number of passes that soften the base in bands above `ROOM`."""
STEPS = 3
"""Corrections of the noise for the effects of the base and the gamut."""


def smooth_base(grey: Tensor) -> Tensor:
    """Return luma without its grain: smooth inside surfaces, with edges kept.

    The filter is a guided filter (He, Sun and Tang 2013) that uses the image as its own guide. Its
    slope is nearer to 0 below the threshold and nearer to 1 above than in the paper; see
    `texture.smooth_texture`.

    Args:
        grey: (B, 1, H, W).
    """
    mean = _window_means(grey)
    variance = (_window_means(grey.square()) - mean.square()).clamp(min=0)
    ratio = (variance / EDGE**2).square()
    slope = ratio / (1 + ratio)
    return torch.addcmul(_window_means((1 - slope) * mean), _window_means(slope), grey)


def grain_energies(grey: Tensor) -> Tensor:
    """Return the energy of the grain of luma (B, 1, H, W) in half-octave radial bands: (B, K).

    Energies are mean squares over pixels. The wavelength of the lowest band is three windows; the
    highest band ends at the Nyquist frequency.
    """
    return _energies(_spectrum(grey - smooth_base(grey)), _bands_of(grey))


def texture_distance(
    images: Tensor, donors: Tensor, own: Tensor | None = None, theirs: Tensor | None = None
) -> Tensor:
    """Return the distance of the grains of two images: (B,).

    The distance is the root mean square, over bands, of the logarithm of the amplitude ratio: 0.1
    is 10 %. `FAINT` is added to all energies.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        own: (B, 1, H, W) of 0 and 1, the pixels of the images that count; None for all.
        theirs: (B, 1, H, W) of 0 and 1, those of the donors.
    """
    found, wanted = (
        grain_energies(_within(luma(photos), region)) / _share(region)
        for photos, region in ((images, own), (donors, theirs))
    )
    return log_amplitudes(found, wanted, FAINT).square().mean(dim=1).sqrt()


def noise_like(pattern: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Return noise with the amplitude spectrum of a pattern and random phases.

    Args:
        pattern: (B, C, H, W).
        generators: CPU generators, one per image.

    Returns:
        (B, C, H, W) with mean 0. Variances and correlations of the channels equal those of the
        pattern, because all channels have the same phases.
    """
    spectrum = torch.fft.rfft2(pattern) * _turns(pattern, generators)
    noise: Tensor = torch.fft.irfft2(spectrum, s=pattern.shape[-2:])
    return noise


def swap_texture(
    images: Tensor,
    donors: Tensor,
    generators: Sequence[torch.Generator],
    share: float,
    back: bool = False,
    own: Tensor | None = None,
    theirs: Tensor | None = None,
) -> Tensor:
    """Replace the grain of images by noise like the donors' grain.

    The noise has the amplitude spectrum of the donor's grain and random phases. Its bands are
    scaled until the measured grain of the result has the donor's energies. The noise covers the
    image evenly. Chroma and the base stay, except in bands where the edges alone have as much
    energy as the donor's grain: there the base is softened.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
        generators: CPU generators, one per image.
        share: share of the energy that comes from the noise, 0 to 1; the rest is the image's own
            grain.
        back: whether to make the control: noise like the image's own grain, with the same phases,
            on the same base.
        own: (B, 1, H, W) of 0 and 1, the pixels of the images that count; None for all.
        theirs: (B, 1, H, W) of 0 and 1, those of the donors.

    Returns:
        (B, 3, H, W) in [0, 1]; undefined outside `own`.
    """
    whole = luma(images)
    grey, given = _within(whole, own), _within(luma(donors), theirs)
    size, donated = _share(own), _share(theirs)
    bands, room = _bands_of(grey), luma_room(images)
    base, coarse = smooth_base(torch.cat([grey, given])).chunk(2)
    grain = _spectrum(given - coarse)
    wanted = _energies(grain, bands) / donated
    soft = base
    for _ in range(SOFTENINGS):
        left = _spectrum(soft - smooth_base(soft))  # edges, and grain as strong as edges
        there = _energies(left, bands) / size
        kept = (ROOM * (wanted + FAINT) / (there + FAINT)).clamp(max=1)
        soft = soft + _inverse(_scaled(left, kept - 1, bands), grey)
    if back:
        grain = _spectrum(grey - base)
        wanted = _energies(grain, bands) / size
    pattern = grain.abs() * _turns(grey, generators)
    edges = grain_energies(soft) / size
    short = (wanted - edges).clamp(min=0)
    gains = log_amplitudes(short, _energies(pattern, bands), FAINT).clamp(max=LOG_GAIN)

    def made(gains: Tensor, shift: Tensor) -> Tensor:
        noise = _inverse(_scaled(pattern, gains.exp(), bands), grey)
        return (soft + shift + noise).clamp(*room)

    def missing(found: Tensor) -> Tensor:
        laid = (grain_energies(found) - edges * size).clamp(min=0)
        return log_amplitudes(short, laid, FAINT).clamp(-1, 1)

    grained = fit_gains(gains, grey, made, missing, STEPS)
    mixed = base + (1 - share) ** 0.5 * (grey - base) + share**0.5 * (grained - base)
    changed: Tensor = images - whole + mixed.clamp(*room)
    return changed


def _within(grey: Tensor, region: Tensor | None) -> Tensor:
    """Return luma that continues smoothly outside a region, where it has no grain."""
    return grey if region is None else spread(grey, region.to(grey))


def _share(region: Tensor | None) -> Tensor | float:
    """Return the share of the image that a region covers: (B, 1); 1 for whole images."""
    return 1.0 if region is None else region.float().mean(dim=(2, 3)).clamp(min=1e-3)


def _turns(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Return random phases for `rfft2` as complex numbers of modulus 1, and 0 for the mean.

    The phases are those of real noise, so that conjugate coefficients match.
    """
    white = [torch.randn(1, *like.shape[-2:], generator=one) for one in generators]
    noise = torch.fft.rfft2(torch.stack(white).to(like))
    turns: Tensor = noise / noise.abs().clamp(min=1e-12)
    turns[..., 0, 0] = 0
    return turns


def _scaled(spectrum: Tensor, factors: Tensor, bands: Tensor) -> Tensor:
    """Return a spectrum, (B, 1, H, W // 2 + 1), times a factor per band, (B, K)."""
    return spectrum * (factors @ bands.mT).view(spectrum.shape)


def _spectrum(field: Tensor) -> Tensor:
    spectrum: Tensor = torch.fft.rfft2(field, norm="forward")
    return spectrum


def _inverse(spectrum: Tensor, like: Tensor) -> Tensor:
    field: Tensor = torch.fft.irfft2(spectrum, s=like.shape[-2:], norm="forward")
    return field


def _energies(spectrum: Tensor, bands: Tensor) -> Tensor:
    """Return mean squares over pixels per band, (B, K), from `rfft2` scaled by 1 / (H · W)."""
    squares = torch.view_as_real(spectrum).square().sum(dim=-1)
    # all columns except the first also represent their conjugates; the last column of an even
    # width does not, but its energy is negligible
    squares = torch.cat([squares[..., :1], 2 * squares[..., 1:]], dim=-1)
    return squares.flatten(1) @ bands


def _bands_of(grey: Tensor) -> Tensor:
    """Return the share of each `rfft2` coefficient in each band: (H · (W // 2 + 1), K)."""
    height, width = grey.shape[-2:]
    return _radial_bands(height, width, 3 * (2 * _radius(width) + 1)).to(grey)


@functools.lru_cache(maxsize=2)
def _radial_bands(height: int, width: int, longest: int) -> Tensor:
    """Return bands of half an octave, from a wavelength of `longest` pixels: (H · (W // 2 + 1), K).

    Bands overlap: a frequency between two centres contributes a share to each.
    """
    with torch.inference_mode(False):  # the cached tensor may be used with gradients later
        down, across = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
        radius = torch.hypot(down[:, None], across).flatten().clamp(min=1e-6)
        place = BANDS * (radius * longest).log2()
        last = max(0, math.floor(BANDS * math.log2(longest / 2)))  # up to the Nyquist frequency
        centres = torch.arange(last + 1)
        return (1 - (place.clamp(max=last)[:, None] - centres).abs()).clamp(min=0)


def _window_means(grey: Tensor) -> Tensor:
    """Return means over square windows; edge pixels are repeated outwards: (B, C, H, W)."""
    radius = _radius(grey.shape[-1])
    size = 2 * radius + 1
    return window_sums(pad(grey, (radius,) * 4, mode="replicate"), size) / size**2


def _radius(width: int) -> int:
    return pixels_of(RADIUS, width) or 1
