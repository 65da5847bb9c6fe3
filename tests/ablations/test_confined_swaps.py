"""Swaps that are confined to a region, and the region `figures`."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memlab import Context
from memlab.ablations.colour_swaps import SwapPalette
from memlab.ablations.statistics import STATISTICS
from memlab.imaging.colour import luma
from memlab.masks.expression import Region, mask_of
from memlab.types import Donors
from tests.builders.swaps import pairs


def test_figures_are_everything_that_the_background_is_not() -> None:
    face, text = torch.zeros(2, 1, 1, 8, 8)
    face[..., :4, :4], text[..., 3:6, 3:6] = 1, 1
    masks = {"faces": face, "text": text}
    assert torch.equal(mask_of("figures", masks), torch.maximum(face, text))
    background = torch.zeros(1, 1, 8, 8)
    background[..., 7:, :] = 1
    assert torch.equal(mask_of("figures", {**masks, "background": background}), 1 - background)
    assert torch.equal(mask_of("figures", {**masks, "figures": text}), text)
    assert mask_of("figures", {}) is None
    assert Region.parse("not figures", "here").mask(masks).sum() == 64 - 24
    # an image has figures only if it is annotated for everything that could be one
    known = Context(["a"], masks=masks, annotated={"text": torch.tensor([False])})
    assert not known.annotated_for("figures")
    assert replace(known, masks={**masks, "background": background}).annotated_for("figures")


@pytest.mark.parametrize("region", ["background", "figures", "faces", "not faces"])
def test_a_confined_swap_takes_the_value_of_the_same_region(region: str) -> None:
    images, context = pairs(12)
    assert context.donors is not None
    swap = SwapPalette(region=region)
    assert swap.eligible(context).all()
    changed = swap(images, context)
    mask = swap.place.mask(context.masks)
    assert mask is not None
    outside = (mask == 0).expand_as(images)
    assert torch.equal(changed[outside], images[outside])
    assert torch.allclose(luma(changed), luma(images), atol=1e-5)
    # only the donor's region counts
    there = swap.place.mask(context.donors.masks)
    other = replace(context, donors=replace(context.donors, images=context.donors.images * there))
    assert torch.allclose(swap(images, other), changed, atol=1e-5)
    statistic = STATISTICS["palette_to_donor"]
    left, whole = (statistic(swap, images, context, dose) for dose in (1.0, 0.0))
    assert (left / whole.clamp(min=1e-3)).median() < 0.1
    back = swap(images, replace(context, role="round-trip"))
    far, near = ((one - images).square().mean() for one in (changed, back))
    assert near < 0.1 * far


def test_a_background_without_figures_is_swapped_as_a_whole() -> None:
    images, context = pairs(4)
    assert context.donors is not None
    empty = {name: torch.zeros_like(context.masks["faces"]) for name in ("faces", "text")}
    donors = Donors(context.donors.ids, context.donors.images, empty)
    bare = replace(context, masks=empty, donors=donors)
    swap = SwapPalette(region="background")
    assert swap.eligible(bare).all()
    assert torch.allclose(swap(images, bare), SwapPalette()(images, context), atol=1e-5)
    assert not SwapPalette(region="figures").eligible(bare).any()
    assert not swap.eligible(replace(bare, masks={})).any()
