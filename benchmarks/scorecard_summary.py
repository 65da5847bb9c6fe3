"""Scores of all methods over the networks of one style; see `scorecard_scores` for the arithmetic.

A network is a plain dict, as it stands in `results/scorecard.json`: `world`, `truth` (cause to
share, low, high and size), `methods` (method to cause to value, low, high and claim), `verdict`,
`true_verdict`, `mark` (method to whether it points at the watermark) and `coverage`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scorecard_scores import (
    Cell,
    best,
    chosen,
    estimated,
    over_nets,
    power,
    share_of,
    slope_and_error,
    spearman,
    tau,
)

from memlab.analysis.quantities import SESOI_T

AUDIT = "full audit"
APART = ("W1", "W12")
"""Worlds that do not count in the overall share of first places: one cue only, which is free for
any method, and photographs. Networks of W0 have learned nothing."""
EITHER = {"W3": 0.2}
"""World to the tolerance within which two causes are both right."""
FAMILIES = {"W6": ({"blur", "slope"}, {"saturation", "palette", "skin"})}
"""World to the causes that are one family there."""
UNITS = (AUDIT, "without controls", "single dose", "signed effect")
"""Methods whose estimates are shares of variance."""


def cells_of(net: Mapping[str, Any], method: str) -> list[Cell]:
    """Return the cells of a network as a method sees them, the watermark left out."""
    found = net["methods"].get(method, {})
    return [
        Cell(
            net["net"],
            net["world"],
            cause,
            *true,
            *found.get(cause, (None, None, None, None)),
        )
        for cause, true in net["truth"].items()
        if cause != "watermark"
    ]


def first_right(net: Mapping[str, Any], method: str) -> bool:
    """Return whether a method ranks the cause with the largest truth first."""
    world = net["world"]
    if world in ("W5", "W12"):
        return bool(net["mark"].get(method.removesuffix(" mass").removesuffix(" lift")))
    cells = cells_of(net, method)
    right = best(cells, EITHER.get(world, 0.0))
    for family in FAMILIES.get(world, ()):
        right |= family if right & family else set()
    return chosen(cells) in right


def summarise(nets: Sequence[Mapping[str, Any]], method: str) -> dict[str, Any]:
    """Return the scores of one method over the networks of one style.

    First places and τ_b are those of networks that learned something. What others rely on is an
    accident, but a cell of theirs is a cell, so claims and intervals include them.
    """
    learned = [net for net in nets if net["learned"]]
    ranked = [net for net in learned if net["world"] not in APART]
    rights = {
        world: [first_right(net, method) for net in learned if net["world"] == world]
        for world in sorted({net["world"] for net in learned}, key=lambda name: int(name[1:]))
    }
    cells = [cell for net in nets for cell in cells_of(net, method)]
    there, real = estimated(cells), [cell for cell in cells if cell.real]
    unit = method in UNITS
    taus = [
        value
        for net in learned
        if (value := tau(cells_of(net, method), SESOI_T if unit else None)) is not None
    ]
    scores: dict[str, Any] = {
        "nets": len(nets),
        "learned": len(learned),
        "first": {world: asdict(share_of(right)) for world, right in rights.items()},
        "first_overall": asdict(
            share_of([first_right(net, method) for net in ranked], [n["net"] for n in ranked])
        ),
        "cells": len(cells),
        "cells_real": len(real),
        "cells_null": sum(cell.null for cell in cells),
        "without_estimate": len(cells) - len(there),
        "spearman": over_nets(spearman, estimated(real)),
        "tau": float(np.mean(taus)) if taus else None,
        "tau_nets": len(taus),
    }
    if not unit:
        return scores
    slope, error = slope_and_error(there)
    null = [cell for cell in cells if cell.null]
    scores |= {
        "slope": slope,
        "rmse": error,
        "met": _clustered([cell for cell in cells if cell.meets is not None], "meets"),
        "met_of_all": _clustered(cells, "meets"),
        "agreed": _clustered([cell for cell in cells if cell.meets is not None], "agrees"),
        "false_relies": _clustered(null, "relies"),
        "false_does_not_rely": _clustered(real, "does not rely"),
        "power": [
            {"from": low, "to": None if np.isinf(high) else high, **asdict(share)}
            for low, high, share in power(cells)
        ],
    }
    if method == AUDIT:
        scores |= {"coverage": _coverage(nets), "verdicts": confusion(nets)}
    return scores


def _clustered(cells: Sequence[Cell], what: str) -> dict[str, Any]:
    """Return the share of cells that meet the truth, agree with it, or make a claim."""
    outcomes = [
        bool(getattr(cell, what)) if what in ("meets", "agrees") else cell.claim == what
        for cell in cells
    ]
    return asdict(share_of(outcomes, [cell.net for cell in cells]))


def _coverage(nets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how often the audit's interval covers the operator's own value on many images.

    `net["coverage"]` is feature to the audit's low and high end, and the value on many images.
    """
    outcomes, clusters = [], []
    for net in nets:
        for low, high, value in (net.get("coverage") or {}).values():
            outcomes.append(low <= value <= high)
            clusters.append(net["net"])
    return asdict(share_of(outcomes, clusters))


def confusion(nets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how often each verdict was given for each true verdict."""
    pairs = Counter((net["true_verdict"], net["verdict"]) for net in nets)
    return [
        {"true": true, "verdict": given, "nets": count}
        for (true, given), count in sorted(pairs.items(), key=str)
    ]


def by_feature(nets: Sequence[Mapping[str, Any]], method: str = AUDIT) -> dict[str, Any]:
    """Return for each cause: cells, those with an interval, those that meet, mean difference."""
    table = {}
    for cause in dict.fromkeys(cause for net in nets for cause in net["truth"]):
        cells = [c for net in nets for c in cells_of(net, method) if c.cause == cause]
        there = estimated(cells)
        differences = [(cell.estimate or 0.0) - cell.share for cell in there]
        if cells:
            table[cause] = {
                "cells": len(cells),
                "estimated": len(there),
                "met": sum(bool(cell.meets) for cell in cells),
                "mean_difference": float(np.mean(differences)) if differences else None,
            }
    return table
