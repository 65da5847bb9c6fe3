"""Claims about a feature: relies, does not rely, or cannot tell, with the rule that decided.

Claims are about size. A significant effect below the smallest effect of interest is no reliance,
and "not significant" does not show absence. The smallest effect of interest is fixed beforehand, so
false positives do not increase with the number of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memlab.analysis.quantities import SESOI, SESOI_T
from memlab.stats.equivalence import ALPHA
from memlab.stats.measures import Statistic


@dataclass(frozen=True)
class Claim:
    """Claim with its reason.

    Args:
        claim: the claim.
        clause: the rule that decided, in words.
    """

    claim: Literal["relies", "does not rely", "cannot tell"]
    clause: str


def removal_claim(
    signed: Statistic,
    lower: Statistic,
    upper: Statistic,
    p: float | None,
    sesoi: float = SESOI,
    alpha: float = ALPHA,
) -> Claim:
    """Decide whether the model relies on a removed feature, compared with matched controls.

    "relies": significant, and the interval of `|S|`, or the intervals of both RMS- and RMS+, lie
    above `sesoi`. "does not rely": S lies inside ±`sesoi`, and RMS+ lies below `sesoi`. RMS+
    subtracts only noise that was measured, so this claim holds for any noise of the target and of
    the controls. RMS- also subtracts what the controls vary between positions: an effect that
    removing any region would have is no reliance on this one.

    Args:
        signed: S, in SDs of the clean predictions, with its interval. At level
            `memlab.stats.CLAIM_LEVEL` each end of an interval is a test at `ALPHA`; wider intervals
            make claims rarer.
        lower: RMS-, in the same unit.
        upper: RMS+, in the same unit.
        p: p-value of the larger of M and `|S|`, corrected for the number of features, as tables
            show it; None if there is none.
        sesoi: smallest effect of interest, in SDs.
        alpha: p-values below it are significant.
    """
    large = [
        *(["|S|"] if _above(signed, sesoi) or _below(signed, -sesoi) else []),
        *(["RMS"] if _above(lower, sesoi) and _above(upper, sesoi) else []),
    ]
    if large and p is not None and p < alpha:
        return Claim("relies", f"significant, {' and '.join(large)} above {sesoi:g} SD")
    inside = _above(signed, -sesoi) and _below(signed, sesoi)
    if inside and _below(upper, sesoi):
        return Claim("does not rely", f"S inside ±{sesoi:g} SD, RMS+ below {sesoi:g} SD")
    missing = _missing({"S": signed, "RMS-": lower, "RMS+": upper})
    if missing:
        return Claim("cannot tell", missing)
    if large:
        return Claim("cannot tell", f"{' and '.join(large)} above {sesoi:g} SD, not significant")
    if inside and _below(lower, sesoi) and _above(upper, sesoi):
        return Claim(
            "cannot tell",
            f"RMS+ above {sesoi:g} SD, but controls vary as much between positions",
        )
    return Claim("cannot tell", f"the intervals reach both sides of {sesoi:g} SD")


def swap_claim(
    share: Statistic,
    upper: Statistic,
    p: float | None,
    sesoi: float = SESOI_T,
    alpha: float = ALPHA,
) -> Claim:
    """Decide whether the model relies on a feature whose value was swapped between images.

    "relies": significant, and T lies above `sesoi`. "does not rely": T+ lies below `sesoi`, or T
    lies inside ±`sesoi`. T may lie below 0 because round trips, which change an image twice, move
    predictions more than swaps do; then T is no evidence of absence.

    Args:
        share: T, with its interval.
        upper: T+.
        p: p-value of T above 0, corrected for the number of features; None if there is none.
        sesoi: smallest share of interest of the predictions' variance.
        alpha: p-values below it are significant.
    """
    if _above(share, sesoi):
        if p is not None and p < alpha:
            return Claim("relies", f"significant, T above {sesoi:g}")
        return Claim("cannot tell", f"T above {sesoi:g}, not significant")
    if _below(upper, sesoi):
        return Claim("does not rely", f"T+ below {sesoi:g}")
    if _above(share, -sesoi) and _below(share, sesoi):
        return Claim("does not rely", f"T inside ±{sesoi:g}")
    if _below(share, sesoi):
        return Claim("cannot tell", "the round trip changes more than the swap")
    missing = _missing({"T": share})
    return Claim("cannot tell", missing or f"T's interval reaches both sides of {sesoi:g}")


def _above(statistic: Statistic, limit: float) -> bool:
    return statistic.low is not None and statistic.low > limit


def _below(statistic: Statistic, limit: float) -> bool:
    return statistic.high is not None and statistic.high < limit


def _missing(statistics: dict[str, Statistic]) -> str | None:
    for name, statistic in statistics.items():
        if statistic.low is None or statistic.high is None:
            return f"{name}: {statistic.reason or 'no interval'}"
    return None
