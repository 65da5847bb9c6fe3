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
    size: Statistic,
    upper: Statistic,
    energy: Statistic,
    p_signed: float | None,
    p_energy: float | None,
    sesoi: float = SESOI,
    alpha: float = ALPHA,
) -> Claim:
    """Decide whether the model relies on a removed feature, compared with matched controls.

    "relies": M or S is significant, and the interval of RMS or of `|S|` lies above `sesoi`. "does
    not rely": S lies inside ±`sesoi`, and one of two conditions holds. Either RMS+ lies below
    `sesoi`; or RMS lies below `sesoi`, the controls do not vary more than the target, and M finds
    no difference that S does not find. Controls that vary more hide an effect, because the noise
    correction then subtracts more than the target's noise. If controls vary only slightly more, RMS
    and M may not show it. RMS+, reported as well, is an upper bound for any noise of the target,
    and the clause says which bound it uses.

    Args:
        signed: S, in SDs of the clean predictions, with its interval. At level
            `memlab.stats.CLAIM_LEVEL` each end of an interval is a test at `ALPHA`; wider intervals
            make claims rarer.
        size: RMS, in the same unit; below 0 exactly where V is.
        upper: RMS+, in the same unit.
        energy: M, in any unit.
        p_signed: p-value of S, corrected for the number of features; None if there is none.
        p_energy: p-value of M, corrected in the same way.
        sesoi: smallest effect of interest, in SDs.
        alpha: p-values below it are significant.
    """
    significant = [
        name for name, p in {"S": p_signed, "M": p_energy}.items() if p is not None and p < alpha
    ]
    large = [
        *(["|S|"] if _above(signed, sesoi) or _below(signed, -sesoi) else []),
        *(["RMS"] if _above(size, sesoi) else []),
    ]
    if significant and large:
        return Claim(
            "relies",
            f"{' and '.join(significant)} significant, {' and '.join(large)} above {sesoi:g} SD",
        )
    inside = _above(signed, -sesoi) and _below(signed, sesoi)
    quieter = _below(size, 0) or _below(energy, 0)
    if inside and _below(upper, sesoi):
        return Claim("does not rely", f"S inside ±{sesoi:g} SD, RMS+ below {sesoi:g} SD")
    small = inside and _below(size, sesoi)
    if small and not quieter and significant != ["M"]:
        return Claim(
            "does not rely",
            f"S inside ±{sesoi:g} SD, RMS below {sesoi:g} SD if the removal is as noisy as its "
            "controls",
        )
    missing = _missing({"S": signed, "RMS": size, "RMS+": upper})
    if missing:
        return Claim("cannot tell", missing)
    if quieter:
        return Claim("cannot tell", "controls vary more than the target")
    if small:
        return Claim("cannot tell", "M significant, but RMS does not show by how much")
    if large:
        return Claim("cannot tell", f"{' and '.join(large)} above {sesoi:g} SD, not significant")
    return Claim("cannot tell", f"the intervals reach both sides of {sesoi:g} SD")


def swap_claim(share: Statistic, upper: Statistic, sesoi: float = SESOI_T) -> Claim:
    """Decide whether the model relies on a feature whose value was swapped between images.

    "relies": T lies above `sesoi`. "does not rely": T+ lies below `sesoi`, or T does and the round
    trip does not change predictions more than the swap itself.

    Args:
        share: T, with its interval.
        upper: T+.
        sesoi: smallest share of interest of the predictions' variance.
    """
    if _above(share, sesoi):
        return Claim("relies", f"T above {sesoi:g}")
    if _below(upper, sesoi):
        return Claim("does not rely", f"T+ below {sesoi:g}")
    if _below(share, 0):
        return Claim("cannot tell", "the round trip changes more than the swap")
    if _below(share, sesoi):
        return Claim("does not rely", f"T below {sesoi:g}")
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
