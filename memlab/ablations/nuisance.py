"""Nuisance baseline: changes that should not matter, with which effects are compared."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, whole
from memlab.imaging import nuisance
from memlab.types import Context


class Shift(Ablation):
    """Shift of the image by whole pixels, in one of eight random directions per image.

    Args:
        pixels: distance along each axis that moves, a whole number.
    """

    family = "nuisance"
    unit = "pixels"
    target = "overlap"
    control = "nuisance-baseline"
    ladder = (1.0, 2.0, 4.0, 8.0, 16.0)
    maximum = 16.0

    def __init__(self, pixels: float = 2.0) -> None:
        super().__init__(dose=pixels)

    def checked(self, dose: float) -> float:
        """Return the dose, or raise a MemlabError if it is out of range or not a whole number."""
        return whole(super().checked(dose), self)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Shift by `dose` pixels."""
        generators = context.generators(self.name)
        chosen = torch.stack([torch.randint(8, (), generator=one) for one in generators])
        place = chosen + (chosen >= 4)  # cell of a 3 × 3 grid without its middle
        offsets = torch.stack([place // 3 - 1, place % 3 - 1]).to(images.device) * int(dose)
        return nuisance.shift(images, *offsets)


class Flip(Ablation):
    """Mirror image, left for right; the only dose is 1.

    Args:
        mirrored: 1, or 0 to keep the image unchanged.
    """

    family = "nuisance"
    unit = "flip"
    target = "likeness"
    control = "nuisance-baseline"
    ladder = (1.0,)
    maximum = 1.0

    def __init__(self, mirrored: float = 1.0) -> None:
        super().__init__(dose=mirrored)

    def checked(self, dose: float) -> float:
        """Return the dose, or raise a MemlabError if it is neither 0 nor 1."""
        return whole(super().checked(dose), self)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Mirror the images."""
        return images.flip(-1)


class Jpeg(Ablation):
    """JPEG compression of the image, by default at quality 95.

    Args:
        loss: 100 − JPEG quality, a whole number.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "nuisance"
    unit = "below quality 100"
    target = "likeness"
    control = "nuisance-baseline"
    ladder = (5.0, 10.0, 25.0, 50.0, 75.0)
    maximum = 99.0

    def __init__(self, loss: float = 5.0, region: str = "all") -> None:
        super().__init__(dose=loss, region=region)

    def checked(self, dose: float) -> float:
        """Return the dose, or raise a MemlabError if it is out of range or not a whole number."""
        return whole(super().checked(dose), self)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Compress with quality 100 − `dose`."""
        return nuisance.jpeg(images, 100 - int(dose))


class ResizeRoundtrip(Ablation):
    """Resizing of the image to a smaller size and back.

    Args:
        removed: % of the width, and of the height, by which the intermediate image is smaller.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "nuisance"
    unit = "% of width"
    target = "likeness"
    control = "nuisance-baseline"
    ladder = (10.0, 20.0, 30.0, 50.0, 70.0)
    maximum = 90.0

    def __init__(self, removed: float = 10.0, region: str = "all") -> None:
        super().__init__(dose=removed, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Resize to a size `dose` % smaller, and back."""
        return nuisance.resize_roundtrip(images, dose).clamp_(0, 1)  # bicubic overshoots


class Noise(Ablation):
    """Gaussian noise, independent for each pixel and channel; the default is hardly visible.

    Args:
        sd: standard deviation in % of the pixel range.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "nuisance"
    unit = "% of range"
    target = "likeness"
    control = "nuisance-baseline"
    ladder = (0.5, 1.0, 2.0, 4.0, 8.0)
    maximum = 50.0

    def __init__(self, sd: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=sd, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Add noise with an SD of `dose` % of the range."""
        return nuisance.noisy(images, dose / 100, context.generators(self.name))
