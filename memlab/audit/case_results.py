"""Test results of the two hypotheses: which orders of features are decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from memlab.analysis.effect import AblationEffect
from memlab.audit.hypotheses import CASES, LEAST, Case, Member
from memlab.stats.measures import Statistic


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
class CaseResult:
    """Hypothesis with its test results; `sentence` says which pairs are decided."""

    name: str
    claim: str
    order: str
    members: list[Measured]
    pairs: list[Pair]
    sentence: str


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
