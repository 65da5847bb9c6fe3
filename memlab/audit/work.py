"""Work of an audit: which features can be measured, by which conditions, on which images."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memlab.ablations.base import Ablation
from memlab.ablations.plan import Condition
from memlab.ablations.record import ConditionRecord
from memlab.ablations.scan import scan_conditions
from memlab.ablations.swaps import Swap
from memlab.audit.conditions import (
    ablation_of,
    conditions_of,
    ladder_of,
    nuisance_of,
    sufficiency_of,
    unique,
)
from memlab.audit.protocol import Protocol
from memlab.masks.base import known_regions
from memlab.types import DERIVED


@dataclass(frozen=True)
class Work:
    """Conditions of an audit.

    Args:
        features: conditions of each measured feature at the primary doses, by its name.
        left_out: reason for each feature that is not measured, by its name.
        others: nuisance changes and reductions to one kind of information.
        ladder: other doses, for part of the audited images.
        scan: cells of the blind scan, empty if it is not made.
    """

    features: dict[str, list[Condition]]
    left_out: dict[str, str]
    others: list[Condition]
    ladder: list[Condition] = field(default_factory=list)
    scan: list[Condition] = field(default_factory=list)

    @property
    def main(self) -> list[Condition]:
        """Return the conditions that change every audited image."""
        return unique([*(one for some in self.features.values() for one in some), *self.others])

    @property
    def records(self) -> list[ConditionRecord]:
        """Return the records of all conditions."""
        return [one.record for one in [*self.main, *self.ladder, *self.scan]]

    @property
    def needs_donors(self) -> bool:
        """Whether a condition takes something from a donor."""
        return any(one.ablation.needs_donors for one in self.main)


def work_of(protocol: Protocol, regions: pd.DataFrame, donors: bool) -> Work:
    """Return the conditions that can be run, and why the others cannot.

    Args:
        protocol: the protocol.
        regions: which images have each region that has masks, as by `regions_of`.
        donors: whether there are donors.

    Raises:
        MemlabError: if an operator's arguments are wrong.
    """
    features: dict[str, list[Condition]] = {}
    left_out: dict[str, str] = {}
    for feature in protocol.features:
        conditions = conditions_of(protocol, feature)
        reason, conditions = _possible(conditions, regions, donors)
        if reason is None:
            features[feature.name] = conditions
        else:
            left_out[feature.name] = reason
    there = known_regions(list(regions.columns))
    others = [
        one
        for one in [*nuisance_of(protocol), *sufficiency_of(protocol)]
        if not _lacking(one.ablation, there) and (donors or not one.ablation.needs_donors)
    ]
    made = Work(features, left_out, others)
    known = {one.key for one in made.main}
    ladder = [
        one
        for name in features
        for one in ladder_of(protocol, protocol.feature(name))
        if one.key not in known
    ]
    scan = scan_conditions() if protocol.scan else []
    return Work(features, left_out, others, unique(ladder), scan)


def _possible(
    conditions: list[Condition], regions: pd.DataFrame, donors: bool
) -> tuple[str | None, list[Condition]]:
    """Return why a feature cannot be measured, or None and its conditions that can be run."""
    there = known_regions(list(regions.columns))
    main = conditions[0].ablation
    lacking = _lacking(main, there)
    if lacking:
        return f"no masks of {', '.join(lacking)}", []
    if main.needs_donors and not donors:
        return "no donors: there is no other image", []
    for region in main.regions:
        if region in regions and not (regions[region] == 1).any():
            unknown = int(regions[region].isna().sum())
            of = f" ({unknown} are not annotated)" if unknown else ""
            return f"{region} are in none of the {len(regions)} images{of}", []
    if not images_of(main, "target", regions).any():
        return "no image can be changed: it needs an image that is annotated for all regions", []
    kept = [
        one
        for one in conditions
        if not _lacking(one.ablation, there) and (donors or not one.ablation.needs_donors)
    ]
    return None, kept


def _lacking(ablation: Ablation, there: Collection[str]) -> list[str]:
    return sorted({*ablation.regions, *ablation.donor_regions} - set(there))


def images_of(ablation: Ablation, role: str, regions: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which images an ablation is expected to change, (n,), from annotations alone.

    An image whose mask vanishes at the model's size, whose control has no room, or that has no
    donor is counted although it will not be changed.

    Args:
        ablation: the ablation.
        role: `control` for a matched control, which also needs annotations for every region.
        regions: which images have each region.
    """
    every = np.ones(len(regions), dtype=bool)
    complete = regions.notna().all(axis=1).to_numpy() if len(regions.columns) else every
    # a change of the whole image may need a region in it, too
    name = (*ablation.place.needed, *ablation.regions, "all")[0]
    if ablation.family == "insertion":
        found = (regions[list(ablation.regions)] == 0).all(axis=1).to_numpy()
    elif name == "all":
        found = every
    elif name in regions:
        found = (regions[name] == 1).to_numpy()
    else:  # background or figures, which the other regions define
        full = isinstance(ablation, Swap) and not type(ablation).donor_regions
        figures = regions.drop(columns=[one for one in DERIVED if one in regions])
        some = every if full and name == "background" else (figures == 1).any(axis=1).to_numpy()
        found = complete & some
    if role == "control" and ablation.compared_with == "matched-control":
        found = found & complete
    return found


def forwards_of(conditions: Sequence[Condition], regions: pd.DataFrame) -> pd.DataFrame:
    """Return how many changed versions of each image each condition makes.

    Args:
        conditions: the conditions.
        regions: which images have each region, one row per image.

    Returns:
        One row per image and one column per condition, named by its key.
    """
    columns = {
        one.key: images_of(one.ablation, one.role, regions) * one.draws for one in conditions
    }
    return pd.DataFrame(columns, index=regions.index)


def presence_of(protocol: Protocol, table_regions: Collection[str]) -> dict[str, Ablation]:
    """Return, for each presence feature whose masks exist, the ablation that removes it."""
    there = known_regions(table_regions)
    found = {
        one.name: ablation_of(one.removals[0])
        for one in protocol.features
        if one.kind == "presence"
    }
    return {name: one for name, one in found.items() if not _lacking(one, there)}
