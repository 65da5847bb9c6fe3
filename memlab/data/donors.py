"""Donor images for swaps, taken from outside the evaluated images where possible."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from memlab.imaging.pixels import to_unit
from memlab.masks.expression import mask_of
from memlab.seeds import seed_of
from memlab.types import DERIVED, Context, Donors, Sample, sources_of

KEPT = 256 * 2**20
"""Maximum bytes of decoded donors in memory; the least recently used are dropped first."""
POOL = 512
"""Donors that an ablation chooses from: the first of the order. Each is read and described once, so
that a large data set is not read as a whole for an image that few donors suit."""


@dataclass(frozen=True)
class Given:
    """Donors of a batch.

    Args:
        donors: one donor per image; an image without a donor holds another image's donor.
        found: (B,) bool, whether each image has a donor.
    """

    donors: Donors
    found: Tensor


def with_background(
    having: Mapping[str, Sequence[int]], annotated: Mapping[str, Sequence[bool]]
) -> dict[str, Sequence[int]]:
    """Add the donors of `background` and `figures`, where these have no masks of their own.

    Such a background is the part of an image that no other region covers; the figures are the rest.

    Args:
        having: region to the indices of donors that may have it, for all regions with masks.
        annotated: region to whether each donor is annotated for it.

    Returns:
        `having`, plus those of `background` and `figures` that are missing: the donors that have at
        least one region and are annotated for all regions that define it.
    """
    found = dict(having)
    if not having:
        return found
    some = sorted(set[int]().union(*having.values()))
    for derived in DERIVED:
        if derived not in having:
            needed = sources_of([derived], having)
            found[derived] = [
                place for place in some if all(annotated[one][place] for one in needed)
            ]
    return found


@runtime_checkable
class DonorChooser(Protocol):
    """Interface of an ablation that does not accept every donor with its regions."""

    def described(self, donor: Donors) -> Any:
        """Return what decides about one donor."""

    def wanted(self, context: Context) -> Callable[[int, Any], bool]:
        """Return whether a donor suits an image, from its position in the batch and `described`."""


class DonorList:
    """Assignment of a donor to each evaluated image.

    The possible donors have a seeded order of length N. In draw k, image r of n evaluated images
    gets donor r + k · n of that order. All ablations that need the same regions use the same
    order. With N ≥ n · K donors for K draws, no image donates twice. With fewer donors the order is
    repeated, shifted by one position, so that an image gets the same donor twice only if there is
    no other. The images of one draw share no donor as long as N ≥ n.

    If the evaluated images donate to each other, the order is a ring: in draw k an image gets
    the k-th donor after itself. No image is its own donor, and each donates once per draw.

    A donor is skipped for the next if it cannot be read, if it is the image itself or a copy of
    it, or if its mask of a needed region is empty at this size. An ablation may accept fewer donors
    (`DonorChooser`): each image then gets the next of the first `POOL` that suits it, so that
    several images of a draw may share one.

    Args:
        images: the possible donors, with the masks that ablations need.
        having: region to the indices of donors that may have it. A donor may have `background` or
            `figures` that are missing here, if other regions are listed.
        count: number of donors.
        evaluated: ids of the evaluated images, in order.
        seed: seed of the order.
        names: ids of the donors if the donors are the evaluated images, else None.
        copies: id of an image to the ids of all images with the same content.
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
        self._descriptions: dict[tuple[str, int], Any] = {}
        self._kept: OrderedDict[int, Sample] = OrderedDict()
        self._bytes = 0

    def take(
        self,
        ids: Sequence[str],
        draw: int,
        regions: Sequence[str],
        device: torch.device,
        suits: Callable[[int, int], bool] | None = None,
    ) -> Given | None:
        """Return the donors of some images, or None if none of the images has a donor.

        Args:
            ids: ids of the images, among those evaluated.
            draw: number of the draw; each draw gives an image another donor.
            regions: regions that a donor must have.
            device: device of the result.
            suits: whether a donor, by its index, suits an image, by its position in `ids`; see
                `chosen`. An image that no donor suits gets one that does not.
        """
        order = self.order(regions)
        pool = order[:POOL]
        samples = []
        for image, name in enumerate(ids):
            start = self._start(name, draw, regions)
            sample = None
            if suits is not None:
                sample = self._read(pool, start, name, regions, partial(suits, image))
            samples.append(sample or self._read(order, start, name, regions))
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

    def chosen(
        self, key: str, chooser: DonorChooser, context: Context
    ) -> Callable[[int, int], bool]:
        """Return `suits` of `take` for an ablation. Each donor is read and described once.

        Args:
            key: name of the description: equal for ablations that describe donors alike.
            chooser: the ablation.
            context: context of the images.
        """
        wanted = chooser.wanted(context)

        def suits(image: int, place: int) -> bool:
            if (key, place) not in self._descriptions:
                sample = self._sample(place)
                masks = {region: mask[None] for region, mask in sample["masks"].items()}
                donor = Donors([sample["id"]], to_unit(sample["image"][None]), masks)
                self._descriptions[key, place] = chooser.described(donor)
            return wanted(image, self._descriptions[key, place])

        return suits

    def order(self, regions: Sequence[str]) -> list[int]:
        """Return the indices of the donors that have the regions, in their seeded order."""
        key = tuple(sorted(regions))
        if key not in self._orders:
            suitable = set(range(self.count))
            for region in key:
                if region in self.having or not sources_of([region], self.having):
                    suitable &= set(self.having.get(region, ()))
            listed = sorted(suitable)
            generator = torch.Generator().manual_seed(seed_of(self.seed, "donors", *key))
            shuffled = torch.randperm(len(listed), generator=generator).tolist()
            self._orders[key] = [listed[place] for place in shuffled]
        return self._orders[key]

    def shared(self, regions: Sequence[str], draws: int) -> str | None:
        """Return a sentence for the report if donors donate more than once, else None.

        Args:
            regions: regions that a donor must have.
            draws: K, the number of donors per image.
        """
        there, images = len(self.order(regions)), len(self.ranks)
        if there >= images * draws and not self.among_themselves:
            return None
        having = f" with {' and '.join(sorted(regions))}" if regions else ""
        if there == 0:
            return f"No donors{having}: what would be taken from them was not put in."
        uses = Counter(
            self._start(name, draw, regions) % there for draw in range(draws) for name in self.ranks
        )
        most = max(uses.values())
        if self.among_themselves:
            times = "once" if most == 1 else f"up to {most} times"
            return (
                "All images are tested, so tested images donate to each other, never to "
                f"themselves: {there} donors{having} for {images} images, each {times}. "
                "Intervals take images as independent, and may be too narrow for that."
            )
        return (
            f"{there} donors{having} for {images} images and {draws} draws: each donates up to "
            f"{most} times. Intervals take images as independent, and are too narrow for that."
        )

    def _start(self, name: str, draw: int, regions: Sequence[str]) -> int:
        """Return the position of an image's donor in the order, which is used as a ring."""
        count = len(self.order(regions))
        if not self.among_themselves:
            return self.ranks[name] + self._first(draw, count)
        position = self._position(name, regions)
        if position is None:
            return self.ranks[name] + draw
        return position + 1 + draw % max(count - 1, 1)

    def _position(self, name: str, regions: Sequence[str]) -> int | None:
        """Return the position of an evaluated image in the order of donors, or None."""
        key = tuple(sorted(regions))
        if key not in self._positions:
            order = self.order(regions)
            self._positions[key] = {place: position for position, place in enumerate(order)}
        return self._positions[key].get(self._own[name])

    def _first(self, draw: int, count: int) -> int:
        """Return the position, in the order of `count` donors, of the first image's donor."""
        rounds = max(count // len(self.ranks), 1)
        return draw % rounds * len(self.ranks) + draw // rounds

    def _read(
        self,
        order: list[int],
        rank: int,
        image: str,
        regions: Sequence[str],
        suits: Callable[[int], bool] = lambda _: True,
    ) -> Sample | None:
        """Return the donor at a rank, or the next donor that is usable."""
        for step in range(len(order)):
            place = order[(rank + step) % len(order)]
            if not suits(place):
                continue
            sample = self._sample(place)
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
