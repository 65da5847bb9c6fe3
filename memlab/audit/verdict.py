"""Verdict of an audit: human-interpretable, shortcut, mixed, or cannot tell.

The rules are applied in the order of this module. The thresholds come from the protocol. A rule
needs the whole interval of the semantic share on one side of a threshold, so that few images give
"cannot tell" and not a wrong verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from memlab.audit.feature_result import FeatureResult
from memlab.audit.order import POWER, images_to_show, rounded_up
from memlab.audit.result import SampleRecord, ScanResult, SemanticShare, Verdict, VerdictName
from memlab.audit.semantic import range_of_all
from memlab.numbers import interval, number
from memlab.stats.measures import Array, Statistic


def no_order(sample: SampleRecord) -> str | None:
    """Return why the predictions carry nothing to explain; None if they may.

    Without scores it is unknown, and the audit goes on.
    """
    if sample.sd.value is None:
        return sample.sd.reason or "the predictions do not vary"
    rho = sample.spearman
    if rho.value is None:
        constant = "constant" in (rho.reason or "")
        return f"{rho.reason}: nothing says whether predictions carry any ρ" if constant else None
    if rho.low is not None and rho.low > 0:
        return None
    ends = interval(rho.low, rho.high, 2, zero=False)
    found = f"ρ = {number(rho.value, 2, zero=False)} {ends}".strip()
    if rho.low is None:
        return f"the correlation with people's scores has no interval ({found})"
    return f"the predictions are not shown to correlate with people's scores ({found})"


def verdict(
    features: Sequence[FeatureResult],
    share: SemanticShare,
    draws: Array,
    sample: SampleRecord,
    scan: ScanResult | None,
    thresholds: Mapping[str, float],
) -> Verdict:
    """Return the verdict with the clause that fired.

    Args:
        features: results of the features.
        share: the semantic share.
        draws: its values on the resamples.
        sample: the images.
        scan: the blind scan, if it was run.
        thresholds: bounds by name, from the protocol, which has all of them.
    """
    nothing = no_order(sample)
    if nothing:
        return _nothing(nothing, sample)
    name, clause, needed = _decide(share, draws, sample.audited, thresholds)
    scarce = _scarce(features, sample.audited, int(thresholds["least_images"]))
    if name == "cannot tell" and needed is None and share.share.value is None and scarce:
        clause += f"; about {scarce:,} audited images would hold enough of each feature"
        needed = scarce
    shows, not_shown = _shows(name, features, scan), _not_shown(name, sample)
    return Verdict(name, clause, shows, not_shown, needed)


def _nothing(clause: str, sample: SampleRecord) -> Verdict:
    """Return the verdict on predictions that are equal, or whose order is not shown to be any."""
    not_shown = (
        "It does not show what makes images memorable to this model: the order of its predictions "
        "is not shown to be people's."
    )
    rho, needed = sample.spearman, None
    if sample.sd.value is None:
        shows = "All predictions are equal: no feature moves them."
    elif rho.value is not None and rho.high is not None and rho.high > 0:
        needed = images_for_rho(rho.value)
        shows = "It is open whether the order of the predictions has anything of people's scores."
        if needed is not None:
            clause += f"; about {needed:,} images with scores would show a ρ of this size"
    else:
        shows = (
            "The order of the predictions is not that of people's scores. What moves them says "
            "nothing about memorability."
        )
    return Verdict("cannot tell", clause, shows, not_shown, needed)


def images_for_rho(rho: float) -> int | None:
    """Return how many images would show that a ρ is above 0, in 4 of 5 cases; None if never.

    The standard error of Fisher's z of ρ is √(1.06 / (n - 3)) (Fieller, Hartley & Pearson 1957,
    Biometrika 44, 470-481).
    """
    if not 0 < rho < 1:
        return None
    needed = 3 + 1.06 * ((ndtri(0.975) + ndtri(POWER)) / np.arctanh(rho)) ** 2
    return rounded_up(needed) if needed < 1e7 else None


def _scarce(features: Sequence[FeatureResult], audited: int, least: int) -> int | None:
    """Return how many audited images would hold enough of each feature that too few have."""
    few = [one.compared for one in features if one.ranked and 0 < one.compared < least]
    return rounded_up(audited * least / min(few)) if few else None


def _decide(
    share: SemanticShare, draws: Array, audited: int, thresholds: Mapping[str, float]
) -> tuple[VerdictName, str, int | None]:
    human, shortcut = thresholds["human_share"], thresholds["shortcut_share"]
    least = thresholds["least_total"]
    if share.share.value is None:
        return "cannot tell", f"the semantic share is not defined: {share.share.reason}", None
    total = share.total
    if total.low is None or total.low < least:
        moved = _percent(total)
        if total.high is not None and total.high < least:
            clause = (
                f"the listed features move {moved} of the variance of predictions, less than "
                f"{100 * least:g} %: what moves the rest is not listed"
            )
            return "cannot tell", clause, None
        clause = (
            f"the listed features move {moved} of the variance of predictions; the interval "
            f"reaches below {100 * least:g} %"
        )
        return "cannot tell", clause, None
    found = _percent(share.share)
    low, high = share.low, share.high
    if low is None or high is None:
        return "cannot tell", f"the semantic share has no interval: {share.share.reason}", None
    if of_all := range_of_all(share):
        found += f", {of_all}"
    said = f"the semantic share is {found}"
    if low > human:
        return "human-interpretable", f"{said}: above {100 * human:.3g} %", None
    if high < shortcut:
        return "shortcut", f"{said}: below {100 * shortcut:.3g} %", None
    between = f"{100 * shortcut:.3g} and {100 * human:.3g} %"
    if low > shortcut and high < human:
        return "mixed", f"{said}: between {between}", None
    crossed = [bound for bound in (shortcut, human) if low <= bound <= high]
    limits = " and ".join(f"{100 * bound:.3g} %" for bound in crossed)
    inside = share.share.low is not None and any(
        share.share.low <= bound <= (share.share.high or 0.0) for bound in crossed
    )
    needed = _needed(share.share.value, draws, crossed, audited) if inside else None
    more = f"; about {needed:,} audited images would decide" if needed else ""
    return "cannot tell", f"{said}: its range includes {limits}{more}", needed


def _needed(value: float, draws: Array, bounds: Sequence[float], audited: int) -> int | None:
    nearest = min(bounds, key=lambda bound: abs(bound - value))
    return images_to_show(np.asarray(draws), value - nearest, audited)


def _percent(statistic: Statistic) -> str:
    if statistic.value is None:
        return "an unknown share"
    ends = (
        ""
        if statistic.low is None or statistic.high is None
        else interval(100 * statistic.low, 100 * statistic.high, 0)
    )
    return f"{number(100 * statistic.value, 0)} % {ends}".strip()


def _shows(
    name: VerdictName,
    features: Sequence[FeatureResult],
    scan: ScanResult | None,
) -> str:
    relied = sorted(
        (one for one in features if one.ranked and one.claim.claim == "relies"),
        key=lambda one: -(one.variance_share.value or 0.0),
    )
    listed = ", ".join(
        f"{one.label} (T {number(one.variance_share.value, 3, zero=False)})" for one in relied[:4]
    )
    relies = f"The model relies on {listed}." if listed else "No feature is shown to be relied on."
    of_all = {
        "human-interpretable": "Most of what the listed features move is moved by content that "
        "people name.",
        "shortcut": "Most of what the listed features move is moved by low-level features.",
        "mixed": "Content that people name and low-level features both move the predictions.",
        "cannot tell": "This audit does not decide between content that people name and low-level "
        "features.",
    }[name]
    mark = f" {scan.sentence}" if scan is not None and _stands_out(scan) else ""
    return f"{of_all} {relies}{mark}"


def _stands_out(scan: ScanResult) -> bool:
    return scan.strongest is not None and scan.positions[scan.strongest].stands_out


def _not_shown(name: VerdictName, sample: SampleRecord) -> str:
    if sample.scored == 0:
        return (
            "It does not show whether the predictions carry anything of what people remember: the "
            "images have no scores."
        )
    return {
        "human-interpretable": "It does not show that people remember these images for the same "
        "reasons, or that no unlisted feature matters.",
        "shortcut": "It does not show that these features do not make images memorable to people; "
        "people, too, may rely on some of them.",
        "mixed": "It does not show which of the two would remain on other images.",
        "cannot tell": "It does not show that the features have no effect: an effect that is not "
        "shown may be smaller than this audit can detect.",
    }[name]
