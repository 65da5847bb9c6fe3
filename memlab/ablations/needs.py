"""Masks and donors that ablations need: what can run, and what a report says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memlab.ablations.base import Ablation
from memlab.ablations.plan import Condition
from memlab.data.donors import DonorList

LEFT_OUT = "Left out, for want of"
"""Start of the note on ablations that are left out; it is also printed before the work."""


def with_masks(
    lacking: Mapping[Ablation, Sequence[str]],
) -> tuple[list[Ablation], list[Ablation]]:
    """Divide ablations by whether they can do without the masks that are missing.

    An ablation of which the user named the region, as in `blur` of faces, is required. So is every
    ablation if nothing but nuisance changes would be left.

    Args:
        lacking: ablation to the regions whose masks it needs and that do not exist.

    Returns:
        The ablations that lack no masks; and the required ablations that lack some, for an error.
    """
    kept = [part for part, regions in lacking.items() if not regions]
    left = [part for part, regions in lacking.items() if regions]
    named = [part for part in left if part.region != part.usual["region"]]
    if named or any(part.family != "nuisance" for part in kept):
        return kept, named
    return kept, left


def left_out_note(parts: Sequence[Ablation], kept: Sequence[Ablation], wanting: str) -> str:
    """Return the note of a report on ablations that are left out.

    Args:
        parts: the ablations that were asked for.
        kept: those of them that are run.
        wanting: what the others lack, such as `masks of faces`.
    """
    names = dict.fromkeys(part.name for part in parts if part not in kept)
    return f"{LEFT_OUT} {wanting}: {', '.join(names)}."


def donor_notes(donors: DonorList, conditions: Sequence[Condition]) -> list[str]:
    """Return the notes of a report on donors that donate more than once.

    Args:
        donors: the donors.
        conditions: the plan.
    """
    draws: dict[tuple[str, ...], int] = {}
    for one in conditions:
        if one.ablation.needs_donors:
            regions = one.ablation.donor_regions
            draws[regions] = max(one.draws, draws.get(regions, 0))
    told = [donors.shared(*asked) for asked in sorted(draws.items())]
    return list(dict.fromkeys(note for note in told if note))
