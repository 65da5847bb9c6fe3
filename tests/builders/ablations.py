"""Ablations that keep the contract, and one way to break it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memlab import Ablation, Context
from memlab.imaging.colour import desaturate


class Pale(Ablation):
    """Keeps the contract: takes colour out."""

    family = "colour"
    unit = "of the colour"
    target = "chroma"
    control = "nuisance-baseline"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(amount, region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        return desaturate(images, dose)


class Borrow(Pale):
    """Keeps the contract: mixes a donor in, by half at most."""

    control = "round-trip"
    needs_donors = True

    def __init__(self, amount: float = 0.4) -> None:
        super().__init__(amount)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        assert context.donors is not None
        return torch.lerp(images, context.donors.images, dose / 2)


class Patch(Pale):
    """Keeps the contract: greys a box; a grey box of the same size elsewhere is its control."""

    control = "patch"

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(amount)

    def corners(self, images: Tensor, context: Context) -> list[int]:
        drawn = context.generators(self.name)
        return [int(torch.randint(images.shape[-1] // 2, (), generator=one)) for one in drawn]

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        changed = images.clone()
        for place, left in enumerate(self.corners(images, context)):
            box = changed[place, :, :, left : left + images.shape[-1] // 2]
            grey = desaturate(box[None], dose)[0]
            box.copy_(box.flip(0) if context.role == "control" else grey)
        return changed


class Weak(Pale):
    """Keeps the contract: its primary dose is the least."""

    def __init__(self, amount: float = 0.2, region: str = "all") -> None:
        super().__init__(amount, region)


class Window(Patch):
    """Declares windows; its control greys another channel order of the same place."""

    control = "off-centre-crops"

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        return desaturate(images.flip(1) if context.role == "control" else images, dose / 2)


class Once(Pale):
    """Keeps the contract: a change that is made or not."""

    ladder = (1.0,)


def kept(images: Tensor, *_: Any) -> Tensor:
    return images


def breaks(base: type[Ablation] = Pale, **members: Any) -> type[Ablation]:
    """A subclass with some members replaced."""
    return type("Broken", (base,), members)
