"""Sample images, masks and donors for testing plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.ablations.base import Ablation
from memlab.imaging.filters import gaussian_blur
from memlab.roles import Role
from memlab.types import DERIVED, Context, Donors

_BOXES = {
    "people": (0.12, 0.10, 0.95, 0.40),
    "faces": (0.18, 0.15, 0.45, 0.35),
    "objects": (0.55, 0.58, 0.85, 0.90),
    "text": (0.10, 0.55, 0.24, 0.92),
}
"""Top, left, bottom, right of each region as shares of height and width."""


def sample_images(count: int = 4, size: int | tuple[int, int] = 48, seed: int = 0) -> Tensor:
    """Return colourful images with structure at every scale: (count, 3, height, width) in [0, 1].

    Finer scales have lower contrast, as in photographs.

    Args:
        count: number of images.
        size: side in pixels, or height and width.
        seed: seed of the images.
    """
    height, width = (size, size) if isinstance(size, int) else size
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(count, 3, height, width)
    for amplitude, cells in zip((5, 4, 3, 2, 1), (3, 6, 12, 24, max(height, width)), strict=True):
        noise = torch.rand(count, 3, cells, cells, generator=generator)
        total += amplitude * interpolate(noise, size=(height, width), mode="bilinear")
    low, high = total.amin(dim=(1, 2, 3), keepdim=True), total.amax(dim=(1, 2, 3), keepdim=True)
    return (total - low) / (high - low)


def sample_masks(images: Tensor, other_regions: Iterable[str] = ()) -> dict[str, Tensor]:
    """Return masks of a plausible layout: a face inside a person, an object, text, background.

    Every second image is mirrored, so that the masks of a batch differ.

    Args:
        images: (B, 3, H, W).
        other_regions: additional regions, each a box in the middle.

    Returns:
        Region to (B, 1, H, W) of 0 and 1.
    """
    height, width = images.shape[-2:]
    masks = {}
    for name, (top, left, bottom, right) in _BOXES.items():
        mask = torch.zeros(len(images), 1, height, width)
        rows = slice(round(top * height), round(bottom * height))
        mask[..., rows, round(left * width) : round(right * width)] = 1
        mask[1::2] = mask[1::2].flip(-1)
        masks[name] = mask
    masks["background"] = (torch.cat(list(masks.values()), dim=1).sum(dim=1, keepdim=True) == 0) * 1
    boxes = {name for name in other_regions if name not in masks and name not in DERIVED}
    return masks | {name: middle(images) for name in sorted(boxes)}


def middle(images: Tensor) -> Tensor:
    """Return a box in the middle, a quarter of the image: (B, 1, H, W) of 0 and 1."""
    height, width = images.shape[-2:]
    mask = torch.zeros(len(images), 1, height, width)
    mask[..., height // 4 : -(height // 4), width // 4 : -(width // 4)] = 1
    return mask


@dataclass(frozen=True)
class WatchedContext(Context):
    """Context that records the names for which random generators were requested.

    Args:
        asked: the names.
    """

    asked: set[str] = field(default_factory=set)

    def generators(self, name: str) -> list[torch.Generator]:
        """Return the same as `Context.generators`, and record the name."""
        self.asked.add(name)
        return super().generators(name)


@dataclass(frozen=True)
class Trial:
    """Four images with everything that an ablation may require.

    Args:
        images: (4, 3, H, W) in [0, 1].
        context: context with masks of every region, and donors if the ablation needs them.
    """

    images: Tensor
    context: WatchedContext

    @classmethod
    def of(cls, ablation: Ablation, size: int | tuple[int, int] = 48) -> Trial:
        """Create a trial for one ablation; for an insertion, the images lack the region."""
        images = sample_images(4, size)
        masks = sample_masks(images, ablation.masks_read)
        if ablation.family == "insertion":
            absent = {name: torch.zeros_like(masks[name]) for name in ablation.donor_regions}
            masks = {**masks, **absent}
        donors = None
        if ablation.needs_donors:
            donor_images = sample_images(4, size, seed=1)
            # every second donor is blurred, so that sharpness differs as well
            donor_images[::2] = gaussian_blur(donor_images[::2], 1.0)
            names = ["donor-a", "donor-b", "donor-c", "donor-d"]
            donated = sample_masks(donor_images, ablation.masks_read)
            # mirrored where the images are not, so that places differ
            donors = Donors(
                names, donor_images, {key: mask.flip(0) for key, mask in donated.items()}
            )
        context = WatchedContext(
            ["a", "b", "c", "d"], seed=7, masks=masks, role=_role_of(ablation), donors=donors
        )
        return cls(images, context)

    def part(self, places: list[int]) -> Trial:
        """Return some of the images, possibly in another order."""
        chosen = torch.tensor(places)
        context = self.context.select(chosen)
        assert isinstance(context, WatchedContext)
        return Trial(self.images[chosen], context)

    def with_mask(self, region: str, mask: Tensor) -> Trial:
        """Return the same trial with another mask of a region."""
        masks = {**self.context.masks, region: mask}
        return Trial(self.images, replace(self.context, masks=masks))


def _role_of(ablation: Ablation) -> Role:
    """Return the role in which an ablation itself runs: `target`, `swap` or `nuisance`."""
    if ablation.family == "nuisance":
        return "nuisance"
    return "swap" if ablation.compared_with == "round-trip" else "target"
