"""The radial spectrum of luma: how much of it is coarse and how much fine, whatever its direction.

Spectra are those of the cosine transform: that of the image mirrored at its edges, which has no
jump where the image ends. Scaling its coefficients by radius is a filter without phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from memlab.imaging.colour import luma

BANDS = 2
"""Bands per octave."""
STEPS = 5
"""Corrections of the bands' gains for what the gamut cuts off."""
FLOOR = 1e-7
"""Energy added to each band: well below that of rounding to 256 grey levels."""
GAIN = 32.0
"""Most that a band is amplified by: rounding of a smooth image must not become its texture."""


def band_energies(grey: Tensor) -> Tensor:
    """Energy of luma in radial bands half an octave apart.

    Args:
        grey: (B, 1, H, W).

    Returns:
        (B, K): mean squares over pixels, the mean of the image apart; they add up to its
        variance. Bands overlap: a frequency between two centres counts in both, in shares.
    """
    return energies(cosine_transform(grey), radial_bands(grey))


def spectrum_distance(images: Tensor, donors: Tensor) -> Tensor:
    """How far two images' radial spectra of luma differ: (B,).

    The root mean square, over bands, of the logarithm of the ratio of amplitudes: 0.1 is 10 %.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: the same.
    """
    return log_ratio(band_energies(luma(images)), band_energies(luma(donors)))


def log_ratio(found: Tensor, wanted: Tensor) -> Tensor:
    """Root mean square log ratio of the amplitudes of (B, K) energies: (B,)."""
    ratio = ((found + FLOOR) / (wanted + FLOOR)).log() / 2
    return ratio.square().mean(dim=1).sqrt()


def swap_spectrum(images: Tensor, donors: Tensor) -> Tensor:
    """Give the luma of images the radial spectrum of others.

    Each band's amplitude is scaled; phase, what directions have among each other, mean luma and
    chroma stay. Luma is cut where its pixel's chroma leaves no room, and the gains are corrected
    for that.

    Args:
        images: (B, 3, H, W) in [0, 1].
        donors: the same.

    Returns:
        (B, 3, H, W) in [0, 1].
    """
    grey = luma(images)
    mean = grey.mean(dim=(2, 3), keepdim=True)
    wanted = band_energies(luma(donors))
    bands = radial_bands(grey)
    fitted = fit_bands(
        mean, cosine_transform(grey), bands, wanted, luma_room(images), band_energies
    )
    return images - grey + fitted


def fit_bands(
    base: Tensor,
    coefficients: Tensor,
    bands: Tensor,
    wanted: Tensor,
    room: tuple[Tensor, Tensor],
    measure: Callable[[Tensor], Tensor],
) -> Tensor:
    """Add a pattern to a base, its bands scaled until the sum measures what it should.

    Args:
        base: luma that stays, (B, 1, H, W) or (B, 1, 1, 1).
        coefficients: cosine transform of the pattern, (B, 1, H, W); its mean does not count.
        bands: which coefficients are scaled together, (H · W, K); see `radial_bands`.
        wanted: what the sum must measure, (B, K).
        room: lowest and highest luma of each pixel.
        measure: luma to energies of the same bands, (B, K).

    Returns:
        Luma (B, 1, H, W) within the room, of the mean of the base as far as there is room.
    """
    mean = base.mean(dim=(2, 3), keepdim=True)
    shift = torch.zeros_like(mean)
    own = energies(coefficients, bands)
    gains = ((wanted + FLOOR) / (own + FLOOR)).log() / 2

    def sum_of(gains: Tensor) -> Tensor:
        scale = (gains.clamp(max=math.log(GAIN)) @ bands.mT).exp().view_as(coefficients)
        pattern = _without_mean(scale * coefficients)
        return (base + shift + cosine_transform(pattern, inverse=True)).clamp(*room)

    for _ in range(STEPS):
        found = sum_of(gains)
        ratio = ((wanted + FLOOR) / (measure(found) + FLOOR)).log() / 2
        gains = (gains + ratio).clamp(-2 * math.log(GAIN), math.log(GAIN))
        shift = shift + mean - found.mean(dim=(2, 3), keepdim=True)
    return sum_of(gains)


def luma_room(images: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest luma that each pixel can have with the chroma it has: (B, 1, H, W)."""
    offsets = images - luma(images)
    return -offsets.amin(dim=1, keepdim=True), 1 - offsets.amax(dim=1, keepdim=True)


def cosine_transform(grey: Tensor, inverse: bool = False) -> Tensor:
    """Orthonormal cosine transform (DCT-II) of (B, 1, H, W) over both axes, or its inverse."""
    down, across = (_cosines(size, grey) for size in grey.shape[-2:])
    return down.mT @ grey @ across if inverse else down @ grey @ across.mT


def energies(coefficients: Tensor, bands: Tensor) -> Tensor:
    """Energy in each band, (B, K), from the cosine transform (B, 1, H, W)."""
    return coefficients.square().flatten(1) @ bands / coefficients[0].numel()


def radial_bands(like: Tensor) -> Tensor:
    """How much of each coefficient of (B, 1, H, W) belongs to each band: (H · W, K).

    Rows add up to 1, that of the mean to 0.
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
    """The orthonormal matrix of the cosine transform of `size` values."""
    row = torch.arange(size, dtype=torch.float64)
    matrix = (math.pi / size * torch.outer(row, row + 0.5)).cos() * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix.to(like)
