"""What the audit claims of a feature, on audits whose truth is planted."""

import pytest

from memlab.analysis.claims import Claim, removal_claim, swap_claim
from memlab.stats.measures import Statistic


def at(low: float, high: float) -> Statistic:
    return Statistic((low + high) / 2, 100, low, high)


NULL = Statistic(None, 0, reason="no eligible image")


# fmt: off
CASES = [  # S, RMS-, RMS+, p
    (at(0.06, 0.2), at(-0.1, 0.1), at(0.1, 0.2), 0.01,
     "relies", "significant, |S| above 0.05 SD"),
    (at(-0.2, -0.06), at(0.06, 0.2), at(0.1, 0.2), 0.01,
     "relies", "significant, |S| and RMS above 0.05 SD"),
    (at(-0.1, 0.1), at(0.06, 0.2), at(0.1, 0.2), 0.01,
     "relies", "significant, RMS above 0.05 SD"),
    # the controls vary as much between positions: removing anything has this effect
    (at(-0.01, 0.01), at(-0.04, 0.04), at(0.1, 0.2), 0.01,
     "cannot tell", "RMS+ above 0.05 SD, but controls vary as much between positions"),
    # a small effect is none that matters, however significant
    (at(0.01, 0.04), at(0.01, 0.04), at(0.1, 0.2), 0.01,
     "cannot tell", "RMS+ above 0.05 SD, but controls vary as much between positions"),
    (at(0.01, 0.04), at(0.01, 0.04), at(0.01, 0.049), 0.01,
     "does not rely", "S inside ±0.05 SD, RMS+ below 0.05 SD"),
    (at(-0.01, 0.01), at(-0.08, -0.04), at(-0.03, 0.049), 0.5,
     "does not rely", "S inside ±0.05 SD, RMS+ below 0.05 SD"),
    # a noisier target, whose draws differ more than its controls
    (at(-0.01, 0.01), at(0.1, 0.2), at(-0.04, 0.04), 0.01,
     "does not rely", "S inside ±0.05 SD, RMS+ below 0.05 SD"),
    (at(-0.06, 0.01), at(-0.04, 0.04), at(0.03, 0.04), 0.5,
     "cannot tell", "the intervals reach both sides of 0.05 SD"),
    (at(-0.01, 0.01), at(-0.04, 0.06), at(0.03, 0.08), 0.01,
     "cannot tell", "the intervals reach both sides of 0.05 SD"),
    (at(0.06, 0.2), at(0.06, 0.2), at(0.1, 0.2), 0.2,
     "cannot tell", "|S| and RMS above 0.05 SD, not significant"),
    (NULL, NULL, NULL, None, "cannot tell", "S: no eligible image"),
    # one control draw: no RMS, and S alone can show reliance but not its absence
    (at(0.06, 0.2), NULL, NULL, 0.01, "relies", "significant, |S| above 0.05 SD"),
    (at(-0.01, 0.01), NULL, NULL, 0.5, "cannot tell", "RMS-: no eligible image"),
    (Statistic(0.0, 2), at(-1, 1), at(-1, 1), None, "cannot tell", "S: no interval"),
]
# fmt: on


@pytest.mark.parametrize(("s", "lower", "upper", "p", "claim", "clause"), CASES)
def test_each_clause_fires_in_its_case(
    s: Statistic,
    lower: Statistic,
    upper: Statistic,
    p: float | None,
    claim: str,
    clause: str,
) -> None:
    assert removal_claim(s, lower, upper, p) == Claim(claim, clause)


def test_swaps_are_claimed_by_their_share_of_the_variance() -> None:
    def claim(share: Statistic, upper: Statistic, p: float | None = 0.01) -> tuple[str, str]:
        found = swap_claim(share, upper, p)
        return found.claim, found.clause

    assert claim(at(0.0013, 0.1), at(0.01, 0.2)) == ("relies", "significant, T above 0.00125")
    for p in (0.05, None):
        below = ("cannot tell", "T above 0.00125, not significant")
        assert claim(at(0.0013, 0.1), at(0.01, 0.2), p) == below
    assert claim(at(-0.001, 0.001), at(0.01, 0.2)) == ("does not rely", "T inside ±0.00125")
    assert claim(at(-0.002, -0.001), at(0, 0.001)) == ("does not rely", "T+ below 0.00125")
    for low, high in ((-0.02, -0.01), (-0.02, 0.001)):
        assert claim(at(low, high), at(0.01, 0.02)) == (
            "cannot tell",
            "the round trip changes more than the swap",
        )
    both = ("cannot tell", "T's interval reaches both sides of 0.00125")
    assert claim(at(-0.01, 0.01), at(0.01, 0.2)) == both
    assert claim(NULL, NULL) == ("cannot tell", "T: no eligible image")
