"""Two hypotheses of the Columbia student study, as rankings of features, and their test results.

The study stated both hypotheses before it collected data. Case A: the model relies on the features
that people remember. Case B: the model relies on surface features. The module reads `results.json`
alone and needs no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from memlab.analysis.effect import AblationEffect
from memlab.stats.measures import Statistic

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

    def matches(self, effect: AblationEffect) -> bool:
        """Return whether an effect is that of this ablation at its primary dose."""
        same_region = self.region is None or effect.region == self.region
        return effect.ablation == self.ablation and effect.primary and same_region


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
class Measured:
    """Test result of a feature in a hypothesis.

    Args:
        name: name of the feature.
        rank: its rank in the hypothesis.
        reading: what the ablation measures, in words.
        condition: the ablation that measured the feature; None if none was run.
        n: number of images that contribute to `rms_effect`.
        eligible: number of images that the ablation can change.
        rms_effect: RMS effect beyond the control, in units of the score, negative if the control
            moves the score more.
        specific_effect: specific effect; None for swaps.
        p_corrected: corrected p of the ablation.
        reason: why there is no effect.
    """

    name: str
    rank: int
    reading: str
    condition: str | None = None
    n: int = 0
    eligible: int = 0
    rms_effect: Statistic | None = None
    specific_effect: Statistic | None = None
    p_corrected: float | None = None
    reason: str | None = None


Outcome = Literal["as predicted", "reversed", "open", "not measured"]


@dataclass(frozen=True)
class Pair:
    """Two features that a hypothesis orders, and whether the results agree."""

    first: str
    second: str
    outcome: Outcome


@dataclass(frozen=True)
class Case:
    """Hypothesis: features in the order of the model's predicted reliance, largest first."""

    name: str
    claim: str
    order: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class CaseResult:
    """Hypothesis with its test results; `sentence` says which pairs are decided."""

    name: str
    claim: str
    order: str
    members: list[Measured]
    pairs: list[Pair]
    sentence: str


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
    runnable = [Way(name) for name in WHOLE]
    for member in (member for case in CASES for member in case.members):
        can = (way for way in member.ways if way.lacks(regions, donors) is None)
        runnable += [way] if (way := next(can, None)) else []
    runnable += [way for way in BESIDE if way.lacks(regions, donors) is None]
    return list(dict.fromkeys(runnable))


def case_results(
    effects: Sequence[AblationEffect], regions: Collection[str], donors: bool
) -> list[CaseResult]:
    """Return the test results of both hypotheses; arguments as for `measured`."""
    results = []
    for case in CASES:
        members = measured(case, effects, regions, donors)
        pairs = decisive(members)
        results.append(
            CaseResult(case.name, case.claim, case.order, members, pairs, sentence(case, pairs))
        )
    return results


def measured(
    case: Case, effects: Sequence[AblationEffect], regions: Collection[str], donors: bool
) -> list[Measured]:
    """Return the test results of each member, in the order of the hypothesis.

    Args:
        case: the hypothesis.
        effects: effects of the test.
        regions: regions with masks.
        donors: whether there were donor images to swap with.
    """
    return [_measured(member, effects, regions, donors) for member in case.members]


def _measured(
    member: Member, effects: Sequence[AblationEffect], regions: Collection[str], donors: bool
) -> Measured:
    named = Measured(member.name, member.rank, member.reading)
    effect = next(
        (candidate for way in member.ways for candidate in effects if way.matches(candidate)), None
    )
    if effect is None:
        lacking = [way.lacks(regions, donors) for way in member.ways]
        why = next(filter(None, lacking), "not run") if lacking else member.reading
        return replace(named, reason=why)
    beyond = effect.beyond_control
    named = replace(
        named,
        condition=effect.condition,
        eligible=effect.eligible,
        p_corrected=effect.tests.either.p_corrected,
        specific_effect=beyond.specific_effect,
        reason=effect.control.reason if effect.control else None,
    )
    if effect.eligible == 0:
        return replace(named, reason="found in no tested image")
    size = beyond.rms_effect
    if size is None:
        return named
    reason = size.reason if size.value is None else None
    return replace(named, rms_effect=size, n=size.n, reason=reason)


def decisive(members: Sequence[Measured]) -> list[Pair]:
    """Return, for each pair of members that the hypothesis orders, whether the results agree.

    A pair is decided if the 95 % intervals of both effects, from at least `LEAST` images each, do
    not overlap. This is stricter than a test of the difference, and the two effects may come from
    different images. Otherwise it is `open` (intervals overlap, or too few images) or `not
    measured`.

    Args:
        members: result of `measured`.
    """
    ordered = [
        (first, second)
        for index, first in enumerate(members)
        for second in members[index + 1 :]
        if first.rank != second.rank
    ]
    return [Pair(first.name, second.name, _outcome(first, second)) for first, second in ordered]


def _outcome(first: Measured, second: Measured) -> Outcome:
    high, low = _interval(first), _interval(second)
    if high is None or low is None:
        return "not measured"
    if min(first.n, second.n) < LEAST:
        return "open"
    if high[0] > low[1]:
        return "as predicted"
    return "reversed" if low[0] > high[1] else "open"


def sentence(case: Case, pairs: Sequence[Pair]) -> str:
    """Return one sentence on which pairs are decided and which are open; it states no verdict."""
    by: dict[str, list[str]] = {}
    for pair in pairs:
        by.setdefault(pair.outcome, []).append(f"{pair.first} > {pair.second}")
    parts = [
        f"{len(by[outcome])} {words} ({'; '.join(by[outcome])})"
        for outcome, words in (
            ("as predicted", "decided as it says"),
            ("reversed", "the other way"),
        )
        if outcome in by
    ] or ["none decided"]
    if "open" in by:
        why = f"intervals overlap, or are of fewer than {LEAST} images"
        parts.append(f"{len(by['open'])} open ({why})")
    if "not measured" in by:
        parts.append(f"{len(by['not measured'])} not measured")
    return f"Of the {len(pairs)} orders in {case.name}: {', '.join(parts)}."


def _interval(member: Measured) -> tuple[float, float] | None:
    size = member.rms_effect
    if size is None or size.low is None or size.high is None:
        return None
    return size.low, size.high
