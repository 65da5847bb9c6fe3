"""Which image donates to which, and how often a donor is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from memlab import Ablation, Context, evaluate, plan
from memlab.data.donors import DonorList
from memlab.errors import DataError
from memlab.inference.loose_donors import RENDERED, loose_donors
from memlab.inference.originals import donor_images, find_originals
from memlab.testing import sample_images
from memlab.types import Sample

CPU = torch.device("cpu")


class Counting(Dataset[Sample]):
    """Donors that count how often each is decoded; some cannot be read, some have an empty mask."""

    def __init__(self, count: int, broken: tuple[int, ...] = (), empty: tuple[int, ...] = ()):
        self.images = (sample_images(count, 24, seed=9) * 255).byte()
        self.broken, self.empty = broken, empty
        self.decoded: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        self.decoded[index] += 1
        mask = torch.zeros(1, 24, 24, dtype=torch.uint8)
        mask[..., 4:12, 4:12] = index not in self.empty
        return Sample(
            index=index,
            id=f"donor-{index}",
            image=self.images[index],
            score=0.5,
            masks={"faces": mask},
            error="cannot be read" if index in self.broken else "",
        )


class SwapAll(Ablation):
    """Show the donor instead."""

    family = "texture"
    unit = "of the way"
    target = "chroma"
    control = "round-trip"
    ladder = (1.0,)
    maximum = 1.0
    needs_donors = True

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(amount, region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        assert context.donors is not None
        return torch.lerp(images, context.donors.images, dose)


class SwapOther(SwapAll):
    """Another that asks for the same donors."""


def donor_list(count: int, images: Counting, names: list[str], seed: int = 0) -> DonorList:
    return DonorList(images, {"faces": range(count)}, count, names, seed)


NAMES = [f"image-{place}" for place in range(10)]


def test_each_donor_serves_once_in_a_draw_and_another_in_the_next() -> None:
    given = donor_list(12, Counting(12), NAMES)
    draws = [given.take(NAMES, draw, (), CPU).donors.ids for draw in range(3)]
    assert all(len(set(ids)) == 10 for ids in draws)
    assert all(len({ids[place] for ids in draws}) == 3 for place in range(10))
    again = donor_list(12, Counting(12), NAMES).take(NAMES[6:8], 2, (), CPU)
    assert list(again.donors.ids) == list(draws[2][6:8])
    other = donor_list(12, Counting(12), NAMES, seed=1).take(NAMES, 0, (), CPU)
    assert list(other.donors.ids) != list(draws[0])


@pytest.mark.parametrize("count", [4, 9, 10, 11, 20, 21, 39, 40, 55])
def test_draws_share_donors_only_where_there_are_too_few(count: int) -> None:
    given = donor_list(count, Counting(count), NAMES)
    draws = [given.take(NAMES, draw, (), CPU).donors.ids for draw in range(4)]
    times = Counter(name for ids in draws for name in ids)
    for place in range(10):
        assert len({ids[place] for ids in draws}) == min(4, count)
    if count >= 10:
        assert all(len(set(ids)) == 10 for ids in draws)
    said = given.shared((), 4)
    if count >= 40:
        assert set(times.values()) == {1}
        assert said is None
    else:
        most = f"4 draws: each donates up to {max(times.values())} times"
        assert str(said).startswith(f"{count} donors for 10 images and {most}")
    with_faces = donor_list(4, Counting(4), NAMES).shared(("faces",), 1)
    assert str(with_faces).startswith("4 donors with faces for 10 images")


def test_a_donor_that_cannot_serve_is_passed_over() -> None:
    images = Counting(12, broken=(0, 5), empty=(3,))
    given = donor_list(12, images, NAMES)
    ids = set(given.take(NAMES, 0, ("faces",), CPU).donors.ids)
    assert not ids & {"donor-0", "donor-5", "donor-3"}
    assert set(given.take(NAMES, 1, (), CPU).donors.ids) | ids >= {"donor-1"}
    own = [f"donor-{place}" for place in range(12)]
    for draw in range(4):
        taken = donor_list(12, Counting(12), own).take(own, draw, (), CPU).donors.ids
        assert all(one != other for one, other in zip(own, taken, strict=True))
    empty = donor_list(3, Counting(3, empty=(0, 1, 2)), NAMES)
    assert empty.take(NAMES, 0, ("faces",), CPU) is None


def test_all_conditions_together_decode_each_donor_once() -> None:
    photos = Counting(34)
    given = donor_list(34, photos, NAMES)
    conditions = plan([SwapAll(), SwapOther()], controls=3)
    rows: dict[tuple[str, int], Tensor] = {}
    images = sample_images(10, 24)
    for start in (0, 4, 8):
        known = Context(NAMES[start : start + 4], 0)
        for one in evaluate(
            lambda shown, _: shown.mean((1, 2, 3)),
            images[start : start + 4],
            known,
            conditions,
            donors=given,
        ):
            key = one.condition.key, one.draw
            rows[key] = torch.cat([rows.get(key, torch.empty(0)), one.predicted])
    assert set(photos.decoded.values()) == {1}
    assert len(photos.decoded) == 10 * 3
    for one in evaluate(
        lambda shown, _: shown.mean((1, 2, 3)),
        images,
        Context(NAMES, 0),
        conditions,
        donors=donor_list(34, Counting(34), NAMES),
    ):
        assert torch.allclose(one.predicted, rows[one.condition.key, one.draw], atol=1e-6)


def test_loose_images_borrow_from_synthetic_images_of_their_own_size() -> None:
    given = loose_donors((40, 56), ["a", "b"], seed=3)
    taken = given.take(["a", "b"], 0, ("faces",), CPU)
    assert taken.donors.images.shape == (2, 3, 40, 56)
    assert taken.donors.masks["faces"].shape == (2, 1, 40, 56)
    assert taken.donors.masks["faces"].flatten(1).any(dim=1).all()
    assert taken.donors.ids[0] != taken.donors.ids[1]
    again = loose_donors((40, 56), ["a", "b"], seed=3).take(["b"], 0, ("faces",), CPU)
    assert torch.equal(again.donors.images[0], taken.donors.images[1])
    assert RENDERED >= 32


def test_a_folder_lends_to_all_but_its_own(make_image: Callable[..., Path]) -> None:
    paths = [make_image(f"in/{place}.png", seed=place) for place in range(3)]
    changed = find_originals([paths[0]])
    given = loose_donors((32, 24), ["0"], originals=donor_images(Path("in"), changed))
    taken = given.take(["0"], 0, (), CPU)
    assert taken.donors.images.shape == (1, 3, 32, 24)
    assert {given.take(["0"], draw, (), CPU).donors.ids[0] for draw in range(3)} == {"1", "2"}
    with pytest.raises(DataError, match="give other donors"):
        donor_images(Path("in"), find_originals(paths))
