"""What the engine that scores changed images keeps: nothing of a condition that is over."""

import gc
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from memlab.ablations.contrast import Contrast
from memlab.ablations.evaluate import evaluate
from memlab.ablations.frequency import Blur
from memlab.ablations.plan import Condition, plan
from memlab.ablations.removal import Remove
from memlab.types import Context


@pytest.fixture(autouse=True)
def _nothing_older() -> Iterator[None]:
    """Let the collector see what a test makes, not the million objects of the imports."""
    gc.freeze()
    yield
    gc.unfreeze()


def score(images: Tensor, context: Context) -> Tensor:
    return images.mean(dim=(1, 2, 3))


def held(
    conditions: list[Condition], score: Callable[[Tensor, Context], Tensor] = score
) -> list[int]:
    """Bytes of all tensors that are alive, beyond those before, after each condition's draw."""
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(4, 1, 64, 64, dtype=torch.uint8)
    mask[..., 20:30, 24:36] = 1
    context = Context(list("abcd"), masks={"faces": mask})
    before = alive()
    return [alive() - before for _ in evaluate(score, images, context, conditions, 4)]


def alive() -> int:
    gc.collect()
    found = [one for one in gc.get_objects() if issubclass(type(one), Tensor)]
    return sum(one.untyped_storage().nbytes() for one in found)


def test_fifty_conditions_hold_no_more_than_five() -> None:
    changes = [Blur(), Contrast()]
    few = [Condition(changes[k % 2], 0.5 + k / 100) for k in range(5)]
    many = [Condition(changes[k % 2], 0.5 + k / 100) for k in range(50)]
    assert max(held(many)) == max(held(few)) < 3 * 64 * 64 * 4  # less than one image


def test_doses_and_draws_of_a_region_hold_its_weights_once() -> None:
    found = held(plan([Remove(region="faces")], "ladder", controls=3))
    assert len(found) > 10
    # of four images: the weights of the region, those of the place of this draw, small things
    assert max(found) < 3 * 4 * 64 * 64 * 4


def test_what_a_condition_leaves_behind_would_be_seen() -> None:
    kept: list[Tensor] = []

    def hoard(images: Tensor, context: Context) -> Tensor:
        kept.append(images)
        return score(images, context)

    found = held([Condition(Blur(), 1.0 + k) for k in range(3)], hoard)
    assert found[2] - found[1] == 4 * 3 * 64 * 64 * 4
