"""Declared contrasts, and the share of semantic features in what the listed features move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from memlab.audit.result import ContrastResult, SemanticShare
from memlab.audit.shares import Shares
from memlab.numbers import interval
from memlab.stats import LEVEL
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Array, Statistic


def derived(
    function: Callable[..., Array], parts: Sequence[Resampled], n: int, level: float = LEVEL
) -> Resampled:
    """Return a function of estimates with its values on their common resamples.

    Args:
        function: function from arrays of the parts' values to an array of values.
        parts: estimates from one bootstrap, so that their draws are paired.
        n: number of images.
        level: level of the interval, a percentile interval.
    """
    values = [part.statistic.value for part in parts]
    with np.errstate(all="ignore"):  # NaN where undefined on a resample
        value = float(function(*(np.asarray(one, dtype=float) for one in values)))
        draws = np.asarray(function(*(part.draws for part in parts)), dtype=float)
    if not np.isfinite(value):
        return Resampled(Statistic(None, n, reason="not defined on these images"), np.empty(0))
    return Resampled(Statistic(value, n), draws, kind="percentile", level=level)


def contrast(
    name: str,
    first: Sequence[str],
    second: Sequence[str],
    shares: Shares,
    same_images: Statistic | None,
    level: float = LEVEL,
) -> ContrastResult:
    """Return a declared contrast: mean T of the first group − mean T of the second.

    Features without a T are left out and named; a group without any T has no contrast. Two single
    features are compared by T that measure the same; see `Shares.alike`.

    Args:
        name: name of the contrast.
        first: features of the first group.
        second: features of the second group.
        shares: T of the features.
        same_images: difference of the RMS effects on the same images, if it applies.
        level: level of the interval.
    """
    missing = [one for one in [*first, *second] if one not in shares.of]
    first, second = ([one for one in group if one in shares.of] for group in (first, second))
    if not first or not second:
        none = Statistic(None, 0, reason="one side has no feature with a T")
        return ContrastResult(name, first, second, none, same_images, missing)

    def difference(*values: Array) -> Array:
        one, other = values[: len(first)], values[len(first) :]
        return np.asarray(sum(one) / len(one) - sum(other) / len(other))

    parts, presence_only = [shares.of[one] for one in [*first, *second]], False
    if len(first) == len(second) == 1:
        parts = list(shares.alike(first[0], second[0]))
        presence_only = shares.differ(first[0], second[0])
    n = min(part.statistic.n for part in parts)
    found = derived(difference, parts, n, level).interval()
    return ContrastResult(name, first, second, found, same_images, missing, presence_only)


def semantic_share(
    sides: Mapping[str, str],
    shares: Mapping[str, Resampled],
    unmeasured: Mapping[str, float],
    unexchanged: Mapping[str, float],
    sesoi_t: float,
    level: float = LEVEL,
) -> tuple[SemanticShare, Array]:
    """Return the share of semantic features in the sum of semantic and low-level T.

    Parts are not clipped. The share has no value unless the interval of the total lies above 0, and
    that of each sum above −k `sesoi_t`, where k is the number of its features. A feature without a
    T could have any T up to its bound, and one whose exchange was not measured more than its T.
    `low` counts the bounds of low-level features, `high` those of semantic features.

    Args:
        sides: representative to its side; only semantic and low-level ones count.
        shares: feature to T on common resamples; features without a T are absent.
        unmeasured: feature without a T to the largest T that it could have.
        unexchanged: feature whose T is of presence alone to the largest T that exchanging it for
            another of its kind could add.
        sesoi_t: smallest T of interest.
        level: level of the intervals.

    Returns:
        The share, and its values on the resamples, empty without a share.
    """
    names = {side: [one for one, of in sides.items() if of == side] for side in _SIDES}
    measured = {side: [one for one in names[side] if one in shares] for side in _SIDES}
    every = [one for side in _SIDES for one in names[side]]
    without = {one: most for one, most in unmeasured.items() if one in every}
    more = {one: most for one, most in unexchanged.items() if one in every}
    open_ = {
        side: sum(without.get(one, 0.0) + more.get(one, 0.0) for one in names[side])
        for side in _SIDES
    }
    parts = [shares[one] for side in _SIDES for one in measured[side]]
    split = len(measured["semantic"])
    if not measured["semantic"] or not measured["low-level"]:
        empty = "semantic" if not measured["semantic"] else "low-level"
        reason = f"no {empty} feature has a T"
        none = Statistic(None, 0, reason=reason)
        return SemanticShare(none, none, none, none, None, None, without, more), np.empty(0)
    n = min(part.statistic.n for part in parts)

    def side_sums(values: Sequence[Array]) -> tuple[Array, Array]:
        return np.asarray(sum(values[:split])), np.asarray(sum(values[split:]))

    def share(*values: Array, more: float = 0.0, less: float = 0.0) -> Array:
        semantic, low_level = side_sums(values)
        total = semantic + more + low_level + less
        return np.asarray(np.where(total > 0, (semantic + more) / total, np.nan))

    semantic, low_level, total = (
        derived(of, parts, n, level)
        for of in (
            lambda *values: side_sums(values)[0],
            lambda *values: side_sums(values)[1],
            lambda *values: np.asarray(sum(values)),
        )
    )
    sums = (semantic.interval(), low_level.interval(), total.interval())
    counts = [len(measured[side]) for side in _SIDES]
    why = _undefined(sums, [count * sesoi_t for count in counts])
    if why:
        none = Statistic(None, n, reason=why)
        return SemanticShare(none, *sums, None, None, without, more), np.empty(0)
    of_all = derived(share, parts, n, level)
    ends = [
        derived(lambda *values, m=more, s=less: share(*values, more=m, less=s), parts, n, level)
        for more, less in ((0.0, open_["low-level"]), (open_["semantic"], 0.0))
    ]
    low, high = ends[0].interval().low, ends[1].interval().high
    return SemanticShare(of_all.interval(), *sums, low, high, without, more), of_all.draws


def range_of_all(share: SemanticShare) -> str | None:
    """Return the range of the share in percent over all values of what was not measured.

    None if everything was measured, or the share has no range.
    """
    unknown = [
        f"{words} {', '.join(names)}"
        for words, names in (("T of", share.unmeasured), ("exchange of", share.unexchanged))
        if names
    ]
    if not unknown or share.low is None or share.high is None:
        return None
    ends = interval(100 * share.low, 100 * share.high, 0)
    return f"{ends} whatever was not measured ({'; '.join(unknown)})"


_SIDES = ("semantic", "low-level")


def _undefined(sums: Sequence[Statistic], margins: Sequence[float]) -> str | None:
    """Return why the share is not defined: a sum may be below 0, or the total may be 0."""
    for statistic, name in zip(sums, _SIDES, strict=False):
        if statistic.low is None:
            return f"the {name} sum has no interval: {statistic.reason}"
    if (sums[2].low or 0.0) <= 0:
        return "the interval of the total includes 0"
    for statistic, name, margin in zip(sums, _SIDES, margins, strict=False):
        if statistic.low is not None and statistic.low <= -margin:
            return f"the {name} sum may be below 0: controls vary more than what they control"
    return None
