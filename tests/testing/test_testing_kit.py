"""The kit for authors: every clause of an ablation's contract has a class that breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from memlab import Ablation, Context
from memlab.errors import PluginError
from memlab.imaging.colour import desaturate
from memlab.registry import plugins
from memlab.testing import check_ablation, check_plugin, sample_images, sample_masks
from memlab.types import Donors


class Pale(Ablation):
    """Keeps the contract: takes colour out."""

    family = "colour"
    unit = "of the colour"
    target = "chroma"
    control = "nuisance-baseline"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(amount, region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        return desaturate(images, dose)


class Borrow(Pale):
    """Keeps the contract: mixes a donor in, by half at most."""

    control = "round-trip"
    needs_donors = True

    def __init__(self, amount: float = 0.4) -> None:
        super().__init__(amount)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        assert context.donors is not None
        return torch.lerp(images, context.donors.images, dose / 2)


class Patch(Pale):
    """Keeps the contract: greys a box; a grey box of the same size elsewhere is its control."""

    control = "patch"

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(amount)

    def corners(self, images: Tensor, context: Context) -> list[int]:
        drawn = context.generators(self.name)
        return [int(torch.randint(images.shape[-1] // 2, (), generator=one)) for one in drawn]

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        changed = images.clone()
        for place, left in enumerate(self.corners(images, context)):
            box = changed[place, :, :, left : left + images.shape[-1] // 2]
            grey = desaturate(box[None], dose)[0]
            box.copy_(box.flip(0) if context.role == "control" else grey)
        return changed


class Weak(Pale):
    """Keeps the contract: its primary dose is the least."""

    def __init__(self, amount: float = 0.2, region: str = "all") -> None:
        super().__init__(amount, region)


class Window(Patch):
    """Declares windows; its control greys another channel order of the same place."""

    control = "off-centre-crops"

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        return desaturate(images.flip(1) if context.role == "control" else images, dose / 2)


class Once(Pale):
    """Keeps the contract: a change that is made or not."""

    ladder = (1.0,)


def kept(images: Tensor, *_: Any) -> Tensor:
    return images


def breaks(base: type[Ablation] = Pale, **members: Any) -> type[Ablation]:
    """A subclass with some members replaced."""
    return type("Broken", (base,), members)


OWN = [plugin for plugin in plugins("ablations") if plugin.distribution == "memlab"]


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
        ({"control": "none"}, "control 'none' is not in"),
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


def forgetful() -> Any:
    """A change that depends on how often it was asked for."""
    count = [0]

    def change(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
        count[0] += 1
        return desaturate(images, dose) * (1 - 1e-3 * count[0])

    return change


def ratchet() -> Any:
    """A change that never gets weaker again."""
    most = [0.0]

    def change(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
        most[0] = max(most[0], dose)
        return desaturate(images, most[0])

    return change


def by_batch(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return torch.lerp(images, desaturate(images, 1).mean(dim=0, keepdim=True), dose)


def by_place(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    ramp = 1 - 0.01 * torch.arange(len(images)).view(-1, 1, 1, 1)
    return desaturate(images, dose) * ramp


def in_place(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return images.mul_(0.999)


def thrown(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return 0.99 * desaturate(images, dose) + 0.01 * torch.rand(images.shape)


def stuck(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    context.generators(self.name)
    generator = torch.Generator().manual_seed(1)
    noise = torch.rand(images.shape[1:], generator=generator)
    return 0.99 * desaturate(images, dose) + 0.01 * noise


def of_the_dose(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    drawn = context.generators(f"{self.name} {dose}")
    noise = [torch.rand(images.shape[1:], generator=one) for one in drawn]
    return 0.99 * desaturate(images, dose) + 0.01 * torch.stack(noise)


def squares_only(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
    return torch.minimum(desaturate(images, dose), desaturate(images, dose).mT.mT + images.mT * 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda self, images, context, dose: images, "chroma does not fall at dose 0.2"),
        (
            lambda self, images, context, dose: desaturate(images, min(dose, 0.6)),
            "chroma does not fall at dose 0.8",
        ),
        (lambda self, images, context, dose: images[..., 1:], r"returned \(4, 3, 48, 47\) float32"),
        (lambda self, images, context, dose: images[:, :1], r"returned \(4, 1, 48, 48\) float32"),
        (lambda self, images, context, dose: images.double(), r"returned .* float64 on cpu, not"),
        (
            lambda self, images, context, dose: images * float("nan"),
            r"returned values outside \[0, 1\] \(NaN\) for image a at dose 1",
        ),
        (
            lambda self, images, context, dose: desaturate(images, dose) * 255,
            r"returned values outside \[0, 1\] \(.* to .*\) for image a at dose 1",
        ),
        (forgetful(), r"is not a function of \(seed, id, draw\)"),
        (by_batch, "depends on the other images of the batch"),
        (by_place, "depends on the order of the batch"),
        (in_place, "changes its input in place"),
        (thrown, "uses the process's own random numbers"),
        (stuck, "is random, but the same for another draw"),
        (of_the_dose, "asks for other random numbers at another dose"),
        (squares_only, "cannot change images of 41 × 57 pixels"),
    ],
)
def test_changes_that_break_a_law(change: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_plugin("ablations", breaks(change=change))


def test_a_change_that_remembers() -> None:
    with pytest.raises(PluginError, match="depends on the doses asked before"):
        check_ablation(breaks(Weak, change=ratchet()))


def test_the_base_classs_own_laws_are_held_against_those_who_replace_it() -> None:
    def forward(
        self: Ablation, images: Tensor, context: Context, dose: float | None = None
    ) -> Tensor:
        return self.change(images, context, self.dose if dose is None else dose)

    with pytest.raises(PluginError, match=r"takes dose -1, outside 0 to 1"):
        check_ablation(breaks(forward=forward))
    with pytest.raises(PluginError, match=r"takes dose 1.01, outside 0 to 1"):
        check_ablation(
            breaks(checked=lambda self, dose: dose if dose > 0 else Ablation.checked(self, dose))
        )

    def nudging(
        self: Ablation, images: Tensor, context: Context, dose: float | None = None
    ) -> Tensor:
        return Pale.forward(self, images, context, dose) * 0.99999  # type: ignore[arg-type]

    with pytest.raises(PluginError, match="dose 0 is not the identity"):
        check_ablation(breaks(forward=nudging))


@pytest.mark.parametrize(
    ("eligible", "message"),
    [
        (lambda self, context: torch.zeros(4), "does not return"),
        (
            lambda self, context: torch.zeros(len(context.ids), dtype=torch.bool),
            "rejects images that have what it needs",
        ),
        (
            lambda self, context: torch.ones(len(context.ids), dtype=torch.bool),
            "takes images without a mask of 'faces'",
        ),
        (
            lambda self, context: torch.full(
                (len(context.ids),), all(name in context.masks for name in self.regions)
            ),
            "takes an image whose mask of 'faces' is empty",
        ),
        (
            lambda self, context: torch.stack(
                [
                    Pale.eligible(self, context).all()
                    if "faces" in context.masks
                    else torch.tensor(not self.regions)
                ]
                * len(context.ids)
            ),
            "rejects an image for the mask of another one",
        ),
    ],
)
def test_eligibility(eligible: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_ablation(breaks(eligible=eligible))


@pytest.mark.parametrize(
    ("within", "message"),
    [
        (lambda self, context: None, "changes pixels outside the region"),
        (
            lambda self, context: self.place.mask(context.masks),
            "changes pixels outside the place given for its control",
        ),
        (
            lambda self, context: (
                None
                if self.place.name == "all" and context.where is None
                else torch.zeros(1, 1, 1, 1)
            ),
            "changes nothing inside the region",
        ),
    ],
)
def test_regions_and_places(within: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_ablation(breaks(within=within))


def test_a_change_reaches_no_farther_than_its_margin() -> None:
    def spread(self: Ablation, context: Context) -> Tensor | None:
        own = Ablation.within(self, context)
        if own is None or context.where is not None:
            return own
        return torch.nn.functional.max_pool2d(own, 5, stride=1, padding=2)

    check_ablation(breaks(within=spread, margin=4.0))
    with pytest.raises(PluginError, match="changes pixels outside the region"):
        check_ablation(breaks(within=spread))


def bigger(self: Patch, images: Tensor, context: Context, dose: float) -> Tensor:
    if context.role == "control":
        return images.flip(1)
    return Patch.change(self, images, context, dose)


def whole(self: Patch, images: Tensor, context: Context, dose: float) -> Tensor:
    return Patch.change(self, images, replace(context, role="target"), dose)


def test_controls_that_are_not_the_same_elsewhere() -> None:
    with pytest.raises(PluginError, match="declares control 'patch', but does the same where"):
        check_ablation(breaks(Patch, change=whole))
    with pytest.raises(PluginError, match="its control differs in amount: the share of"):
        check_ablation(breaks(Patch, change=bigger))
    with pytest.raises(PluginError, match="its control is the same for another draw"):
        check_ablation(Window)


def test_donors_are_needed_used_and_returned_from() -> None:
    with pytest.raises(PluginError, match="needs donors, but takes images without"):
        check_ablation(
            breaks(
                Borrow,
                eligible=lambda self, context: torch.ones(len(context.ids), dtype=torch.bool),
            )
        )
    with pytest.raises(PluginError, match="does not use its donors"):
        check_ablation(
            breaks(
                Borrow,
                change=lambda self, images, context, dose: torch.lerp(
                    images, Pale.change(self, images, context, dose), 0.5
                ),
            )
        )

    def one_way(self: Ablation, images: Tensor, context: Context, dose: float) -> Tensor:
        assert isinstance(context.donors, Donors)
        if context.role == "round-trip":
            return images * 0
        return Borrow.change(self, images, context, dose)  # type: ignore[arg-type]

    with pytest.raises(PluginError, match="round-trip does not undo what chroma shows"):
        check_ablation(breaks(Borrow, change=one_way))
    with pytest.raises(PluginError, match="round-trip does not undo what chroma shows"):
        check_ablation(breaks(Borrow, one_pass=True))  # says that it sees to its way back, in vain


def test_the_layout_is_plausible() -> None:
    masks = sample_masks(sample_images(2, (48, 64)))
    assert set(masks) == {"faces", "people", "objects", "text", "background"}
    assert ((masks["faces"] > 0) <= (masks["people"] > 0)).all()
    apart = masks["people"] + masks["objects"] + masks["text"] + masks["background"]
    assert (apart == 1).all()
