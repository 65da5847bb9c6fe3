"""Two hypotheses of the Columbia student study, as rankings of features, and their test results.

The study stated both hypotheses before it collected data. Case A: the model relies on the features
that people remember. Case B: the model relies on surface features. The module reads `results.json`
alone and needs no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEAST = 20
"""Minimum number of images for a decision; below it, intervals are too narrow."""


@dataclass(frozen=True)
class Way:
    """Way to measure a feature: an ablation and its requirements.

    Args:
        ablation: name of the ablation.
        masks: region whose masks the ablation needs; `any` for any region; None for none.
        donors: whether the ablation needs donor images.
        region: region that the ablation is applied to, if not its default.
    """

    ablation: str
    masks: str | None = None
    donors: bool = False
    region: str | None = None

    @property
    def arguments(self) -> list[str]:
        """Arguments for `memlab test`."""
        bound = ["--ablation.region", self.region] if self.region else []
        return ["--ablation", self.ablation, *bound]

    def lacks(self, regions: Collection[str], donors: bool) -> str | None:
        """Return which requirement is missing, in words; None if nothing is missing."""
        if self.masks == "any" and not regions:
            return "no masks"
        if self.masks not in (None, "any") and self.masks not in regions:
            return f"no masks of {self.masks}"
        if self.donors and not donors:
            return "no other images to swap with"
        return None

    def is_of(self, entry: Mapping[str, Any]) -> bool:
        """Return whether an entry of `results.json` is the primary dose of this ablation."""
        own = self.region is None or entry["region"] == self.region
        return bool(entry["ablation"] == self.ablation and entry["primary"] and own)


@dataclass(frozen=True)
class Member:
    """Feature in a hypothesis.

    Args:
        name: name of the feature in the hypothesis.
        rank: rank of the feature; equal for features that the hypothesis does not order.
        ways: ways to measure the feature, of which the first available is used; empty if there is
            none.
        reading: what the ablation measures, in words.
    """

    name: str
    rank: int
    ways: tuple[Way, ...]
    reading: str


@dataclass(frozen=True)
class Case:
    """Hypothesis: features in the order of the model's predicted reliance, largest first."""

    name: str
    claim: str
    order: str
    members: tuple[Member, ...]


# Each way has its own control: a matched control or a round trip. Changes of the whole image
# without their own control (grayscale, for example) are compared with the nuisance baseline, and
# cannot be ranked.
_PALETTE = (Way("swap_palette", donors=True),)
CASES = (
    Case(
        "Case A",
        "the model relies on what people remember",
        "face > person, action > salient object > text >> background, colour",
        (
            Member("face", 1, (Way("remove_faces", "faces"),), "faces removed"),
            Member("person", 2, (Way("remove_people", "people"),), "people removed"),
            Member("action", 2, (), "no detector tells what people do"),
            Member(
                "salient object",
                3,
                (Way("remove_objects", "objects"), Way("remove", "salient", region="salient")),
                "objects removed, or what stands out",
            ),
            Member("text", 4, (Way("remove_text", "text"),), "text removed"),
            Member("background", 5, (Way("swap_background", "any", True),), "another's background"),
            Member("colour", 5, _PALETTE, "another's palette"),
        ),
    ),
    Case(
        "Case B",
        "the model relies on surface",
        "texture, pattern > colour contrast > spatial frequency > semantic content",
        (
            Member(
                "texture, pattern",
                1,
                (Way("swap_texture", donors=True),),
                "noise like another's fine texture",
            ),
            Member("colour contrast", 2, _PALETTE, "another's palette"),
            Member(
                "spatial frequency", 3, (Way("swap_spectrum", donors=True),), "another's spectrum"
            ),
            Member(
                "semantic content",
                4,
                (Way("background_only", "any"),),
                "all that is labelled removed",
            ),
        ),
    ),
)
WHOLE = ("blur", "grayscale", "center_crop", "desaturate", "color_contrast")
"""Whole-image ablations of the Columbia student study, and removal of colour contrast."""
BESIDE = (Way("remove_background", "any"),)
"""Ablations that are reported but belong to neither ranking."""


