"""What an ablation is: one way to take something out of a picture, by a dose."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from memlab.errors import MemlabError
from memlab.registry import plugin_of
from memlab.seeds import seed_of
from memlab.spec import Specified

Control = Literal["placed", "windows", "there-and-back", "floor"]
"""What an effect is compared with: occlusions placed elsewhere, windows elsewhere, a swap there and
back, or the floor of nuisance changes."""


@dataclass(frozen=True)
class Context:
    """What an ablation may know about the pictures of a batch besides their pixels.

    Args:
        ids: image ids, one per picture.
        seed: the seed of the evaluation.
        draw: which repetition of a random ablation this is.
        masks: region name to (B, 1, H, W) masks, 0 or 1, of the pictures.
    """

    ids: Sequence[str]
    seed: int = 0
    draw: int = 0
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    def generators(self, name: str) -> list[torch.Generator]:
        """One seeded CPU generator per picture.

        Its seed depends on (seed, image id, `name`, draw) alone: not on the dose, the place in the
        batch, the device or the number of processes. Draw on the CPU, then move.
        """
        return [
            torch.Generator().manual_seed(seed_of(self.seed, image, name, self.draw))
            for image in self.ids
        ]

    def select(self, chosen: Tensor) -> Context:
        """The context of some of the pictures: `chosen` holds their places, (b,) int64."""
        masks = {name: mask[chosen.to(mask.device)] for name, mask in self.masks.items()}
        ids = [self.ids[place] for place in chosen.tolist()]
        return replace(self, ids=ids, masks=masks)


class Ablation(Specified, nn.Module, ABC):
    """One way to take something out of a picture.

    A subclass declares the class variables, takes typed arguments with defaults in its constructor
    (the first is the primary dose), and implements `change`. The base class sees to the rest: dose
    0 returns the input bit for bit, values stay in [0, 1], and a region confines the change.

    Args:
        dose: the primary dose, in the natural unit of the ablation.
        region: `all`, the name of a region, or `not NAME`.

    Raises:
        MemlabError: if the dose lies outside 0 to `maximum`, or the region cannot be read.
    """

    family: ClassVar[str]
    """One of `memlab.ablations.FAMILIES`."""
    unit: ClassVar[str]
    """Unit of the dose, as printed behind it."""
    target: ClassVar[str]
    """Name in `memlab.ablations.statistics.STATISTICS` of what must fall as the dose grows."""
    control: ClassVar[Control]
    """What the effect is compared with."""
    ladder: ClassVar[tuple[float, ...]]
    """At least five doses, growing, without 0; the default primary dose is one of them."""
    maximum: ClassVar[float]
    """The largest dose that means something."""

    def __init__(self, dose: float, region: str = "all") -> None:
        super().__init__()
        self.dose = self.checked(dose)
        self.region = region
        self.inverted = region.split()[:1] == ["not"]
        name = region.removeprefix("not").strip() if self.inverted else region
        if not name or " " in name or (self.inverted and name == "all"):
            raise MemlabError(f"{self.name}: region {region!r} is not 'all', NAME or 'not NAME'")
        self.regions: tuple[str, ...] = () if name == "all" else (name,)

    @functools.cached_property
    def name(self) -> str:
        """The plugin's name, or the class's where it is not registered."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else type(self).__name__.lower()

    def checked(self, dose: float) -> float:
        """The dose itself, or a MemlabError that shows the ladder."""
        if not 0 <= dose <= self.maximum:
            steps = ", ".join(f"{step:g}" for step in self.ladder)
            raise MemlabError(
                f"{self.name}: dose {dose:g} {self.unit} is outside 0 to {self.maximum:g} "
                f"(ladder: {steps})"
            )
        return float(dose)

    def eligible(self, context: Context) -> Tensor:
        """Which pictures have what the ablation needs: (B,) bool, on the CPU.

        A picture whose region is missing, or empty (or, inverted, covers all), is not eligible.
        """
        eligible = torch.ones(len(context.ids), dtype=torch.bool)
        for region in self.regions:
            mask = context.masks.get(region)
            if mask is None:
                return torch.zeros_like(eligible)
            eligible &= (self._inside(mask) > 0).flatten(1).any(dim=1).cpu()
        return eligible

    def forward(self, images: Tensor, context: Context, dose: float | None = None) -> Tensor:
        """Change the pictures.

        Args:
            images: (B, 3, H, W) float in [0, 1]; left as they are.
            context: ids, seed, draw and masks of the same pictures.
            dose: in the ablation's unit; the primary dose by default.

        Returns:
            (B, 3, H, W), same dtype and device, in [0, 1]; at dose 0 the input bit for bit.
        """
        dose = self.dose if dose is None else self.checked(dose)
        if dose == 0:
            return images
        changed = self.change(images, context, dose).clamp(0, 1)
        for region in self.regions:
            changed = torch.where(self._inside(context.masks[region]) > 0, changed, images)
        return changed

    def _inside(self, mask: Tensor) -> Tensor:
        return 1 - mask if self.inverted else mask

    @abstractmethod
    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Change whole pictures by a dose above 0, each independently of the others.

        Args:
            images: (B, 3, H, W) float in [0, 1]; must not be changed in place.
            context: ids, seed, draw and masks of the same pictures.
            dose: above 0, in the ablation's unit.

        Returns:
            (B, 3, H, W), same dtype and device; clamped to [0, 1] by the caller.
        """
