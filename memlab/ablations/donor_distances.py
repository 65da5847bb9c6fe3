"""Distances of changed images to their donors: target statistics of swaps."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.errors import MemlabError
from memlab.imaging.blur import blur_difference, gaussian
from memlab.imaging.colour import luma
from memlab.imaging.slope import spectral_slope
from memlab.types import DERIVED, Context, Donors


def sharpness_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return how far fine detail is from that of the image with the donor's blur: (B,).

    The value is the difference of the logarithm of its energy. The measured blur would not do:
    small steps of a ladder lie below the half pixel that can be measured.
    """
    donors = donors_of(ablation, context)
    blurred = gaussian(images, blur_difference(images, donors.images))
    energies = [_fine_energy(one) for one in (ablation(images, context, dose), blurred)]
    return (energies[0] / energies[1]).log().abs()


def _fine_energy(images: Tensor) -> Tensor:
    """Return the energy of second differences of luma, (B,)."""
    grey = luma(images)
    bends = (grey.diff(n=2, dim=axis).square().mean(dim=(1, 2, 3)) for axis in (2, 3))
    return torch.stack(list(bends)).sum(dim=0).clamp(min=1e-12)


def slope_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the difference from the donor's slope, (B,); see `slope.spectral_slope`."""
    changed, donors = ablation(images, context, dose), donors_of(ablation, context)
    own, theirs = (ablation.place.core(masks) for masks in (context.masks, donors.masks))
    return (spectral_slope(changed, own) - spectral_slope(donors.images, theirs)).abs()


def pattern_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return 1 − the correlation of luma with the donor's, where both show background: (B,)."""
    changed, donors = ablation(images, context, dose), donors_of(ablation, context)
    both = torch.ones_like(images[:, :1])
    for masks in (context.masks, donors.masks):
        core = ablation.place.core(masks)
        both = both if core is None else both * core.to(both)
    pixels = [luma(photos).flatten(1) for photos in (changed, donors.images)]
    shares = both.flatten(1) / both.sum(dim=(1, 2, 3)).clamp(min=1)[:, None]
    own, theirs = (one - (shares * one).sum(dim=1, keepdim=True) for one in pixels)
    size = (shares * own.square()).sum(dim=1) * (shares * theirs.square()).sum(dim=1)
    correlation: Tensor = (shares * own * theirs).sum(dim=1) / size.sqrt().clamp(min=1e-9)
    return 1 - correlation


def layout_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the distance of each region's centre from the centre of the donor's: (B,).

    The unit is the side of the image; the value is the mean over the regions that both images have,
    0 if they have none in common. For each region, the ablation is applied to an image that is
    white in the region and black elsewhere. The overlap with the donor's figures would not do: it
    may fall while figures pass each other.
    """
    donors = donors_of(ablation, context)
    total, count = torch.zeros(len(images)).to(images), torch.zeros(len(images)).to(images)
    for name in sorted(context.masks.keys() & donors.masks.keys() - set(DERIVED)):
        own, theirs = (masks[name].to(images) for masks in (context.masks, donors.masks))
        shown = ablation(own.expand_as(images).contiguous(), context, dose)[:, :1]
        both = (own.amax(dim=(1, 2, 3)) > 0) & (theirs.amax(dim=(1, 2, 3)) > 0)
        apart = (_centres(shown) - _centres(theirs)).norm(dim=1)
        total, count = total + torch.where(both, apart, 0.0), count + both
    return total / count.clamp(min=1)


def _centres(maps: Tensor) -> Tensor:
    """Return the centres of mass of (B, 1, H, W), down and across, shares of the sides: (B, 2)."""
    mass = maps.sum(dim=(1, 2, 3)).clamp(min=1e-6)
    places = []
    for axis, length in ((3, maps.shape[2]), (2, maps.shape[3])):
        steps = torch.arange(length, device=maps.device).to(maps) / length
        places.append((maps.sum(dim=axis)[:, 0] @ steps) / mass)
    return torch.stack(places, dim=1)


def donors_of(ablation: Ablation, context: Context) -> Donors:
    """Return the donors, or raise a MemlabError if the context has none."""
    if context.donors is None:
        raise MemlabError(f"{ablation.name}: {ablation.target} needs donors")
    return context.donors
