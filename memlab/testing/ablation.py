"""Contract of ablations: required declarations; `laws` and `places` check the behaviour."""

from __future__ import annotations

import inspect
from typing import Any, get_args

from memlab.ablations import FAMILIES
from memlab.ablations.base import Ablation
from memlab.ablations.statistics import STATISTICS
from memlab.errors import MemlabError, did_you_mean
from memlab.registry import load, plugins
from memlab.roles import Control
from memlab.spec import required_arguments
from memlab.testing.breach import require
from memlab.testing.laws import check_ladder, check_laws, check_sizes
from memlab.testing.places import check_control, check_donors, check_region
from memlab.validation.expected import PREFIX, expected
from memlab.validation.white_box import WhiteBoxModel


def check_ablation(cls: type[Ablation], **required: Any) -> None:
    """Check that an ablation declares what it must, and satisfies all laws of ablations.

    It is tested on small colourful images, with masks of faces, people, objects, text and the
    background, and with donors if it needs them.

    Args:
        cls: the class.
        **required: values of the arguments that have no default. A required region is `faces`
            unless given here.

    Raises:
        PluginError: if the contract is broken; describes the broken part in a sentence.
    """
    check_declared(cls)
    if "region" in required_arguments(cls):
        required = {"region": "faces", **required}
    ablation = with_defaults(cls, **required)
    check_laws(ablation)
    check_ladder(ablation)
    check_sizes(ablation)
    check_region(ablation)
    if "region" in inspect.signature(cls).parameters and ablation.region == "all":
        for region in ("faces", "not faces"):
            confined = cls(region=region)  # type: ignore[call-arg]
            handed_over = confined.region == region
            require(handed_over, cls, "does not hand its argument 'region' to the base class")
            check_region(confined)
            check_control(confined)
    check_donors(ablation)
    check_control(ablation)


def check_declared(cls: type[Ablation]) -> None:
    """Check that the class variables exist and are consistent.

    Raises:
        PluginError: if a class variable is missing or wrong; names it.
    """
    require(issubclass(cls, Ablation), cls, "is not a subclass of memlab.Ablation")
    for name in ("family", "unit", "target", "control", "ladder", "maximum"):
        require(hasattr(cls, name), cls, f"does not declare {name!r}")
    require(cls.family in FAMILIES, cls, f"family {cls.family!r} is not one of {list(FAMILIES)}")
    require(cls.target in STATISTICS, cls, f"target {cls.target!r} is not in {list(STATISTICS)}")
    controls = get_args(Control)
    require(cls.control in controls, cls, f"control {cls.control!r} is not in {list(controls)}")
    ladder = list(cls.ladder)
    once = ladder == [cls.maximum]
    require(
        once or len(ladder) >= 5,
        cls,
        f"a ladder has at least five doses, or the maximum alone, not {len(ladder)}",
    )
    require(ladder == sorted(set(ladder)) and ladder[0] > 0, cls, "the ladder must grow from > 0")
    require(ladder[-1] <= cls.maximum, cls, "the ladder goes beyond the maximum")
    swaps = cls.control == "round-trip"
    require(cls.needs_donors or not swaps, cls, "is compared round-trip but needs no donors")
    consistent = cls.needs_donors or not cls.donor_regions
    require(consistent, cls, "declares donor_regions but not needs_donors")
    _check_expected(cls)


def with_defaults(cls: type[Ablation], **required: Any) -> Ablation:
    """Return the ablation with its defaults; check that its first argument is the primary dose.

    Raises:
        PluginError: if it cannot be created in this way.
    """
    for argument in inspect.signature(cls).parameters.values():
        name = argument.name
        given = name in required or argument.default is not argument.empty
        require(given, cls, f"argument {name!r} has no default")
        require(argument.annotation is not argument.empty, cls, f"argument {name!r} has no type")
    ablation: Ablation = cls(**required)
    require(ablation.dose in cls.ladder, cls, "the default dose must be one of the ladder")
    first, value = next(iter(ablation.spec["init_args"].items()), ("", None))
    require(value == ablation.dose, cls, "the first argument must be the primary dose")
    another = cls(**{**required, first: cls.maximum})
    require(another.dose == cls.maximum, cls, "the first argument must be the primary dose")
    return ablation


def _check_expected(cls: type[Ablation]) -> None:
    names = [plugin.name for plugin in plugins("models") if plugin.name.startswith(PREFIX)]
    models = expected(cls)
    for declared in ("moves", "spares"):
        for name in getattr(models, declared):
            try:
                is_white_box = issubclass(load("models", name), WhiteBoxModel)
            except MemlabError:
                is_white_box = False
            hint = did_you_mean(name, names)
            require(is_white_box, cls, f"{declared} {name!r}, which is no white-box model{hint}")
    both = sorted(set(models.moves) & set(models.spares))
    require(not both, cls, f"both moves and spares {', '.join(both)}")
    constant = "white_box_constant"
    require(constant not in models.moves, cls, f"cannot move {constant!r}: nothing can")
