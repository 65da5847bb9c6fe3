"""Texture and layout transforms: smoothing, patch shuffling, phase scrambling, equalisation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memlab.imaging.band_gains import GAIN
from memlab.imaging.colour import luma
from memlab.imaging.filters import gaussian_blur

REFERENCE = 0.027
"""Amplitude of the reference spectrum at one cycle per width. A square image with this spectrum
has a luma SD of about 0.2, as photographs have."""

_FAINTEST = 1e-6  # negligible amplitude, a tenth of the error of 8-bit rounding


def smooth_texture(images: Tensor, threshold: float, sigma: float) -> Tensor:
    """Smooth and keep edges, by a guided filter with luma as guide and Gaussian windows.

    In each window each channel is fitted as a linear function of luma (He, Sun & Tang 2013, eqs 5,
    6 and 8). The paper multiplies the slope by v / (v + t²), where v is the variance of luma and t
    the threshold. This function multiplies by v² / (v² + t⁴), which is nearer to 0 below the
    threshold and nearer to 1 above.

    Args:
        images: (B, 3, H, W) in [0, 1].
        threshold: contrast of luma, 0 to 1, below which structure is smoothed.
        sigma: standard deviation of the windows in % of the width.
    """
    grey = luma(images)
    mean = gaussian_blur(images, sigma)
    middle = luma(mean)
    covariance = gaussian_blur(grey * images, sigma) - middle * mean
    variance = luma(covariance).clamp(min=0)
    ridge = (variance.square() + threshold**4).clamp(min=1e-30)
    slope = covariance * variance / ridge
    offset = mean - slope * middle
    return torch.addcmul(gaussian_blur(offset, sigma), gaussian_blur(slope, sigma), grey)


def shuffle_patches(images: Tensor, grid: int, order: Tensor) -> Tensor:
    """Cut images into grid × grid patches and permute the patches.

    If the grid does not divide the image, patches differ by one row or column. A patch moved to a
    larger position repeats its last row or column; a patch moved to a smaller position loses it.

    Args:
        images: (B, C, H, W); H and W at least `grid`.
        grid: patches per side.
        order: (B, grid²) int64: index of the patch shown at each position.
    """
    height, width = images.shape[-2:]
    row, top, depth = _cuts(height, grid, images.device)
    column, left, breadth = _cuts(width, grid, images.device)
    shown = order.view(-1, grid, grid)[:, row][:, :, column]  # index of the patch at each pixel
    place_y, place_x = torch.arange(height), torch.arange(width)
    within_y = (place_y.to(top) - top[row]).view(-1, 1)
    within_x = (place_x.to(left) - left[column]).view(1, -1)
    source_row, source_column = shown // grid, shown % grid
    y = top[source_row] + torch.minimum(within_y, depth[source_row] - 1)
    x = left[source_column] + torch.minimum(within_x, breadth[source_column] - 1)
    index = (y * width + x).flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, index).view_as(images)


def _cuts(side: int, grid: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the patch of each pixel along a side, and the start and length of each patch."""
    bounds = torch.tensor([round(cut * side / grid) for cut in range(grid + 1)], device=device)
    lengths = bounds.diff()
    patches = torch.arange(grid, device=device)
    return patches.repeat_interleave(lengths), bounds[:-1], lengths


def scramble_phases(images: Tensor, amount: float, noise: Tensor) -> Tensor:
    """Add a share of the phases of noise to the phase of each frequency; amplitudes stay.

    All channels are changed alike, so their correlation at each frequency stays. The phases of a
    real field are odd, so the result is real. A frequency that is its own mirror image can only
    keep its phase or turn by 180°; the mean keeps its phase, and the Nyquist frequencies may turn.

    Args:
        images: (B, C, H, W).
        amount: share of the phase noise, 0 to 1; at 1 phases are uniform.
        noise: (B, 1, H, W) real, normally distributed.

    Returns:
        (B, C, H, W), not clipped to [0, 1].
    """
    height, width = images.shape[-2:]
    angle = torch.fft.rfft2(noise).angle() * amount
    turn = torch.polar(torch.ones_like(angle), angle)
    for row in {0, height // 2} if height % 2 == 0 else {0}:
        for column in {0, width // 2} if width % 2 == 0 else {0}:
            turn[..., row, column] = torch.where(angle[..., row, column].cos() < 0, -1.0, 1.0)
    turn[..., 0, 0] = 1
    scrambled: Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * turn, s=(height, width))
    return scrambled


def rematch(changed: Tensor, images: Tensor) -> Tensor:
    """Bring each channel into [0, 1] with its original mean and SD.

    Clipping to [0, 1] lowers the SD, and rescaling exceeds the range again. Both steps are repeated
    eight times.

    Args:
        changed: (B, C, H, W), of any range.
        images: (B, C, H, W) in [0, 1]: the originals.
    """
    mean = images.mean(dim=(2, 3), keepdim=True)
    size = torch.linalg.vector_norm(images - mean, dim=(2, 3), keepdim=True)  # SD, up to a factor
    for _ in range(8):
        changed = changed.clamp(0, 1)
        apart = changed - changed.mean(dim=(2, 3), keepdim=True)
        own = torch.linalg.vector_norm(apart, dim=(2, 3), keepdim=True)
        changed = torch.addcmul(mean, apart, size / own.clamp(min=1e-6))
    return changed.clamp(0, 1)


def equalize_power(images: Tensor, amount: float) -> Tensor:
    """Scale the amplitude of each radial band of luma to the reference; phases stay.

    All channels get the same gain, and the mean stays. The gain is at most `band_gains.GAIN` at
    amount 1, so that rounding of a smooth image does not become texture.

    Args:
        images: (B, 3, H, W) in [0, 1].
        amount: share of the way in log amplitude, 0 to 1.

    Returns:
        (B, 3, H, W), not clipped to [0, 1].
    """
    band, distance = spectral_distance(images)
    gain = torch.exp(-amount * distance.clamp(min=-math.log(GAIN)))[:, band][:, None]
    equal: Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain, s=images.shape[-2:])
    return equal


def spectral_distance(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance of luma's radial amplitude spectrum from the reference, `REFERENCE` / f.

    Args:
        images: (B, 3, H, W) in [0, 1].

    Returns:
        The band of each frequency of `rfft2`, (H, W // 2 + 1) int64, in whole cycles per width, 0
        for the mean alone; and for each band the mean log amplitude minus the log of the reference,
        (B, bands), 0 for the mean.
    """
    height, width = images.shape[-2:]
    down = torch.fft.fftfreq(height, device=images.device) * width
    across = torch.fft.rfftfreq(width, device=images.device) * width
    band = torch.hypot(down[:, None], across).round().clamp(min=1).long()
    band[0, 0] = 0
    bands = int(math.hypot(width / 2, width / 2)) + 2
    amplitude = torch.fft.rfft2(luma(images), norm="forward").abs().flatten(1)
    count = torch.bincount(band.flatten(), minlength=bands)
    total = amplitude.new_zeros(len(images), bands)
    total.index_add_(1, band.flatten(), (amplitude + _FAINTEST).log())
    frequency = torch.arange(bands, device=images.device).clamp(min=1)
    # each frequency stands for W / H square cycles per width, and has as many times the energy
    reference = math.log(REFERENCE * math.sqrt(width / height)) - frequency.log()
    distance = torch.where(count > 0, total / count.clamp(min=1) - reference, 0)
    distance[:, 0] = 0
    return band, distance
