"""The engine and the plan: conditions, their names, and scores of changed images."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from memlab import Ablation, Context, evaluate, plan
from memlab.ablations.colour import Grayscale
from memlab.ablations.crops import BackgroundOnly, CenterCrop
from memlab.ablations.frequency import Blur
from memlab.ablations.insertion import Paste
from memlab.ablations.removal import Remove, RemoveBackground, RemoveFaces, RemovePeople
from memlab.errors import PluginError
from memlab.testing import sample_images
from tests.builders.random_ablation import Noise, names


def brightness(images: Tensor, context: Context) -> Tensor:
    """A closed-form model: weights the left and the channels differently."""
    ramp = torch.linspace(1, 0, images.shape[-1])
    return (images * ramp * torch.tensor([0.5, 0.3, 0.2]).view(3, 1, 1)).mean(dim=(1, 2, 3))


@pytest.mark.parametrize("micro_batch", [1, 3, 64])
def test_the_engine_equals_a_plain_loop(micro_batch: int) -> None:
    images, context = sample_images(7), names(7)
    conditions = plan([Blur(), Noise(), CenterCrop()], "ladder")
    assert len(conditions) == 5 + 5 + 6
    for scored in evaluate(brightness, images, context, conditions, micro_batch):
        condition = scored.condition
        for place in range(7):
            one = torch.tensor([place])
            changed = condition.ablation(images[one], context.select(one), condition.dose)
            assert scored.predicted[place] == pytest.approx(
                float(brightness(changed, context)), abs=1e-6
            )


def test_the_engine_never_holds_more_than_a_micro_batch() -> None:
    seen: list[int] = []

    def score(images: Tensor, context: Context) -> Tensor:
        seen.append(len(images))
        return brightness(images, context)

    list(evaluate(score, sample_images(10), names(10), plan([Blur()]), micro_batch=4))
    assert seen == [4, 4, 2]


def test_the_engine_scores_only_eligible_images() -> None:
    mask = torch.zeros(3, 1, 48, 48)
    mask[1, :, :20] = 1
    context = Context(["a", "b", "c"], masks={"faces": mask})
    conditions = plan([Grayscale(region="faces")])
    (scored,) = evaluate(brightness, sample_images(3), context, conditions)
    assert scored.eligible.tolist() == [False, True, False]
    assert scored.predicted.isnan().tolist() == [True, False, True]


def test_a_plan_has_no_condition_twice_and_every_key_once() -> None:
    parts = [Blur(), Blur(), Blur(sigma=4.0), Blur(region="faces"), Grayscale()]
    keys = [condition.key for condition in plan(parts)]
    assert keys == ["blur@2", "blur@4", "blur@2[faces]", "grayscale@1"]
    ladder = [condition.dose for condition in plan([Blur(sigma=3.0)], "ladder")]
    assert ladder == [0.5, 1.0, 2.0, 3.0, 4.0, 8.0]


def test_a_dose_that_was_asked_for_stays_primary_on_anothers_ladder() -> None:
    for parts in ([Blur(2.0), Blur(4.0)], [Blur(4.0), Blur(2.0)]):
        primary = [condition.dose for condition in plan(parts, "ladder") if condition.primary]
        assert sorted(primary) == [2.0, 4.0]


class Bleach(Grayscale):
    """Cannot do without its argument."""

    def __init__(self, amount: float, gentle: bool = False) -> None:
        super().__init__(amount)


@pytest.mark.parametrize(
    ("ablation", "name"),
    [
        (Remove(region="faces"), "remove@1[faces]"),
        (Remove(amount=0.5, margin=3, region="logo"), "remove@0.5[logo]"),
        (Remove(region="text"), "remove@1[text]"),
        (RemoveFaces(), "remove_faces@1"),
        (RemoveFaces(region="faces"), "remove_faces@1"),
        (RemoveFaces(fill="mean"), "remove_faces@1(fill=mean)"),
        (RemoveFaces(fill="mean", margin=0.5), "remove_faces@1(fill=mean,margin=0.5)"),
        (RemovePeople(region="people"), "remove_people@1[people]"),
        (RemoveBackground(), "remove_background@1"),
        (RemoveBackground(fill="harmonic"), "remove_background@1(fill=harmonic)"),
        (BackgroundOnly(), "background_only@1"),
        (Paste(what="objects"), "paste@1(what=objects)"),
        (Bleach(0.5), "bleach@0.5(gentle=False)"),
    ],
)
def test_a_condition_is_named_by_what_is_not_usual(ablation: Ablation, name: str) -> None:
    (condition,) = plan([ablation])
    assert condition.name == name


def test_parts_that_differ_have_names_that_differ() -> None:
    fills = ("harmonic", "mean", "blur", "donor", "grey")
    regions = (None, "faces", "text", "not text", "people without faces")
    parts = [
        RemoveFaces(dose, region, fill, margin)
        for dose in (0.5, 1.0)
        for region in regions
        for fill in fills
        for margin in (0.0, 3.0)
        if not (fill == "donor" and region == "not text")
    ]
    different = {(one.dose, one.region, one.fill, one.margin) for one in parts}
    assert len({condition.key for condition in plan(parts)}) == len(different)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda images: images[:, :, :10], "returned"),
        (lambda images: images.double(), "returned"),
        (lambda images: images * float("nan"), "returned values outside"),
    ],
)
def test_bad_images_of_a_third_party_are_named(
    bad: Callable[[Tensor], Tensor], message: str
) -> None:
    class Bad(Noise):
        """Breaks the contract."""

        def forward(self, images: Tensor, context: Context, dose: float | None = None) -> Tensor:
            return bad(images)

    with pytest.raises(PluginError, match=rf"ablation 'bad' {message}.*image-0"):
        list(evaluate(brightness, sample_images(2), names(2), plan([Bad()])))
