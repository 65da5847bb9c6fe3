"""The kit for authors: every clause of an ablation's contract has a class that breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from memlab import Ablation
from memlab.errors import PluginError
from memlab.registry import plugins
from memlab.testing import check_ablation, sample_images, sample_masks
from tests.builders.ablations import Borrow, Once, Pale, Patch, Weak, breaks

OWN = [plugin for plugin in plugins("ablations") if plugin.distribution == "memlab"]


@pytest.mark.slow
@pytest.mark.parametrize("plugin", OWN, ids=lambda plugin: plugin.name)
def test_every_registered_ablation_keeps_the_contract(plugin: Any) -> None:
    check_ablation(plugin.load())


@pytest.mark.parametrize("cls", [Pale, Weak, Borrow, Patch, Once])
def test_what_keeps_the_contract_passes(cls: type[Ablation]) -> None:
    check_ablation(cls)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"family": "looks"}, "family 'looks' is not one of"),
        ({"target": "beauty"}, "target 'beauty' is not in"),
        ({"control": "none"}, "control is 'none'; there are"),
        ({"ladder": (0.5, 1.0)}, "at least five doses, or the maximum alone, not 2"),
        ({"ladder": (0.5,)}, "at least five doses, or the maximum alone, not 1"),
        ({"ladder": (0.2, 0.6, 0.4, 0.8, 1.0)}, "the ladder must grow from > 0"),
        ({"ladder": (0.0, 0.2, 0.4, 0.8, 1.0)}, "the ladder must grow from > 0"),
        ({"maximum": 0.9}, "the ladder goes beyond the maximum"),
        ({"ladder": (0.1, 0.2, 0.3, 0.4, 0.5)}, "the default dose must be one of the ladder"),
        ({"control": "round-trip"}, "compared round-trip but needs no donors"),
        ({"donor_regions": ("faces",)}, "declares donor_regions but not needs_donors"),
        (
            {"moves": ("white_box_chrome",)},
            "moves 'white_box_chrome', which is no white-box model.*white_box_chroma",
        ),
        ({"spares": ("regressor",)}, "spares 'regressor', which is no white-box model"),
        ({"moves": ("white_box_constant",)}, "cannot move 'white_box_constant'"),
        (
            {"moves": ("white_box_chroma",), "spares": ("white_box_chroma",)},
            "both moves and spares white_box_chroma",
        ),
    ],
)
def test_declarations_that_make_no_sense(members: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_ablation(breaks(**members))


def test_a_declaration_that_lacks() -> None:
    class Bare(Ablation):
        """Declares nothing."""

    with pytest.raises(PluginError, match="Bare does not declare 'family'"):
        check_ablation(Bare)


def test_arguments_that_are_not_as_they_must() -> None:
    class Bare(Pale):
        """Cannot be made without arguments."""

        def __init__(self, amount: float) -> None:
            super().__init__(amount)

    class Untyped(Pale):
        """The command line cannot read its argument."""

        def __init__(self, amount=1.0) -> None:  # type: ignore[no-untyped-def]
            super().__init__(amount)

    class Second(Pale):
        """The dose comes second."""

        def __init__(self, region: str = "all", amount: float = 1.0) -> None:
            super().__init__(amount, region)

    class Deaf(Pale):
        """Keeps its region to itself."""

        def __init__(self, amount: float = 1.0, region: str = "all") -> None:
            super().__init__(amount)

    for cls, message in (
        (Bare, "argument 'amount' has no default"),
        (Untyped, "argument 'amount' has no type"),
        (Second, "the first argument must be the primary dose"),
        (Deaf, "does not hand its argument 'region' to the base class"),
    ):
        with pytest.raises(PluginError, match=message):
            check_ablation(cls)


def test_the_layout_is_plausible() -> None:
    masks = sample_masks(sample_images(2, (48, 64)))
    assert set(masks) == {"faces", "people", "objects", "text", "background"}
    assert ((masks["faces"] > 0) <= (masks["people"] > 0)).all()
    apart = masks["people"] + masks["objects"] + masks["text"] + masks["background"]
    assert (apart == 1).all()
