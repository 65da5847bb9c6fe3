"""Training images are augmented by (seed, epoch, image) alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from memlab import load
from memlab.cli import main
from memlab.data.augmentation import JITTER, LEAST_WINDOW, augmented, cropped, parameters
from memlab.testing import sample_images
from tests.builders.commands import TINY

IDS = [f"{place:03d}.jpg" for place in range(12)]


@pytest.fixture
def images() -> Tensor:
    return sample_images(12, 48)


def test_a_image_alone_is_the_same_as_in_any_batch(images: Tensor) -> None:
    together = augmented(images, IDS, 7, 3, "standard")
    for place, name in enumerate(IDS):
        alone = augmented(images[place : place + 1], [name], 7, 3, "standard")
        assert torch.allclose(alone[0], together[place], atol=1e-6)
    backwards = augmented(images.flip(0), IDS[::-1], 7, 3, "standard").flip(0)
    assert torch.allclose(backwards, together, atol=1e-6)


def test_seed_epoch_and_image_each_matter(images: Tensor) -> None:
    same = images[:1].expand(12, -1, -1, -1)
    found = augmented(same, IDS, 7, 3, "standard")
    assert len({image.sum().item() for image in found}) == 12
    for other in (augmented(same, IDS, 8, 3, "standard"), augmented(same, IDS, 7, 4, "standard")):
        assert not torch.allclose(other, found, atol=1e-3)


def test_changes_are_in_range_and_modest(images: Tensor) -> None:
    before = images.clone()
    found = augmented(images, IDS, 7, 3, "standard")
    assert torch.equal(images, before)
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert 0 <= found.min() < found.max() <= 1
    drawn = parameters([str(place) for place in range(400)], 7, 3)
    side, centre, factors = drawn[:, 0], drawn[:, 1:3], drawn[:, 3:]
    assert LEAST_WINDOW <= side.min() < LEAST_WINDOW + 0.01 < 0.99 < side.max() <= 1
    assert (centre.abs() + side[:, None] <= 1 + 1e-6).all()  # never beyond the image
    assert ((factors - 1).abs() <= JITTER).all()
    assert torch.allclose(factors.mean(dim=0), torch.ones(3), atol=0.02)
    level = (found.mean(dim=(1, 2, 3)) - images.mean(dim=(1, 2, 3))).abs()
    assert level.mean() < 0.1


def test_none_and_flip_are_what_they_say(images: Tensor) -> None:
    assert augmented(images, IDS, 0, 0, "none") is images
    for new, old in zip(augmented(images, IDS, 0, 0, "flip"), images, strict=True):
        assert torch.equal(new, old) or torch.equal(new, old.flip(-1))


def test_a_whole_window_is_the_image_and_a_part_is_that_part() -> None:
    ramp = torch.linspace(0, 1, 100).expand(1, 1, 100, 100)
    whole = cropped(ramp, torch.ones(1), torch.zeros(1, 2))
    assert torch.allclose(whole, ramp, atol=1e-5)
    right = cropped(ramp, torch.tensor([0.5]), torch.tensor([[0.5, 0.0]]))
    assert right.min() > 0.49
    assert right.mean() == pytest.approx(0.75, abs=0.01)


@pytest.mark.slow
def test_runs_do_not_depend_on_workers_and_differ_by_augmentation(synthetic: Path) -> None:
    common = [f"--data.root={synthetic}", "--data.image_size=64", *TINY, "--attribution=none"]
    standard = [*common, "--data.augmentation=standard"]
    assert main(["fit", *standard, "--run=runs/a"]) == 0
    assert main(["fit", *standard, "--run=runs/b", "--data.num_workers=1"]) == 0
    assert main(["fit", *common, "--run=runs/c"]) == 0
    first, second, flip = (load(f"runs/{name}").weights_id() for name in "abc")
    assert first == second != flip
