"""The contract of ablations: a change that breaks a law is told which."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from memlab import Ablation, Context
from memlab.errors import PluginError
from memlab.imaging.colour import desaturate
from memlab.testing import check_ablation, check_plugin
from tests.builders.ablations import Pale, Weak, breaks


def forgetful() -> Any:
    """A change that depends on how often it was asked for."""
    count = [0]

    def change(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
        count[0] += 1
        return desaturate(images, dose) * (1 - 1e-3 * count[0])

    return change


def ratchet() -> Any:
    """A change that never gets weaker again."""
    most = [0.0]

    def change(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
        most[0] = max(most[0], dose)
        return desaturate(images, most[0])

    return change


def by_batch(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return torch.lerp(images, desaturate(images, 1).mean(dim=0, keepdim=True), dose)


def by_place(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    ramp = 1 - 0.01 * torch.arange(len(images)).view(-1, 1, 1, 1)
    return desaturate(images, dose) * ramp


def in_place(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return images.mul_(0.999)


def thrown(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return 0.99 * desaturate(images, dose) + 0.01 * torch.rand(images.shape)


def stuck(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    context.generators(self.name)
    generator = torch.Generator().manual_seed(1)
    noise = torch.rand(images.shape[1:], generator=generator)
    return 0.99 * desaturate(images, dose) + 0.01 * noise


def of_the_dose(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    drawn = context.generators(f"{self.name} {dose}")
    noise = [torch.rand(images.shape[1:], generator=one) for one in drawn]
    return 0.99 * desaturate(images, dose) + 0.01 * torch.stack(noise)


def squares_only(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return torch.minimum(desaturate(images, dose), desaturate(images, dose).mT.mT + images.mT * 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda self, images, context, dose: images, "chroma does not fall at dose 0.2"),
        (
            lambda self, images, context, dose: desaturate(images, min(dose, 0.6)),
            "chroma does not fall at dose 0.8",
        ),
        (lambda self, images, context, dose: images[..., 1:], r"returned \(4, 3, 48, 47\) float32"),
        (lambda self, images, context, dose: images[:, :1], r"returned \(4, 1, 48, 48\) float32"),
        (lambda self, images, context, dose: images.double(), r"returned .* float64 on cpu, not"),
        (
            lambda self, images, context, dose: images * float("nan"),
            r"returned values outside \[0, 1\] \(NaN\) for image a at dose 1",
        ),
        (
            lambda self, images, context, dose: desaturate(images, dose) * 255,
            r"returned values outside \[0, 1\] \(.* to .*\) for image a at dose 1",
        ),
        (forgetful(), r"is not a function of \(seed, id, draw\)"),
        (by_batch, "depends on the other images of the batch"),
        (by_place, "depends on the order of the batch"),
        (in_place, "changes its input in place"),
        (thrown, "uses the process's own random numbers"),
        (stuck, "is random, but the same for another draw"),
        (of_the_dose, "asks for other random numbers at another dose"),
        (squares_only, "cannot change images of 41 × 57 pixels"),
    ],
)
def test_changes_that_break_a_law(change: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_plugin("ablations", breaks(change=change))


def test_a_change_that_remembers() -> None:
    with pytest.raises(PluginError, match="depends on the doses asked before"):
        check_ablation(breaks(Weak, change=ratchet()))


def test_the_base_classs_own_laws_are_held_against_those_who_replace_it() -> None:
    def forward(
        self: Ablation, images: Tensor, context: Context, dose: float | None = None
    ) -> Tensor:
        return self.change(images, context, self.dose if dose is None else dose)

    with pytest.raises(PluginError, match=r"takes dose -1, outside 0 to 1"):
        check_ablation(breaks(forward=forward))
    with pytest.raises(PluginError, match=r"takes dose 1.01, outside 0 to 1"):
        check_ablation(
            breaks(checked=lambda self, dose: dose if dose > 0 else Ablation.checked(self, dose))
        )

    def nudging(
        self: Ablation, images: Tensor, context: Context, dose: float | None = None
    ) -> Tensor:
        return Pale.forward(self, images, context, dose) * 0.99999  # type: ignore[arg-type]

    with pytest.raises(PluginError, match="dose 0 is not the identity"):
        check_ablation(breaks(forward=nudging))
