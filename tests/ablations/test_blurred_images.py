"""What a swap or an insertion draws into a blurred image is as blurred as the image."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.colour_swaps import SwapPalette
from memlab.ablations.contrast_swaps import SwapContrast
from memlab.ablations.insertion import Paste
from memlab.ablations.layout_swaps import SwapLayout
from memlab.imaging.blur import blur_variance
from memlab.synthetic import World, sample
from memlab.types import Context, Donors
from tests.builders.images_with_masks import drawn

CROWDED = World(
    name="crowded", weights={"object": 1.0}, prevalence={"face": 0.0, "object": 0.95, "text": 0.0}
)
FACES = World(name="faces", weights={"face": 1.0}, prevalence={"face": 0.95, "text": 0.0})
BLUR = 1.5


def blurred_images_with_sharp_donors(n: int = 24) -> tuple[Tensor, Context]:
    """Images whose blur is known to be strong, and donors without any."""
    latents = [replace(sample(5, index, CROWDED), blur=BLUR) for index in range(n)]
    images, context = drawn(latents)
    donors, theirs = drawn([replace(sample(6, index, FACES), blur=0.0) for index in range(n)])
    given = Donors([f"donor {one}" for one in theirs.ids], donors, theirs.masks)
    return images, Context(context.ids, seed=3, masks=context.masks, donors=given)


@pytest.mark.parametrize(
    "ablation",
    [
        SwapPalette(region="background", luma="donor"),
        SwapContrast(region="background"),
        SwapLayout(),
        Paste(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_changed_image_is_as_blurred_as_before(ablation: Ablation) -> None:
    images, context = blurred_images_with_sharp_donors()
    chosen = ablation.eligible(context).nonzero().flatten()
    assert len(chosen) >= 8
    images, context = images[chosen], context.select(chosen)
    before = blur_variance(images)
    after = blur_variance(ablation(images, context))
    assert (torch.minimum(after, before) / before).nanmedian() > 0.6


def test_a_confined_swap_of_a_sharp_image_has_a_hard_edge() -> None:
    latents = [sample(6, index, CROWDED) for index in range(12)]
    images, context = drawn(latents)
    donors, theirs = drawn([sample(7, index, FACES) for index in range(12)])
    context = Context(
        context.ids, 3, masks=context.masks, donors=Donors(theirs.ids, donors, theirs.masks)
    )
    sharp = (blur_variance(images) == 0).nonzero().flatten()
    images, context = images[sharp], context.select(sharp)
    swap = SwapContrast(region="background")
    everywhere = swap.changed(images, context, swap.donors_of(context))
    ground = context.masks["background"] > 0
    assert torch.equal(swap(images, context), torch.where(ground, everywhere, images))
