"""Distances of changed images to their donors: target statistics of swaps."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.errors import MemlabError
from memlab.imaging.colour import luma
from memlab.imaging.sharpness import sharpness
from memlab.imaging.slope import spectral_slope
from memlab.masks.expression import mask_of
from memlab.types import Context, Donors


def sharpness_to_donor(ablation: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    """Return the difference from the donor's sharpness, (B,); see `sharpness.sharpness`."""
    changed, donors = ablation(images, context, dose), donors_of(ablation, context)
    return (sharpness(changed) - sharpness(donors.images)).abs()


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
    """Return 1 − the overlap of the figures with the donor's figures: (B,), 0 to 1.

    The ablation is applied to an image that is white where figures are and black elsewhere. The
    overlap is the intersection divided by the union; 1 if neither image has figures.
    """
    donors = donors_of(ablation, context)
    own, theirs = (mask_of("figures", masks) for masks in (context.masks, donors.masks))
    if own is None or theirs is None:
        raise MemlabError(f"{ablation.name}: images or donors have no masks")
    shown = ablation(own.to(images).expand_as(images).contiguous(), context, dose)[:, :1] > 0.5
    other = theirs > 0
    union = (shown | other).flatten(1).sum(dim=1)
    same = (shown & other).flatten(1).sum(dim=1)
    return 1 - torch.where(union > 0, same / union.clamp(min=1), 1.0)


def donors_of(ablation: Ablation, context: Context) -> Donors:
    """Return the donors, or raise a MemlabError if the context has none."""
    if context.donors is None:
        raise MemlabError(f"{ablation.name}: {ablation.target} needs donors")
    return context.donors
