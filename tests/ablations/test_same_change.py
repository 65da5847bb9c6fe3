"""What makes the same change as another is run once by `all`, and by name whenever asked for."""

from __future__ import annotations

import pytest
import torch

from memlab import Context
from memlab.cli.names import expand_list
from memlab.registry import find, load, plugins
from memlab.testing import sample_images

PAIRS = {"remove": "remove_faces", "foreground_only": "remove_background"}


def path(name: str) -> str:
    return find("ablations", name).path


def test_all_and_families_take_one_of_two_that_are_the_same() -> None:
    declared = {
        one.name: vars(load("ablations", one.name)).get("same_as")
        for one in plugins("ablations")
        if one.distribution == "memlab"
    }
    assert {name: other for name, other in declared.items() if other} == PAIRS
    every = set(expand_list("ablations", "all"))
    swept = (
        every | set(expand_list("ablations", "region")) | set(expand_list("ablations", "context"))
    )
    for name, other in PAIRS.items():
        assert path(name) not in swept
        assert path(other) in every
        assert expand_list("ablations", name) == [path(name)]
    assert {path(name) for name in declared} - every == {path(name) for name in PAIRS}


@pytest.mark.parametrize(("name", "other"), PAIRS.items())
def test_they_do_make_the_same_change(name: str, other: str) -> None:
    images, faces = sample_images(2, 32), torch.zeros(2, 1, 32, 32)
    faces[..., 8:20, 4:18] = 1
    context = Context(["a", "b"], masks={"faces": faces})
    made = [load("ablations", one)() for one in (name, other)]
    if name == "remove":
        assert made[0].usual == made[1].usual
    # the noise of the default fill is drawn by name: without it they agree to the bit
    given = {**made[0].usual, "fill": "mean"} if name == "remove" else {}
    first, second = (type(one)(**given)(images, context) for one in made)
    assert torch.equal(first, second)
    assert not torch.equal(first, images)
