"""Taking regions out: holes, what fills them, and who is eligible."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import memlab
from memlab import Ablation, Context, evaluate, plan
from memlab.ablations.evaluate import changed_images
from memlab.ablations.insertion import Paste
from memlab.ablations.preparation import Preparation
from memlab.ablations.removal import (
    Occlude,
    Remove,
    RemoveBackground,
    RemoveFaces,
    RemoveObjects,
    RemovePeople,
    RemoveText,
)
from memlab.ablations.statistics import STATISTICS
from memlab.errors import MemlabError
from memlab.imaging.morphology import dilated
from memlab.synthetic import World, removed, sample
from memlab.testing import sample_images
from memlab.types import Donors
from memlab.validation.matrix import images_and_donors
from tests.builders.images_with_masks import drawn, wide_images

EVERY = World(name="every", weights={"face": 1.0})

REMOVALS = [RemoveFaces, RemovePeople, RemoveObjects, RemoveText, RemoveBackground]


@pytest.fixture(scope="module")
def photos() -> tuple[Tensor, Context]:
    """30 synthetic images, each with a donor."""
    images, context = drawn([sample(5, index, EVERY) for index in range(30)])
    donated, theirs = drawn([sample(5, index, EVERY) for index in range(500, 530)])
    return images, replace(context, donors=Donors(theirs.ids, donated, theirs.masks))


@pytest.mark.slow
@pytest.mark.parametrize("cls", [*REMOVALS, Occlude, Paste])
def test_the_laws(cls: type[Ablation], photos: tuple[Tensor, Context]) -> None:
    ablation = cls()  # type: ignore[call-arg]
    images, context = photos
    chosen = ablation.eligible(context).nonzero().flatten()[:5]
    assert len(chosen) >= 3
    images, context = images[chosen], context.select(chosen)
    before = images.clone()
    assert ablation(images, context, 0) is images
    last = STATISTICS[ablation.target](ablation, images, context, 0)
    for dose in ablation.ladder:
        changed = ablation(images, context, dose)
        assert changed.dtype == images.dtype
        assert changed.shape == images.shape
        assert ((changed >= 0) & (changed <= 1)).all()
        assert torch.equal(images, before)
        one = torch.tensor([2])
        alone = ablation(images[one], context.select(one), dose)
        assert torch.allclose(alone, changed[one], atol=1e-5)
        now = STATISTICS[ablation.target](ablation, images, context, dose)
        assert (now < last).all()
        last = now


def test_the_dose_is_the_share_of_the_way(photos: tuple[Tensor, Context]) -> None:
    images, context = photos
    chosen = RemoveFaces().eligible(context).nonzero().flatten()
    images, context = images[chosen], context.select(chosen)
    for fill in ("mean", "donor"):
        whole = RemoveFaces(fill=fill)(images, context) - images
        part = RemoveFaces(fill=fill)(images, context, 0.4) - images
        assert torch.allclose(part, 0.4 * whole, atol=1e-6)


def test_a_face_taken_out_is_close_to_an_image_without_it() -> None:
    latents = [sample(5, index, EVERY) for index in range(60)]
    latents = [one for one in latents if one.face and not one.person and one.blur > 0.5]
    images, context = drawn(latents)
    without, _ = drawn([removed(one, "face") for one in latents])
    mask = (context.masks["faces"] > 0).float()
    chosen = mask.flatten(1).any(dim=1)

    def error(found: Tensor) -> Tensor:
        return ((found - without).square() * mask).sum(dim=(1, 2, 3))[chosen]

    assert chosen.sum() >= 5
    for fill in ("harmonic", "mean", "blur"):
        left = error(RemoveFaces(fill=fill)(images, context))
        assert (left < error(images)).all()
        # noise like the surroundings' is not the noise that was there: it adds to the error
        assert left.mean() < (0.6 if fill == "harmonic" else 0.5) * error(images).mean()


@pytest.mark.slow
def test_removing_faces_moves_the_models_that_read_them() -> None:
    images, context = drawn([sample(5, index, EVERY) for index in range(60)])
    chosen = RemoveFaces().eligible(context).nonzero().flatten()
    images, context = images[chosen], context.select(chosen)
    for name, fill in (("face_chroma", "harmonic"), ("face_luminance", "mean")):
        model = memlab.load(f"white_box_{name}")
        change = model.scores(images, context) - model.scores(
            RemoveFaces(fill=fill)(images, context), context
        )
        assert change.square().mean().sqrt() > 0.03
        text = RemoveText(margin=0.0)
        there = text.eligible(context).nonzero().flatten()
        some, part = images[there], context.select(there)
        assert torch.allclose(model.scores(text(some, part), part), model.scores(some, part))


def test_people_keep_their_faces(photos: tuple[Tensor, Context]) -> None:
    images, context = photos
    chosen = RemovePeople().eligible(context).nonzero().flatten()
    images, context = images[chosen], context.select(chosen)
    changed = RemovePeople()(images, context)
    face = (context.masks["faces"] > 0).expand_as(images)
    assert torch.equal(changed[face], images[face])
    own = (context.masks["people"] > 0) & (dilated(context.masks["faces"].float(), 2) == 0)
    assert (changed - images).abs()[own.expand_as(images)].mean() > 0.05


def test_who_is_eligible() -> None:
    mask = torch.zeros(4, 1, 64, 64)
    mask[1, :, 20:40, 20:40] = 1
    mask[2] = 1
    mask[3, :, 1:-1, 1:-1] = 1  # with its margin it covers all
    context = Context(["a", "b", "c", "d"], masks={"faces": mask, "people": mask})
    assert RemoveFaces().eligible(context).tolist() == [False, True, False, False]
    assert RemoveFaces(margin=0.0).eligible(context).tolist() == [False, True, False, True]
    assert not RemoveFaces(fill="donor").eligible(context).any()
    assert not RemovePeople().eligible(context).any()  # there are only faces
    assert not RemoveText().eligible(context).any()
    # the background is what is not labelled, where there are no masks of it
    assert RemoveBackground().eligible(context).tolist() == [False, True, False, True]
    grey = RemoveBackground()(sample_images(4, 64), context)
    assert (grey[1, :, mask[1, 0] == 0] == 0.5).all()


def test_a_control_makes_the_same_hole_elsewhere(photos: tuple[Tensor, Context]) -> None:
    images, context = photos
    seen: list[Tensor] = []

    def score(changed: Tensor, part: Context) -> Tensor:
        place = [context.ids.index(name) for name in part.ids]
        seen.append((changed != images[place]).any(dim=1).float().mean(dim=(1, 2)))
        return changed.mean(dim=(1, 2, 3))

    conditions = plan([RemoveFaces(fill="grey")], controls=1)
    target, _, control = list(evaluate(score, images, context, conditions))
    both = target.eligible & control.eligible
    assert both.sum() >= 3
    areas = [torch.full((30,), torch.nan) for _ in range(2)]
    for area, one, scored in zip(areas, seen[::2], (target, control), strict=True):
        area[scored.eligible] = one
    whole = (RemoveFaces().within(context) > 0).float().mean(dim=(1, 2, 3))[both]
    for area in areas:  # of each a margin of its own, not larger than that of a single draw
        assert ((area[both] > 0.7 * whole) & (area[both] <= whole + 0.005)).all()
    assert abs(float((areas[0] - areas[1])[both].mean())) < 0.01


def test_masks_of_another_size_are_named() -> None:
    images, context = wide_images()
    with pytest.raises(MemlabError) as caught:
        RemoveFaces()(sample_images(3, 64), context)
    message = str(caught.value)
    assert "\n" not in message
    for part in ("'faces'", "image a", "70 × 45", "64 × 64"):
        assert part in message
    assert RemoveFaces()(images, context).shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": "all"}, "leaves nothing to fill from"),
        ({"margin": -1.0, "region": "faces"}, "margin -1"),
        ({"region": "background", "fill": "donor"}, "use swap_background"),
        ({"amount": 1.5, "region": "faces"}, "outside 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(MemlabError, match=message):
        Remove(**arguments)  # type: ignore[arg-type]


@pytest.mark.slow
def test_all_patches_lie_where_the_insertion_does_and_differ_in_colour_alone() -> None:
    images, context, donors = images_and_donors(12, 48, "A", 5, 4)
    conditions = [one for one in plan([Paste()], controls=4) if one.role != "nuisance"]
    preparation = Preparation(images, context, conditions, donors)
    made: dict[tuple[str, int], Tensor] = {}
    donated = set()
    for condition in conditions:
        for draw in range(condition.draws):
            prepared = preparation.prepare(condition, draw)
            (_, changed), *_ = changed_images(images, prepared, condition, 12)
            eligible = prepared.eligible
            assert prepared.context.donors is not None
            donated.add(tuple(prepared.context.donors.ids))
            made[condition.role, draw] = changed - images[eligible]
    assert len(donated) == 1
    where = {key: difference.abs().amax(dim=1) > 1e-4 for key, difference in made.items()}
    area = where["target", 0].flatten(1).sum(dim=1)
    for draw in range(4):
        unlike = (where["control", draw] != where["target", 0]).flatten(1).sum(dim=1)
        assert (unlike <= 0.03 * area + 2).all()  # pixels that have the colour already
    drawn = torch.stack([made["control", draw] for draw in range(4)])
    # two places of one plain thing have one colour, but not all four
    assert (drawn.std(dim=0).amax(dim=(1, 2, 3)) > 1e-3).all()
