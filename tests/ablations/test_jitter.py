"""Repeated draws of a removal: their margin and feather vary, like those of the controls."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import TARGET_DRAWS, plan
from memlab.ablations.removal import RemoveFaces, RemovePeople
from memlab.testing import sample_images
from memlab.types import Context

SIZE = 96


def faces(count: int, size: int = SIZE) -> Tensor:
    mask = torch.zeros(count, 1, size, size)
    mask[..., 10:30, 10:30] = 1
    return mask


def context(count: int = 40) -> Context:
    ids = [f"{index}.png" for index in range(count)]
    return Context(ids, masks={"faces": faces(count)}, jittered=True)


def test_jittered_weights_stay_within_their_bounds_and_differ_between_draws_and_roles() -> None:
    removal, many = RemoveFaces(margin=6.25), context()  # 6 of 96 pixels
    plain = removal.within(replace(many, jittered=False))
    found = {
        (role, draw): removal.within(replace(many, role=role, draw=draw))
        for role in ("target", "control")
        for draw in range(3)
    }
    assert plain is not None
    for weights in found.values():
        assert weights is not None
        assert (weights[many.masks["faces"] > 0] == 1).all()
        assert (weights[plain == 0] == 0).all()
        across = (weights[:, 0, 20, 30:] > 0).sum(dim=1)  # pixels beyond the face
        assert set(across.tolist()) == {4, 5, 6}
        soft = ((weights[:, 0, 20, 30:] > 0) & (weights[:, 0, 20, 30:] < 1)).sum(dim=1)
        assert soft.min() == 0  # some edges are hard
        assert soft.max() == 6  # and some fade out over as many pixels as without jitter
    keys = list(found)
    for one, other in pairwise(keys):
        assert not torch.equal(found[one], found[other])  # type: ignore[arg-type]
    again = removal.within(replace(many, ids=many.ids[::-1], masks=many.masks, role="target"))
    assert torch.equal(again.flip(0), found["target", 0])  # type: ignore[union-attr,arg-type]
    other_fill = RemoveFaces(0.4, margin=6.25, fill="mean").within(replace(many, role="target"))
    assert torch.equal(other_fill, found["target", 0])  # type: ignore[arg-type]


def test_only_repeated_draws_and_controls_jitter() -> None:
    images, known = sample_images(6, SIZE), replace(context(6), jittered=False)
    shown: list[Tensor] = []

    def score(changed: Tensor, _: Context) -> Tensor:
        shown.append(changed)
        return changed.mean((1, 2, 3))

    removal = RemoveFaces(fill="mean", margin=6.25)
    list(evaluate(score, images, known, plan([removal])))
    assert torch.equal(shown.pop(), removal(images, known))  # one draw: the plain removal
    conditions = plan([removal], controls=3)
    assert {one.role: one.draws for one in conditions} == {"target": TARGET_DRAWS, "control": 3}
    list(evaluate(score, images, known, conditions))
    first, second, *controls = shown
    assert not torch.equal(first, second)
    changed = [(one != images).any(dim=1) for one in controls]
    assert torch.stack(changed).sum(dim=0).max() == 1  # controls share no pixels
    assert not (torch.stack(changed) & (known.masks["faces"][:, 0] > 0)).any()
    areas = torch.stack([one.flatten(1).sum(dim=1) for one in changed])
    assert (areas.float().std(dim=0) > 0).any()  # the margins of an image's controls differ


@pytest.mark.parametrize("doses", ["primary", "ladder"])
def test_targets_with_matched_controls_are_drawn_twice_at_every_dose(doses: str) -> None:
    conditions = plan([RemovePeople()], doses, controls=8)  # type: ignore[arg-type]
    assert {one.draws for one in conditions if one.role == "target"} == {TARGET_DRAWS}
