"""What passes between rooms: images of a batch, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NotRequired, TypedDict

import torch
from torch import Tensor

from memlab.seeds import seed_of

Role = Literal["target", "control", "floor", "swap", "there-and-back"]
"""What a condition is: the ablation itself (`target`, or `swap` where a donor's value goes in), or
what it is compared with: the same change elsewhere (`control`), a donor's value in and the
image's own back (`there-and-back`), a change that should not matter (`floor`)."""


class Sample(TypedDict):
    """One image, as a worker hands it over."""

    index: int
    id: str
    image: Tensor
    score: float
    masks: dict[str, Tensor]
    error: str
    looked: NotRequired[dict[str, bool]]
    features: NotRequired[Tensor]


class Batch(TypedDict):
    """Images side by side: the only thing that models and callbacks see.

    `index` (B,) int64: row of the split. `ids`: image ids. `images` (B, 3, H, W): uint8 as loaded,
    float in [0, 1] once on the device. `scores` (B,) float32, NaN where absent. `masks`: region to
    (B, 1, H, W), 0 or 1. `looked`: region to (B,) bool, whether somebody looked for it; a region
    that is not named was looked for. `valid` (B,) bool: whether the image could be read.
    `errors`: why not.
    `features` (B, D), only where a frozen backbone has seen the images before; `images` are then
    empty.
    """

    index: Tensor
    ids: list[str]
    images: Tensor
    scores: Tensor
    masks: dict[str, Tensor]
    looked: dict[str, Tensor]
    valid: Tensor
    errors: list[str]
    features: NotRequired[Tensor]


@dataclass(frozen=True)
class Donors:
    """Images from outside the evaluated sample, one for each image of a batch.

    Args:
        ids: their image ids.
        images: (B, 3, H, W) float in [0, 1].
        masks: region name to (B, 1, H, W) masks, 0 or 1.
    """

    ids: Sequence[str]
    images: Tensor
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    def select(self, chosen: Tensor) -> Donors:
        """Some of them, by their places, (b,) int64."""
        ids = [self.ids[place] for place in chosen.tolist()]
        images = self.images[chosen.to(self.images.device)]
        return Donors(ids, images, _some(self.masks, chosen))


@dataclass(frozen=True)
class Context:
    """What an ablation may know about the images of a batch besides their pixels.

    Args:
        ids: image ids, one per image.
        seed: the seed of the evaluation.
        draw: which repetition of a random ablation, or of its control, this is.
        masks: region name to (B, 1, H, W) masks, 0 or 1, of the images.
        role: what the change is for; ablations whose control is `windows` or `patch` make it
            themselves where this is `control`, and those of one pass where it is `there-and-back`.
        where: (B, 1, H, W) weights in [0, 1] that take the place of the ablation's own region: a
            control that is placed elsewhere.
        donors: the donors of this draw, for ablations that need them.
        looked: region name to (B,) bool: whether somebody looked for the region, so that an empty
            mask means that there is none; where a region is not named, somebody did.
    """

    ids: Sequence[str]
    seed: int = 0
    draw: int = 0
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    role: Role = "target"
    where: Tensor | None = None
    donors: Donors | None = None
    looked: Mapping[str, Tensor] = field(default_factory=dict)

    def looked_for(self, *regions: str) -> Tensor:
        """In which images somebody looked for all of some regions: (B,) bool, on the CPU.

        For a background without masks of its own somebody must have looked for everything else.
        """
        every = torch.ones(len(self.ids), dtype=torch.bool)
        derived = "background" in regions and "background" not in self.masks
        for region in self.masks if derived else regions:
            if region in self.looked:
                every &= self.looked[region].cpu()
        return every

    def generators(self, name: str) -> list[torch.Generator]:
        """One seeded CPU generator per image.

        Its seed depends on (seed, image id, `name`, draw) alone: not on the dose, the place in the
        batch, the device or the number of processes. Draw on the CPU, then move.
        """
        return [
            torch.Generator().manual_seed(seed_of(self.seed, image, name, self.draw))
            for image in self.ids
        ]

    def select(self, chosen: Tensor) -> Context:
        """The context of some of the images: `chosen` holds their places, (b,) int64."""
        return replace(
            self,
            ids=[self.ids[place] for place in chosen.tolist()],
            masks=_some(self.masks, chosen),
            where=None if self.where is None else self.where[chosen.to(self.where.device)],
            donors=None if self.donors is None else self.donors.select(chosen),
            looked=_some(self.looked, chosen),
        )


def _some(values: Mapping[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    return {name: value[chosen.to(value.device)] for name, value in values.items()}
