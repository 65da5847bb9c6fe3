"""Images that lend what a swap puts in: from outside the evaluated sample where there are any."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from memlab.imaging.pixels import to_unit
from memlab.masks.expression import mask_of
from memlab.seeds import seed_of
from memlab.types import Donors, Sample

KEPT = 256 * 2**20
"""Bytes of decoded donors that are kept; the least recently used go first."""


@dataclass(frozen=True)
class Given:
    """The donors of a batch.

    Args:
        donors: one per image; another image's donor where there is none.
        found: (B,) bool.
    """

    donors: Donors
    found: Tensor


def with_background(
    having: Mapping[str, Sequence[int]], looked: Mapping[str, Sequence[bool]]
) -> dict[str, Sequence[int]]:
    """Who may lend a background: where there are no masks of it, it is what no other region has.

    Args:
        having: region to the places of donors that may have it, for all regions with masks.
        looked: region to whether somebody looked for it in each donor.

    Returns:
        `having`, with those donors as `background` that have something in front of it, and in
        which somebody looked for everything.
    """
    if not having or "background" in having:
        return dict(having)
    some = set[int]().union(*having.values())
    sure = [place for place in sorted(some) if all(looked[region][place] for region in having)]
    return {**having, "background": sure}


class DonorList:
    """Gives each evaluated image its donor.

    Image r of n evaluated ones has, in draw k, donor r + k · n of a seeded order of N, the same
    for all ablations that ask for the same regions. With N ≥ n · K donors for K draws nobody lends
    twice. With fewer the order is gone through again, one place further, so that an image never
    has a donor twice while there are others; the images of a draw share none as long as N ≥ n.

    Where the evaluated images donate to each other, the order is a ring: in draw k an image has
    the k-th one after itself, so that none is its own donor, and each donates once in a draw.

    A donor that cannot be read, that is the image itself or a copy of it, or whose mask of a
    region is empty at this size is passed over for the next.

    Args:
        images: the possible donors, with the masks that ablations ask for.
        having: region to the places of donors that may have it.
        count: how many donors there are.
        evaluated: ids of the evaluated images, in their order.
        seed: of the order.
        names: ids of the donors, where they are evaluated images themselves; else None.
        copies: ids of images to those of all images with the same content.
    """

    def __init__(
        self,
        images: Dataset[Sample],
        having: Mapping[str, Sequence[int]],
        count: int,
        evaluated: Sequence[str],
        seed: int = 0,
        names: Sequence[str] | None = None,
        copies: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.images = images
        self.having = having
        self.count = count
        self.ranks = {name: rank for rank, name in enumerate(evaluated)}
        self.seed = seed
        self.among_themselves = names is not None
        self.copies = copies or {}
        self._own = {name: place for place, name in enumerate(names or ())}
        self._orders: dict[tuple[str, ...], list[int]] = {}
        self._positions: dict[tuple[str, ...], dict[int, int]] = {}
        self._kept: OrderedDict[int, Sample] = OrderedDict()
        self._bytes = 0

    def take(
        self, ids: Sequence[str], draw: int, regions: Sequence[str], device: torch.device
    ) -> Given | None:
        """The donors of some images; None where there is none for any of them.

        Args:
            ids: of the images, among those evaluated.
            draw: which donor of each.
            regions: that a donor must have.
            device: where to.
        """
        order = self.order(regions)
        samples = [
            self._read(order, self._start(name, draw, regions), name, regions) for name in ids
        ]
        there = [sample for sample in samples if sample is not None]
        if not there:
            return None
        filled = [sample or there[0] for sample in samples]
        images = to_unit(torch.stack([sample["image"] for sample in filled]).to(device))
        masks = {
            region: torch.stack([sample["masks"][region] for sample in filled]).to(device)
            for region in filled[0]["masks"]
        }
        found = torch.tensor([sample is not None for sample in samples])
        return Given(Donors([sample["id"] for sample in filled], images, masks), found)

    def order(self, regions: Sequence[str]) -> list[int]:
        """Places of the donors that have the regions, in their seeded order."""
        key = tuple(sorted(regions))
        if key not in self._orders:
            suitable = set(range(self.count))
            for region in key:
                suitable &= set(self.having.get(region, ()))
            listed = sorted(suitable)
            generator = torch.Generator().manual_seed(seed_of(self.seed, "donors", *key))
            shuffled = torch.randperm(len(listed), generator=generator).tolist()
            self._orders[key] = [listed[place] for place in shuffled]
        return self._orders[key]

    def shared(self, regions: Sequence[str], draws: int) -> str | None:
        """A sentence for the reader where donors serve more than once, or None.

        Args:
            regions: that a donor must have.
            draws: K, how many donors each image has.
        """
        there, images = len(self.order(regions)), len(self.ranks)
        if there >= images * draws and not self.among_themselves:
            return None
        having = f" with {' and '.join(sorted(regions))}" if regions else ""
        if there == 0:
            return f"No donors{having}: what would be taken from them was not put in."
        lent = Counter(
            self._start(name, draw, regions) % there for draw in range(draws) for name in self.ranks
        )
        most = max(lent.values())
        if self.among_themselves:
            times = "once" if most == 1 else f"up to {most} times"
            return (
                "All images are tested, so tested images donate to each other, never to "
                f"themselves: {there} donors{having} for {images} images, each {times}. "
                "Intervals take images as independent, and may be too narrow for that."
            )
        return (
            f"{there} donors{having} for {images} images and {draws} draws: each lends up to "
            f"{most} times. Intervals take images as independent, and are too narrow for that."
        )

    def _start(self, name: str, draw: int, regions: Sequence[str]) -> int:
        """The place in the order, which is gone round, of an image's donor."""
        count = len(self.order(regions))
        if not self.among_themselves:
            return self.ranks[name] + self._first(draw, count)
        position = self._position(name, regions)
        if position is None:
            return self.ranks[name] + draw
        return position + 1 + draw % max(count - 1, 1)

    def _position(self, name: str, regions: Sequence[str]) -> int | None:
        """Where an evaluated image is itself in the order of donors; None if it is none."""
        key = tuple(sorted(regions))
        if key not in self._positions:
            order = self.order(regions)
            self._positions[key] = {place: position for position, place in enumerate(order)}
        return self._positions[key].get(self._own[name])

    def _first(self, draw: int, count: int) -> int:
        """The place, in the order of `count` donors, of the first image's donor."""
        rounds = max(count // len(self.ranks), 1)
        return draw % rounds * len(self.ranks) + draw // rounds

    def _read(
        self, order: list[int], rank: int, image: str, regions: Sequence[str]
    ) -> Sample | None:
        """The donor of a rank; the next one where it cannot serve."""
        for step in range(len(order)):
            sample = self._sample(order[(rank + step) % len(order)])
            found = [mask_of(region, sample["masks"]) for region in regions]
            has = all(mask is not None and bool(mask.any()) for mask in found)
            itself = sample["id"] in self.copies.get(image, (image,))
            if not sample["error"] and has and not itself:
                return sample
        return None

    def _sample(self, place: int) -> Sample:
        if place in self._kept:
            self._kept.move_to_end(place)
            return self._kept[place]
        sample = self.images[place]
        self._kept[place] = sample
        self._bytes += _size(sample)
        while self._bytes > KEPT and len(self._kept) > 1:
            self._bytes -= _size(self._kept.popitem(last=False)[1])
        return sample


def _size(sample: Sample) -> int:
    tensors = [sample["image"], *sample["masks"].values()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
