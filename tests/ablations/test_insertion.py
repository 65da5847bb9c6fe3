"""Pasted figures: whole, beside the other figures, without the donor's ground."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from memlab.ablations.eligibility import reasons
from memlab.ablations.insertion import Paste
from memlab.types import Context, Donors

SIZE = 48
RED, GREEN, GREY = (
    torch.tensor(one).view(3, 1, 1) for one in ([1.0, 0, 0], [0, 1.0, 0], [0.5] * 3)
)
NONE: dict[str, tuple[int, int, int, int]] = {}


def box(*ends: int) -> Tensor:
    mask = torch.zeros(1, SIZE, SIZE, dtype=torch.uint8)
    if ends:
        top, bottom, left, right = ends
        mask[:, top:bottom, left:right] = 1
    return mask


def image(ground: Tensor, figure: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    photo = ground.expand(3, SIZE, SIZE).clone()
    if figure is not None and mask is not None:
        photo = torch.where(mask > 0, figure, photo)
    return photo


def case(
    face: tuple[int, ...], *, people: tuple[int, ...] = (), own_people: tuple[int, ...] = (),
    rim: bool = False,
) -> tuple[Tensor, Context]:  # fmt: skip
    """A grey image without a face, and a red donor with a green one."""
    mask = box(*face)
    donor = image(RED, GREEN, mask)
    if rim:  # antialiased pixels along the edge of the face
        top, bottom, left, right = face
        inner = box(top + 1, bottom - 1, left + 1, right - 1)
        donor = torch.where((mask > 0) & (inner == 0), (RED + GREEN) / 2, donor)
    donors = Donors(["donor"], donor[None], {"faces": mask[None], "people": box(*people)[None]})
    masks = {"faces": box()[None], "people": box(*own_people)[None]}
    return image(GREY)[None], Context(["image"], seed=5, masks=masks, donors=donors)


def where(images: Tensor, changed: Tensor) -> Tensor:
    return ((changed - images).abs().amax(dim=1) > 0.2)[0]


def why(context: Context, what: str = "faces") -> str | None:
    paste = Paste(what=what)  # type: ignore[arg-type]
    known = torch.ones(1, dtype=torch.bool)
    return reasons(paste, context, paste.eligible(context), known)[0]


def test_a_figure_keeps_its_place_where_it_is_free() -> None:
    images, context = case((10, 22, 14, 26))
    assert why(context) is None
    assert torch.equal(where(images, Paste(margin=0)(images, context)), box(10, 22, 14, 26)[0] > 0)


def test_a_figure_moves_to_the_nearest_place_beside_other_figures() -> None:
    images, context = case((10, 22, 14, 26), own_people=(0, 14, 0, SIZE))
    assert why(context) is None
    assert torch.equal(where(images, Paste(margin=0)(images, context)), box(14, 26, 14, 26)[0] > 0)
    pasted = (Paste(margin=4)(images, context) != images).any(dim=1)[0]
    assert not pasted[:14].any()  # nor does its margin cover the other figure


def test_the_ground_of_the_donor_is_not_pasted() -> None:
    images, context = case((10, 22, 14, 26), rim=True)
    changed = Paste(margin=2)(images, context)[0]
    assert where(images, changed[None]).sum() >= 12 * 12
    assert float((changed[0] - changed[1]).max()) <= 1e-6  # nowhere more red than green


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"face": (0, 12, 14, 26)}, "no donor"),  # cut off by the frame
        ({"face": ()}, "no donor"),
        ({"face": (10, 22, 14, 26), "people": (16, 40, 14, 26)}, "no donor"),  # partly covered
        ({"face": (10, 22, 14, 26), "own_people": (6, 40, 6, 40)}, "no room"),
    ],
)
def test_images_that_cannot_be_given_a_figure_say_why(
    arguments: dict[str, tuple[int, ...]], reason: str
) -> None:
    images, context = case(**arguments)  # type: ignore[arg-type]
    assert why(context) == reason
    assert Paste()(images, context).isfinite().all()


def test_an_image_with_the_region_and_an_image_not_annotated_say_so() -> None:
    _, context = case((10, 22, 14, 26))
    has = replace(context, masks={**context.masks, "faces": box(3, 9, 3, 9)[None]})
    assert why(has) == "present"
    assert why(replace(context, annotated={"faces": torch.tensor([False])})) == "not annotated"
    assert not Paste().eligible(replace(context, donors=None)).any()


def test_a_face_inside_a_person_is_whole_and_a_person_with_a_face_is_not_pasted() -> None:
    _, context = case((10, 22, 14, 26), people=(8, 40, 12, 28))
    assert why(context) is None
    assert why(context, "people") == "no donor"
    _, alone = case((), people=(8, 40, 12, 28))
    assert why(alone, "people") is None


def test_if_several_figures_do_not_fit_the_largest_is_pasted() -> None:
    images, context = case((4, 16, 4, 16), own_people=(20, 48, 0, SIZE))
    assert context.donors is not None
    two = context.donors.masks["faces"].maximum(box(30, 34, 30, 34)[None])
    donors = replace(context.donors, masks={**context.donors.masks, "faces": two})
    context = replace(context, donors=donors)
    pasted = where(images, Paste(margin=0)(images, context))
    assert torch.equal(pasted, box(4, 16, 4, 16)[0] > 0)
    free = replace(context, masks={"faces": box()[None]})
    assert int(where(images, Paste(margin=0)(images, free)).sum()) >= 12 * 12 + 4 * 4 - 4


def test_the_patch_has_the_place_of_the_figure_and_the_colours_around_it() -> None:
    _, context = case((10, 22, 14, 26))
    ramp = torch.linspace(0.2, 0.8, SIZE).expand(1, 3, SIZE, SIZE)
    images = (ramp + 0.02 * torch.randn(1, 3, SIZE, SIZE)).clamp(0, 1)
    draws = [
        Paste(margin=0)(images, replace(context, role="control", draw=draw)) for draw in (0, 1)
    ]
    inside = box(10, 22, 14, 26)[0] > 0
    for patch in draws:
        assert torch.equal((patch != images).any(dim=1)[0], inside)
        assert float((patch - ramp)[..., inside].abs().mean()) < 0.05
    assert not torch.equal(*draws)


def test_letters_keep_their_outline_and_a_text_is_one_figure() -> None:
    """A green bar of three pixels with a grey outline is thin: the outline belongs to it."""
    images, context = case(())
    text = box(20, 25, 10, 16).maximum(box(20, 25, 20, 30))  # two letters, apart
    donor = image(RED, GREY * 0.2, text)
    donor[:, 21:24] = torch.where(text[:, 21:24] > 0, GREEN, donor[:, 21:24])
    donors = Donors(["donor"], donor[None], {"text": text[None]})
    context = replace(context, masks={"text": box()[None]}, donors=donors)
    assert why(context, "text") is None
    pasted = Paste(what="text", margin=0)(images, context)[0]
    assert torch.allclose(pasted[:, text[0] > 0], donor[:, text[0] > 0], atol=1e-4)
    cut = box(20, 25, 0, 4).maximum(text)  # a letter at the frame
    donors = replace(donors, masks={"text": cut[None]})
    assert why(replace(context, donors=donors), "text") == "no donor"
