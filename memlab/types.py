"""Data classes shared by all packages: images of a batch and their metadata."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from memlab.roles import Role
from memlab.seeds import seed_of

DERIVED = ("background", "figures")
"""Regions that follow from other masks where they have none of their own: `background` is the part
of an image that no region covers, `figures` the rest."""


class Sample(TypedDict):
    """One image, as returned by a data-loading worker."""

    index: int
    id: str
    image: Tensor
    score: float
    masks: dict[str, Tensor]
    error: str
    annotated: NotRequired[dict[str, bool]]
    features: NotRequired[Tensor]


class Batch(TypedDict):
    """Images of a batch, the only input of models and callbacks.

    `index` (B,) int64: row of the split. `ids`: image ids. `images` (B, 3, H, W): uint8 as loaded,
    float in [0, 1] on the device. `scores` (B,) float32, NaN where absent. `masks`: region to
    (B, 1, H, W), 0 or 1. `annotated`: region to (B,) bool, whether the image is annotated for the
    region; all images are annotated for a region that is not a key. `valid` (B,) bool: whether the
    image could be read. `errors`: why an image is not valid. `features` (B, D): only if a frozen
    backbone has precomputed the features; `images` are then empty.
    """

    index: Tensor
    ids: list[str]
    images: Tensor
    scores: Tensor
    masks: dict[str, Tensor]
    annotated: dict[str, Tensor]
    valid: Tensor
    errors: list[str]
    features: NotRequired[Tensor]


@dataclass(frozen=True)
class Donors:
    """Donor images from outside the evaluated sample, one for each image of a batch.

    Args:
        ids: image ids of the donors.
        images: (B, 3, H, W) float in [0, 1].
        masks: region name to (B, 1, H, W) masks, 0 or 1.
    """

    ids: Sequence[str]
    images: Tensor
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    def select(self, chosen: Tensor) -> Donors:
        """Return the donors at the indices `chosen`, (b,) int64."""
        ids = [self.ids[place] for place in chosen.tolist()]
        images = self.images[chosen.to(self.images.device)]
        return Donors(ids, images, _some(self.masks, chosen))


@dataclass(frozen=True)
class Context:
    """Metadata of a batch that an ablation may use besides the pixels.

    Args:
        ids: image ids, one per image.
        seed: the seed of the evaluation.
        draw: index of the repetition of a random ablation or of its control.
        jittered: whether the draw is one of several of a removal, whose margin and feather then
            vary between draws, so that the noise of the effect can be measured.
        masks: region name to (B, 1, H, W) masks, 0 or 1, of the images.
        role: role of the change. Ablations whose control is `off-centre-crops` or `patch` make the
            control themselves for role `control`; `one_pass` ablations make the round trip
            themselves for role `round-trip`.
        where: (B, 1, H, W) weights in [0, 1] of a matched control, which replace the ablation's own
            region.
        donors: the donors of this draw, for ablations that need donors.
        annotated: region name to (B,) bool: whether the image is annotated for the region, so that
            an empty mask means that the image lacks it. All images are annotated for a region that
            is not a key.
    """

    ids: Sequence[str]
    seed: int = 0
    draw: int = 0
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    role: Role = "target"
    where: Tensor | None = None
    donors: Donors | None = None
    annotated: Mapping[str, Tensor] = field(default_factory=dict)
    jittered: bool = False

    def annotated_for(self, *regions: str) -> Tensor:
        """Return which images are annotated for all given regions: (B,) bool, on the CPU.

        For a background without its own masks, and for the figures, an image must be annotated for
        all other regions.
        """
        every = torch.ones(len(self.ids), dtype=torch.bool)
        for region in (*regions, *sources_of(regions, self.masks)):
            if region in self.annotated:
                every &= self.annotated[region].cpu()
        return every

    def generators(self, name: str) -> list[torch.Generator]:
        """Return one seeded CPU generator per image.

        The seed depends only on (seed, image id, `name`, draw), not on the dose, the position in
        the batch, the device or the number of processes. Draw on the CPU, then move the result to
        the device.
        """
        return [
            torch.Generator().manual_seed(seed_of(self.seed, image, name, self.draw))
            for image in self.ids
        ]

    def select(self, chosen: Tensor) -> Context:
        """Return the context of the images at the indices `chosen`, (b,) int64."""
        if torch.equal(chosen.cpu(), torch.arange(len(self.ids))):  # all images: no copy of masks
            return self
        return replace(
            self,
            ids=[self.ids[place] for place in chosen.tolist()],
            masks=_some(self.masks, chosen),
            where=None if self.where is None else self.where[chosen.to(self.where.device)],
            donors=None if self.donors is None else self.donors.select(chosen),
            annotated=_some(self.annotated, chosen),
        )


def sources_of(regions: Iterable[str], masks: Collection[str]) -> tuple[str, ...]:
    """Return the regions whose masks define the regions of `DERIVED` that have no masks themselves.

    Args:
        regions: names of regions.
        masks: the regions that have masks.

    Returns:
        Empty if each of `regions` has its own masks. `background` if only the figures are derived
        and the background has masks. All of `masks` otherwise.
    """
    derived = {region for region in regions if region in DERIVED and region not in masks}
    if derived == {"figures"} and "background" in masks:
        return ("background",)
    return tuple(masks) if derived else ()


def _some(values: Mapping[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    return {name: value[chosen.to(value.device)] for name, value in values.items()}
