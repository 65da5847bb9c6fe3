"""The contract of ablations: regions, margins, controls and donors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from memlab import Ablation, Context
from memlab.errors import PluginError
from memlab.testing import check_ablation
from memlab.types import Donors
from tests.builders.ablations import Borrow, Pale, Patch, Window, breaks


@pytest.mark.parametrize(
    ("eligible", "message"),
    [
        (lambda self, context: torch.zeros(4), "does not return"),
        (
            lambda self, context: torch.zeros(len(context.ids), dtype=torch.bool),
            "rejects images that have what it needs",
        ),
        (
            lambda self, context: torch.ones(len(context.ids), dtype=torch.bool),
            "takes images without a mask of 'faces'",
        ),
        (
            lambda self, context: torch.full(
                (len(context.ids),), all(name in context.masks for name in self.regions)
            ),
            "takes an image whose mask of 'faces' is empty",
        ),
        (
            lambda self, context: torch.stack(
                [
                    Pale.eligible(self, context).all()
                    if "faces" in context.masks
                    else torch.tensor(not self.regions)
                ]
                * len(context.ids)
            ),
            "rejects an image for the mask of another one",
        ),
    ],
)
def test_eligibility(eligible: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_ablation(breaks(eligible=eligible))


@pytest.mark.parametrize(
    ("within", "message"),
    [
        (lambda self, context: None, "changes pixels outside the region"),
        (
            lambda self, context: self.place.mask(context.masks),
            "changes pixels outside the place given for its control",
        ),
        (
            lambda self, context: (
                None
                if self.place.name == "all" and context.where is None
                else torch.zeros(1, 1, 1, 1)
            ),
            "changes nothing inside the region",
        ),
    ],
)
def test_regions_and_places(within: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_ablation(breaks(within=within))


def test_a_change_reaches_no_farther_than_its_margin() -> None:
    def spread(self: Ablation, context: Context) -> Tensor | None:
        own = Ablation.within(self, context)
        if own is None or context.where is not None:
            return own
        return torch.nn.functional.max_pool2d(own, 5, stride=1, padding=2)

    check_ablation(breaks(within=spread, margin=4.0))
    with pytest.raises(PluginError, match="changes pixels outside the region"):
        check_ablation(breaks(within=spread))


def bigger(self: Patch, images: Tensor, context: Context, dose: float) -> Tensor:
    if context.role == "control":
        return images.flip(1)
    return Patch.change(self, images, context, dose)


def whole(self: Patch, images: Tensor, context: Context, dose: float) -> Tensor:
    return Patch.change(self, images, replace(context, role="target"), dose)


def test_controls_that_are_not_the_same_elsewhere() -> None:
    with pytest.raises(PluginError, match="declares control 'patch', but does the same where"):
        check_ablation(breaks(Patch, change=whole))
    with pytest.raises(PluginError, match="its control differs in amount: the share of"):
        check_ablation(breaks(Patch, change=bigger))
    with pytest.raises(PluginError, match="its control is the same for another draw"):
        check_ablation(Window)


def test_donors_are_needed_used_and_returned_from() -> None:
    with pytest.raises(PluginError, match="needs donors, but takes images without"):
        check_ablation(
            breaks(
                Borrow,
                eligible=lambda self, context: torch.ones(len(context.ids), dtype=torch.bool),
            )
        )
    with pytest.raises(PluginError, match="does not use its donors"):
        check_ablation(
            breaks(
                Borrow,
                change=lambda self, images, context, dose: torch.lerp(
                    images, Pale.change(self, images, context, dose), 0.5
                ),
            )
        )

    def one_way(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
        assert isinstance(context.donors, Donors)
        if context.role == "round-trip":
            return images * 0
        return Borrow.change(self, images, context, dose)  # type: ignore[arg-type]

    with pytest.raises(PluginError, match="round-trip does not undo what chroma shows"):
        check_ablation(breaks(Borrow, change=one_way))
    with pytest.raises(PluginError, match="round-trip does not undo what chroma shows"):
        check_ablation(breaks(Borrow, one_pass=True))  # says that it sees to its way back, in vain