def ways(regions: Collection[str], donors: bool) -> list[Way]:
    """Return all ablations that the study runs, without duplicates.

    Args:
        regions: regions with masks.
        donors: whether there are donor images to swap with.
    """
    found = [Way(name) for name in WHOLE]
    for member in (member for case in CASES for member in case.members):
        can = (way for way in member.ways if way.lacks(regions, donors) is None)
        found += [way] if (way := next(can, None)) else []
    found += [way for way in BESIDE if way.lacks(regions, donors) is None]
    return list(dict.fromkeys(found))


def measured(
    case: Case, conditions: Sequence[Mapping[str, Any]], regions: Collection[str], donors: bool
) -> list[dict[str, Any]]:
    """Return the test results of each member, in the order of the hypothesis.

    Args:
        case: the hypothesis.
        conditions: entries of `results.json`.
        regions: regions with masks.
        donors: whether there were donor images to swap with.

    Returns:
        An entry per member: `name`, `rank`, `reading`, `condition`, `n` images that contribute,
        `eligible`, `effect` (a statistic: the specific RMS effect in units of the score, negative
        if the control changes the score more), `mean` (the specific effect; None for swaps),
        `p_corrected`, and `reason` if there is no effect.
    """
    found = []
    for member in case.members:
        entry = next((one for way in member.ways for one in conditions if way.is_of(one)), None)
        line: dict[str, Any] = {
            "name": member.name,
            "rank": member.rank,
            "reading": member.reading,
            "condition": None,
            "n": 0,
            "eligible": 0,
            "effect": None,
            "mean": None,
            "p_corrected": None,
            "reason": None,
        }
        found.append(line)
        if entry is None:
            lacking = [way.lacks(regions, donors) for way in member.ways]
            line["reason"] = next(filter(None, lacking), "not run") if lacking else member.reading
            continue
        control = entry["control"] or {}
        effect = control.get("RMS")
        line |= {
            "condition": entry["condition"],
            "eligible": entry["eligible"],
            "p_corrected": entry["p_corrected"],
            "mean": control.get("S"),
            "reason": control.get("reason"),
        }
        if entry["eligible"] == 0:
            line["reason"] = "found in no tested image"
        elif effect is not None:
            line |= {"effect": effect, "n": effect["n"]}
            line["reason"] = effect["reason"] if effect["value"] is None else None
    return found


def decisive(members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each pair of members that the hypothesis orders, whether the results agree.

    A pair is decided if the 95 % intervals of both effects, from at least `LEAST` images each, do
    not overlap. This is stricter than a test of the difference, and the two effects may come from
    different images.

    Args:
        members: result of `measured`.

    Returns:
        An entry per pair: `first` and `second` as predicted, and `outcome`: `as predicted`,
        `reversed`, `open` (intervals overlap, or too few images) or `not measured`.
    """
    found = []
    for place, first in enumerate(members):
        for second in members[place + 1 :]:
            if first["rank"] == second["rank"]:
                continue
            one, two = _interval(first), _interval(second)
            if one is None or two is None:
                outcome = "not measured"
            elif min(first["n"], second["n"]) < LEAST:
                outcome = "open"
            elif one[0] > two[1]:
                outcome = "as predicted"
            else:
                outcome = "reversed" if two[0] > one[1] else "open"
            found.append({"first": first["name"], "second": second["name"], "outcome": outcome})
    return found


def sentence(case: Case, pairs: Sequence[Mapping[str, Any]]) -> str:
    """Return one sentence on which pairs are decided and which are open; it states no verdict."""
    by: dict[str, list[str]] = {}
    for pair in pairs:
        by.setdefault(pair["outcome"], []).append(f"{pair['first']} > {pair['second']}")
    told = [
        f"{len(by[outcome])} {words} ({'; '.join(by[outcome])})"
        for outcome, words in (
            ("as predicted", "decided as it says"),
            ("reversed", "the other way"),
        )
        if outcome in by
    ] or ["none decided"]
    if "open" in by:
        why = f"intervals overlap, or are of fewer than {LEAST} images"
        told.append(f"{len(by['open'])} open ({why})")
    if "not measured" in by:
        told.append(f"{len(by['not measured'])} not measured")
    return f"Of the {len(pairs)} orders in {case.name}: {', '.join(told)}."


def _interval(member: Mapping[str, Any]) -> tuple[float, float] | None:
    effect = member["effect"]
    if effect is None or effect["low"] is None or effect["high"] is None:
        return None
    return effect["low"], effect["high"]
