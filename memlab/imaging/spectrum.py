"""Radial spectrum of luma: energy per frequency band, over all directions.

Spectra use the cosine transform, which is the spectrum of the image mirrored at its edges and has
no discontinuity at the edge. Scaling its coefficients by radius is a zero-phase filter.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memlab.imaging.band_gains import LOG_GAIN, fit_gains, log_amplitudes
from memlab.imaging.colour import luma

BANDS = 2
"""Bands per octave."""
STEPS = 5
"""Corrections of the bands' gains for clipping to the gamut."""
FLOOR = 1e-7
"""Energy added to each band: well below that of rounding to 256 grey levels."""


def band_energies(grey: Tensor) -> Tensor:
    """Return the energy of luma in radial bands of half an octave.

    Args:
        grey: (B, 1, H, W).

    Returns:
        (B, K): mean squares over pixels, without the mean of the image. The sum is the variance of
        luma. Bands overlap: a frequency between two centres contributes a share to each.
    """
    return energies(cosine_transform(grey), radial_bands(grey))


def spectrum_distance(images: Tensor, donors: Tensor) -> Tensor:
    """Return the distance of two images' radial spectra of luma: (B,).

    The distance is the root mean square, over bands, of the logarithm of the amplitude ratio: 0.1
    is 10 %.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].
    """
    return log_ratio(band_energies(luma(images)), band_energies(luma(donors)))


def log_ratio(found: Tensor, wanted: Tensor) -> Tensor:
    """Return the root mean square log ratio of the amplitudes of (B, K) energies: (B,)."""
    return log_amplitudes(found, wanted, FLOOR).square().mean(dim=1).sqrt()


def swap_spectrum(images: Tensor, donors: Tensor) -> Tensor:
    """Replace the radial spectrum of the images' luma by the donors'.

    The amplitude of each band is scaled. Phase, the balance of directions, mean luma and chroma
    stay. Luma is clipped where the pixel's chroma leaves no room, and the gains are corrected for
    the clipping.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: (B, 3, H, W) in [0, 1].

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    grey, room = luma(images), luma_room(images)
    mean = grey.mean(dim=(2, 3), keepdim=True)
    wanted, bands = band_energies(luma(donors)), radial_bands(grey)
    coefficients = cosine_transform(grey)
    gains = log_amplitudes(wanted, energies(coefficients, bands), FLOOR)

    def made(gains: Tensor, shift: Tensor) -> Tensor:
        scale = (gains.clamp(max=LOG_GAIN) @ bands.mT).exp().view_as(coefficients)
        pattern = _without_mean(scale * coefficients)
        return (mean + shift + cosine_transform(pattern, inverse=True)).clamp(*room)

    def missing(found: Tensor) -> Tensor:
        return log_amplitudes(wanted, band_energies(found), FLOOR)

    return images - grey + fit_gains(gains, grey, made, missing, STEPS, -2 * LOG_GAIN)


def luma_room(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest luma that each pixel's chroma allows: (B, 1, H, W) each."""
    offsets = images - luma(images)
    return -offsets.amin(dim=1, keepdim=True), 1 - offsets.amax(dim=1, keepdim=True)


def cosine_transform(grey: Tensor, inverse: bool = False) -> Tensor:
    """Return the orthonormal cosine transform (DCT-II) of (B, 1, H, W), or its inverse."""
    down, across = (_cosines(size, grey) for size in grey.shape[-2:])
    return down.mT @ grey @ across if inverse else down @ grey @ across.mT


def energies(coefficients: Tensor, bands: Tensor) -> Tensor:
    """Return the energy in each band, (B, K), from the cosine transform (B, 1, H, W)."""
    return coefficients.square().flatten(1) @ bands / coefficients[0].numel()


def radial_bands(like: Tensor) -> Tensor:
    """Return the share of each coefficient of (B, 1, H, W) in each band: (H · W, K).

    Rows sum to 1; the row of the mean sums to 0.
    """
    height, width = like.shape[-2:]
    down = torch.arange(height, dtype=torch.float64).view(-1, 1) / (2 * height)
    across = torch.arange(width, dtype=torch.float64).view(1, -1) / (2 * width)
    radius = (down.square() + across.square()).sqrt().flatten()  # cycles per pixel
    lowest = 1 / (2 * max(height, width))
    place = BANDS * (radius.clamp(min=lowest) / lowest).log2()
    centres = torch.arange(math.floor(float(place.max())) + 1, dtype=torch.float64)
    place = place.clamp(max=float(centres[-1]))
    bands = (1 - (place[:, None] - centres).abs()).clamp(min=0)
    bands[0] = 0
    return bands.to(like)


def _without_mean(coefficients: Tensor) -> Tensor:
    rest = coefficients.clone()
    rest[..., 0, 0] = 0
    return rest


def _cosines(size: int, like: Tensor) -> Tensor:
    """Return the orthonormal matrix of the cosine transform of `size` values."""
    row = torch.arange(size, dtype=torch.float64)
    matrix = (math.pi / size * torch.outer(row, row + 0.5)).cos() * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix.to(like)
