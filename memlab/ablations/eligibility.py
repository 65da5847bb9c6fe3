"""Reasons why a condition does not change an image, such as an absent region."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.data.donors import DonorChooser
from memlab.masks.expression import mask_of
from memlab.types import Context

Reason = Literal["absent", "present", "not annotated", "no donor", "no room", "not possible"]
"""Reasons why an image is not eligible.

`absent`: the image is annotated for the region and lacks it. `present`: the image has the region
that would be added. `not annotated`: the image is not annotated, so it may have the region or lack
it. `no donor`: no donor is left, or the donor lacks the region, or has no complete figure of it, or
none of the size of the image's figure.
`no room`: a matched control or an added region would cover an annotated region, or extend beyond
the image. `not possible`: any other reason, such as a region that covers the whole image. An image
that is annotated and not `absent` has the region that the ablation changes."""


@runtime_checkable
class ReasonGiver(Protocol):
    """Interface of an ablation that has its own reasons."""

    def reasons(self, context: Context) -> list[Reason | None]:
        """Return why each image is not eligible, None for eligible images."""


def reasons(
    ablation: Ablation,
    context: Context,
    eligible: Tensor,
    donated: Tensor,
    annotated: Tensor | None = None,
) -> list[Reason | None]:
    """Return the reason why each image is not eligible, None for eligible images.

    Args:
        ablation: the ablation.
        context: context of the images, with the donors of this draw.
        eligible: (B,) bool, after all checks.
        donated: (B,) bool, whether the image has a donor.
        annotated: for a control, (B,) bool: whether the image is annotated for every region, which
            a matched control requires; None for other roles.
    """
    if eligible.all():
        return [None] * len(eligible)
    if isinstance(ablation, ReasonGiver) and context.role in ("target", "control"):
        own = ablation.reasons(context)
        return [
            None if able else why or "no donor" for able, why in zip(eligible, own, strict=True)
        ]
    absent = ablation.absent(context)
    known = context.annotated_for(*ablation.regions, *ablation.place.without)
    if any(mask_of(region, context.masks) is None for region in ablation.regions):
        known = torch.zeros_like(known)
    complete = donated & _donor_has(ablation, context)
    found: list[Reason | None] = []
    for image, able in enumerate(eligible.tolist()):
        reason: Reason = "not possible"
        if able:
            found.append(None)
            continue
        if absent[image]:
            reason = "absent"
        elif not known[image]:
            reason = "not annotated"
        elif not complete[image]:
            reason = "no donor"
        elif annotated is not None:
            reason = "no room" if annotated[image] else "not annotated"
        elif isinstance(ablation, DonorChooser):
            reason = "no donor"
        found.append(reason)
    return found


def _donor_has(ablation: Ablation, context: Context) -> Tensor:
    """Return whether each image has a donor with the required regions: (B,) bool."""
    every = torch.ones(len(context.ids), dtype=torch.bool)
    if not ablation.needs_donors:
        return every
    if context.donors is None:
        return ~every
    for region in ablation.donor_regions:
        mask = mask_of(region, context.donors.masks)
        every &= ~every if mask is None else ablation.usable(mask)
    return every
