"""Effects whose changed images lie too far from unchanged ones for T to be a share of variance."""

from __future__ import annotations

from dataclasses import replace

from memlab.analysis.claims import Claim
from memlab.analysis.effect import AblationEffect
from memlab.analysis.gauge import Gauge, refusal
from memlab.stats.measures import Statistic


def with_gauge(effect: AblationEffect, gauge: Gauge | None) -> AblationEffect:
    """Return an effect with its gauge; beyond the bounds of the gauge T is None, with the reason.

    The claim about a swap, which rests on T, is then "cannot tell".

    Args:
        effect: effect of an ablation.
        gauge: gauge of its changed images; None if it was not measured.
    """
    beyond = effect.beyond_control
    reason = refusal(gauge, beyond.variance_share)
    if reason is None:
        return replace(effect, gauge=gauge)

    def without(share: Statistic | None) -> Statistic | None:
        return None if share is None else Statistic(None, share.n, reason=reason)

    claim = effect.claim
    if claim is not None and effect.role == "swap":
        claim = Claim("cannot tell", f"T: {reason}")
    return replace(
        effect,
        gauge=gauge,
        claim=claim,
        beyond_control=replace(
            beyond,
            variance_share=without(beyond.variance_share),
            variance_share_upper=without(beyond.variance_share_upper),
        ),
    )
