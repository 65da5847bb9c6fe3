"""Validation of world declarations; every mistake is reported in one line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from memlab.errors import MemlabError, did_you_mean
from memlab.synthetic.latents import FEATURES, PRESENCE, RANGES, SIZES

if TYPE_CHECKING:
    from memlab.synthetic.worlds import World

_SIGNED = ("skin",)  # all other values are amounts from 0


def check(world: World) -> None:
    """Check that a world is valid, except for the limits on correlations.

    Raises:
        MemlabError: if it is invalid; names world, value and remedy.
    """
    if not isinstance(world.name, str) or not world.name:
        raise MemlabError(f"a world's name is {world.name!r}: give it a short one, such as mine")
    if not _number(world.r2) or not 0.0 <= world.r2 < 1.0:
        _refuse(world, f"r2 {world.r2!r}: from 0 to below 1, for people never agree wholly")
    _share(world, "facing", world.facing)
    _check_names(world, "prevalence", world.prevalence, PRESENCE)
    for feature, rate in world.prevalence.items():
        _share(world, f"prevalence of {feature}", rate)
    for name, declared, features in (
        ("ranges", world.ranges, tuple(RANGES)),
        ("sizes", world.sizes, tuple(SIZES)),
    ):
        _check_names(world, name, declared, features)
        for feature, ends in declared.items():
            _ends(world, name, feature, ends)
    _correlations(world)
    _weights(world)
    if not isinstance(world.photos, bool):
        _refuse(world, f"photos {world.photos!r}: true or false; the folder is given beside world")
    if world.photos:
        _planted(world)


def _weights(world: World) -> None:
    _check_mapping(world, "weights", world.weights)
    terms: dict[frozenset[str], str] = {}
    for term, weight in world.weights.items():
        features = str(term).split("*")
        _check_names(world, "weights", features, FEATURES)
        if len(set(features)) < len(features):
            _refuse(world, f"weights: {term} names a feature twice; a product is of different ones")
        twin = terms.setdefault(frozenset(features), term)
        if twin != term:
            _refuse(world, f"weights: {twin} and {term} are the same; keep one")
        if not _number(weight):
            _refuse(world, f"weights: {term} {weight!r}: a number, relative to the other weights")
        still = [feature for feature in features if weight and not world.varies(feature)]
        if still:
            _refuse(
                world,
                f"weights: {term} {weight:g}, but {still[0]} is the same in all images: change "
                f"its {'prevalence' if still[0] in PRESENCE else 'range'}, or leave the weight out",
            )
    if world.r2 > 0.0 and not any(world.weights.values()):
        _refuse(world, f"no weights, but r2 {world.r2:g}: give one, such as face: 1, or r2: 0")


def _correlations(world: World) -> None:
    _check_mapping(world, "correlations", world.correlations)
    pairs = set()
    for pair, value in world.correlations.items():
        features = [name.strip() for name in str(pair).split(",")]
        if len(features) != 2 or features[0] == features[1]:
            _refuse(world, f"correlations: {pair!r} is no pair of features; write face,text: .5")
        _check_names(world, "correlations", features, FEATURES)
        if "layout" in features:
            _refuse(world, "correlations: layout cannot correlate, it is many numbers")
        if frozenset(features) in pairs:
            _refuse(world, f"correlations: {features[0]} and {features[1]} are given twice")
        pairs.add(frozenset(features))
        if not _number(value) or not -1.0 < value < 1.0:
            _refuse(world, f"correlations: {pair} {value!r}: a number between -1 and 1")
        still = [feature for feature in features if not world.varies(feature)]
        if still:
            _refuse(world, f"correlations: {pair}, but {still[0]} is the same in all images")


def _planted(world: World) -> None:
    excess = [name for name in ("correlations", "ranges", "sizes") if vars(world)[name]]
    excess += [term for term in world.weights if term != "watermark"]
    excess += [feature for feature in world.prevalence if feature != "watermark"]
    if excess:
        _refuse(world, f"{excess[0]}: on photos only the watermark is planted; leave it out")


def _ends(world: World, name: str, feature: str, ends: Any) -> None:
    lowest = -1.0 if feature in _SIGNED else 0.0
    highest = 1.0 if feature in (*_SIGNED, *SIZES) else math.inf
    if not isinstance(ends, list | tuple) or len(ends) != 2 or not all(map(_number, ends)):
        _refuse(world, f"{name} of {feature} {ends!r}: two numbers, such as [0.3, 0.5]")
    low, high = ends
    if low > high:
        _refuse(world, f"{name} of {feature} {low:g} to {high:g}: the smaller comes first")
    if low < lowest or high > highest or (feature in SIZES and low == 0.0):
        limits = f"from {lowest:g}" + (f" to {highest:g}" if highest < math.inf else "")
        limits = "above 0, up to 1" if feature in SIZES else limits
        _refuse(world, f"{name} of {feature} {low:g} to {high:g}: {limits}")


def _share(world: World, label: str, value: Any) -> None:
    if not _number(value) or not 0.0 <= value <= 1.0:
        _refuse(world, f"{label} {value!r}: a number from 0 to 1")


def _check_names(world: World, label: str, names: Iterable[str], features: tuple[str, ...]) -> None:
    if label not in ("weights", "correlations"):  # these two are lists of names
        _check_mapping(world, label, names)
    for name in names:
        if name not in features:
            close = did_you_mean(str(name), features)
            _refuse(world, f"{label}: no {name!r}{close} (there are: {', '.join(features)})")


def _check_mapping(world: World, label: str, declared: Any) -> None:
    if not isinstance(declared, Mapping):
        _refuse(world, f"{label} {declared!r}: names with numbers, such as face: 0.5")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(world: World, why: str) -> NoReturn:
    raise MemlabError(f"world {world.name}: {why}")
