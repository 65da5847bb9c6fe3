"""Low-level statistics of images that do not depend on their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from memlab.data.inputs import Inputs
from memlab.errors import DataError
from memlab.imaging.colour import luma
from memlab.imaging.decode import upright_size
from memlab.progress import Advance

STATISTICS = {
    "luma_mean": "mean luma (0 to 1)",
    "luma_sd": "RMS contrast: SD of luma (0 to 0.5)",
    "colourfulness": "Hasler & Süsstrunk (2003), in pixel range",
    "saturation": "mean HSV saturation (0 to 1)",
    "redness": "mean of R − G (−1 to 1)",
    "yellowness": "mean of (R + G) / 2 − B (−1 to 1)",
    "gradient": "root mean squared step of luma to the next pixel",
    "spectral_slope": "log amplitude of luma per log frequency (about −1 for photographs)",
    "entropy": "of luma in 256 grey levels (bits)",
    "bytes": "file size (bytes)",
    "bytes_per_pixel": "bytes per pixel of the file",
    "pixels": "resolution of the file (pixels)",
    "aspect": "aspect ratio of the file (width / height)",
}
"""Statistics by name. The first nine are measured at the model's size, the others on the file."""


def measure(images: Tensor) -> dict[str, Tensor]:
    """Compute the statistics of images, by name.

    Args:
        images: (B, 3, H, W) in [0, 1].

    Returns:
        (B,) each; see `STATISTICS`. The spectral slope of a flat image is NaN.
    """
    grey = luma(images)
    red, green, blue = images.unbind(dim=1)
    opponent = red - green, (red + green) / 2 - blue
    spread = torch.stack([one.flatten(1).var(dim=1, correction=0) for one in opponent]).sum(dim=0)
    middle = torch.stack([one.flatten(1).mean(dim=1) for one in opponent])
    most, least = images.amax(dim=1), images.amin(dim=1)
    across, down = grey.diff(dim=3).square(), grey.diff(dim=2).square()
    return {
        "luma_mean": grey.flatten(1).mean(dim=1),
        "luma_sd": grey.flatten(1).std(dim=1, correction=0),
        "colourfulness": spread.sqrt() + 0.3 * middle.square().sum(dim=0).sqrt(),
        "saturation": ((most - least) / most.clamp(min=1e-6)).flatten(1).mean(dim=1),
        "redness": middle[0],
        "yellowness": middle[1],
        "gradient": (across.flatten(1).mean(dim=1) + down.flatten(1).mean(dim=1)).sqrt(),
        "spectral_slope": spectral_slope(grey),
        "entropy": torch.stack([_entropy(one) for one in grey]),
    }


def spectral_slope(grey: Tensor) -> Tensor:
    """Fit the slope of log amplitude on log frequency by least squares: (B, 1, H, W) to (B,).

    The fit uses mean amplitudes of rings one cycle per image wide, from 2 cycles to half of the
    Nyquist frequency. A Hann window suppresses the edges of the image.
    """
    height, width = grey.shape[-2:]
    window = torch.hann_window(height)[:, None] * torch.hann_window(width)
    centred = grey[:, 0] - grey[:, 0].mean(dim=(1, 2), keepdim=True)
    amplitude = torch.fft.fft2(centred * window.to(grey)).abs().flatten(1)
    cycles = (
        (torch.fft.fftfreq(height)[:, None] * height) ** 2 + (torch.fft.fftfreq(width) * width) ** 2
    ).sqrt()
    ring = cycles.round().long().flatten()
    rings = torch.arange(2, max(4, min(height, width) // 4) + 1)
    log_rings = torch.log(rings.float())
    logs = torch.stack([amplitude[:, ring == one].mean(dim=1) for one in rings.tolist()], dim=1)
    logs = torch.where(logs > 1e-6, logs, torch.nan).log()
    centred_rings = log_rings - log_rings.mean()
    return (logs * centred_rings).sum(dim=1) / centred_rings.square().sum()


def measured(
    ids: Sequence[str], paths: Sequence[Path], size: int, advance: Advance
) -> tuple[pd.DataFrame, list[str]]:
    """Measure the statistics of files.

    Args:
        ids: ids of the images.
        paths: paths of their files.
        size: side in pixels of the model's input.
        advance: called with 1 after each image.

    Returns:
        A row per image, in order, by `id`; NaN where a file cannot be read; and the read errors.
    """
    found: list[dict[str, float]] = []
    errors: list[str] = []
    for path in paths:
        line = dict.fromkeys(STATISTICS, np.nan)
        try:
            (batch,) = Inputs(path, size).batches(1)
            if not bool(batch["valid"][0]):
                raise DataError(batch["errors"][0])
            line |= {name: float(value[0]) for name, value in measure(batch["images"]).items()}
            line |= _of_file(path)
        except DataError as error:
            errors.append(str(error))
        found.append(line)
        advance(1)
    return pd.DataFrame(found, index=pd.Index(ids, name="id"), columns=list(STATISTICS)), errors


def _of_file(path: Path) -> dict[str, float]:
    width, height = upright_size(path)
    size = path.stat().st_size
    return {
        "bytes": size,
        "bytes_per_pixel": size / (width * height),
        "pixels": width * height,
        "aspect": width / height,
    }


def _entropy(grey: Tensor) -> Tensor:
    counts = torch.bincount((grey * 255).round().long().flatten(), minlength=256).float()
    bits: Tensor = torch.special.entr(counts / counts.sum()).sum() / np.log(2)
    return bits
