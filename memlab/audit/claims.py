"""What may be said of a feature: relies, does not rely, or cannot tell, and by which clause.

Claims are about size: an effect that is significant and smaller than anyone cares for is no
reliance, and "not significant" is no proof of absence. The smallest effect of interest is fixed
beforehand, so false alarms do not grow with the number of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memlab.analysis.quantities import SESOI, SESOI_T
from memlab.stats.equivalence import ALPHA
from memlab.stats.measures import Statistic


@dataclass(frozen=True)
class Claim:
    """A claim with its reason.

    Args:
        claim: what may be said.
        clause: the rule that fired, in plain words.
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
    """Whether the model relies on a feature that was removed, against controls of the same shape.

    Relies: M or S is significant, and the interval of RMS or of `|S|` lies above `sesoi`. Does not
    rely: S lies inside ±`sesoi`, and either RMS+ lies below it, or RMS does, the controls do not
    vary more than the target, and M finds no difference that S does not. Controls that vary more
    hide an effect: what is subtracted for their noise is more than the target has. Where they vary
    only somewhat more, neither RMS nor M need show it; then RMS+, printed beside it, is the bound
    that holds whatever the target's own noise, and the clause says what it rests on.

    Args:
        signed: S, in SDs of the clean predictions, with its interval. Intervals at
            `statistics.equivalence.CLAIM_LEVEL` make each of their ends a test at `ALPHA`; wider
            ones make claims fewer.
        size: RMS, in the same unit; below 0 exactly where V is.
        upper: RMS+, in the same unit.
        energy: M, in any unit.
        p_signed: of S, corrected for the number of features; None where there is none.
        p_energy: of M, likewise.
        sesoi: smallest effect of interest, in SDs.
        alpha: a p-value below it is significant.
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
    """Whether the model relies on a feature whose value was swapped between images.

    Relies: T lies above `sesoi`. Does not rely: T+ lies below it, or T does and the way there and
    back does not change predictions more than the swap itself.

    Args:
        share: T, with its interval.
        upper: T+.
        sesoi: smallest share of the predictions' variance of interest.
    """
    if _above(share, sesoi):
        return Claim("relies", f"T above {sesoi:g}")
    if _below(upper, sesoi):
        return Claim("does not rely", f"T+ below {sesoi:g}")
    if _below(share, 0):
        return Claim("cannot tell", "the way there and back changes more than the swap")
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
