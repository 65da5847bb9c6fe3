"""Laws of ablations that concern regions, controls and donors."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from memlab.ablations.base import Ablation
from memlab.ablations.statistics import STATISTICS
from memlab.masks.expression import mask_of
from memlab.testing.breach import require
from memlab.testing.laws import sound
from memlab.testing.samples import Trial, sample_images, sample_masks
from memlab.types import Donors

ALIKE = 0.1
"""Maximum relative difference between the amounts of change of a control and of its target."""


def check_region(ablation: Ablation) -> None:
    """Check that images without the region are not eligible, and nothing changes outside it.

    Raises:
        PluginError: if a law is broken; names it.
    """
    cls, trial = type(ablation), Trial.of(ablation)
    context = trial.context
    for region in ablation.regions:
        other_masks = {name: mask for name, mask in context.masks.items() if name != region}
        derived = mask_of(region, other_masks) is not None  # the background is the rest
        rejected = derived or not ablation.eligible(replace(context, masks=other_masks)).any()
        require(rejected, cls, f"takes images without a mask of {region!r}")
        for word, value in (("empty", 0), ("the whole image", 1)):
            if value == 0 and ablation.family == "insertion":
                continue  # an insertion requires the region to be absent
            named = mask_of(region, context.masks)
            assert named is not None  # a trial has masks of every region
            mask = named.clone()
            mask[0] = value
            eligible = ablation.eligible(trial.with_mask(region, mask).context).tolist()
            require(not eligible[0], cls, f"takes an image whose mask of {region!r} is {word}")
            require(all(eligible[1:]), cls, "rejects an image for the mask of another one")
    region_mask = None if ablation.place.name == "all" else ablation.place.mask(context.masks)
    if region_mask is None:
        return
    changed = sound(ablation, trial, ablation.dose)
    _confined(ablation, trial.images, changed, _reach(region_mask, ablation.margin), "the region")


def check_control(ablation: Ablation) -> None:
    """Check that the control applies the same change: elsewhere, or as a round trip.

    Raises:
        PluginError: if the control is wrong; says how.
    """
    kind = ablation.compared_with
    if kind == "matched-control":
        _changed_only_where_placed(ablation)
    elif kind in ("off-centre-crops", "patch"):
        _elsewhere(ablation)
    elif kind == "round-trip":
        _round_trip(ablation)


def check_donors(ablation: Ablation) -> None:
    """Check that no image is eligible without donors, and that the given donors are used.

    Raises:
        PluginError: if a law is broken; names it.
    """
    if not ablation.needs_donors:
        return
    cls, trial = type(ablation), Trial.of(ablation)
    without = replace(trial.context, donors=None)
    require(not ablation.eligible(without).any(), cls, "needs donors, but takes images without")
    donor_images = sample_images(4, 48, seed=2)
    names = ["other-a", "other-b", "other-c", "other-d"]
    other_donors = Donors(names, donor_images, sample_masks(donor_images, ablation.masks_read))
    changed = ablation(trial.images, trial.context)
    differs = not torch.equal(
        ablation(trial.images, replace(trial.context, donors=other_donors)), changed
    )
    require(differs, cls, "does not use its donors: other ones make the same image")


def _changed_only_where_placed(ablation: Ablation) -> None:
    trial = Trial.of(ablation)
    position = torch.zeros(4, 1, *trial.images.shape[-2:])
    position[..., 30:44, 28:44] = 0.5  # soft edge, like a feathered region
    position[..., 31:43, 29:43] = 1
    control = Trial(trial.images, replace(trial.context, role="control", where=position))
    changed = sound(ablation, control, ablation.dose)
    _confined(ablation, trial.images, changed, position > 0, "the place given for its control")


def _elsewhere(ablation: Ablation) -> None:
    cls, trial = type(ablation), Trial.of(ablation)
    controls = [
        Trial(trial.images, replace(trial.context, role="control", draw=draw)) for draw in (0, 1)
    ]
    target = sound(ablation, trial, ablation.dose)
    controlled = [sound(ablation, control, ablation.dose) for control in controls]
    kind = ablation.compared_with
    differs = not torch.equal(controlled[0], target)
    require(differs, cls, f"declares control {kind!r}, but does the same where it is the control")
    again = torch.equal(ablation(trial.images, controls[0].context), controlled[0])
    require(again, cls, "its control is not a function of (seed, id, draw)")
    if kind == "off-centre-crops":
        require(not torch.equal(*controlled), cls, "its control is the same for another draw")
        statistic = STATISTICS[cls.target]
        amounts = [
            float(statistic(ablation, case.images, case.context, ablation.dose).mean())
            for case in (trial, *controls)
        ]
    else:
        amounts = [_share(trial.images, changed) for changed in (target, *controlled)]
    alike = all(abs(amount - amounts[0]) <= ALIKE * amounts[0] + 0.005 for amount in amounts[1:])
    word = cls.target if kind == "off-centre-crops" else "the share of the image that is changed"
    require(alike, cls, f"its control differs in amount: {word} is {_listed(amounts)}")


def _round_trip(ablation: Ablation) -> None:
    cls, trial = type(ablation), Trial.of(ablation)
    back = Trial(trial.images, replace(trial.context, role="round-trip"))
    sound(ablation, back, ablation.dose)
    # Compare the swapped statistic, because grain that returns as other noise is no closer in
    # pixels.
    statistic = STATISTICS[cls.target]
    swapped, returned = (
        statistic(ablation, case.images, case.context, ablation.dose).mean()
        for case in (trial, back)
    )
    require(bool(swapped < returned), cls, f"round-trip does not undo what {cls.target} shows")


def _confined(
    ablation: Ablation, images: Tensor, changed: Tensor, allowed: Tensor, say: str
) -> None:
    cls = type(ablation)
    moved = (changed != images).any(dim=1, keepdim=True)
    beyond = f", and its margin of {ablation.margin:g} % of the width" if ablation.margin else ""
    outside = bool((moved & ~allowed).any())
    require(not outside, cls, f"changes pixels outside {say}{beyond}")
    inside = bool((moved & allowed).flatten(1).any(dim=1).all())
    require(inside, cls, f"changes nothing inside {say}")


def _reach(mask: Tensor, margin: float) -> Tensor:
    """Return a mask (B, 1, H, W) dilated by `margin` % of the width, as bool."""
    pixels = math.ceil(margin / 100 * mask.shape[-1]) + 1 if margin else 0
    return max_pool2d(mask.float(), 2 * pixels + 1, stride=1, padding=pixels) > 0


def _share(images: Tensor, changed: Tensor) -> float:
    return float(((changed - images).abs().amax(dim=1) > 1 / 512).float().mean())


def _listed(amounts: list[float]) -> str:
    return f"{amounts[0]:.3g}, that of the control " + " and ".join(f"{x:.3g}" for x in amounts[1:])
