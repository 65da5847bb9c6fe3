"""Rankings of features, and the sentence that says whether the first place is decided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from memlab.audit.result import Ranking
from memlab.numbers import number
from memlab.stats import LEVEL, Bootstrap, Place, ranking
from memlab.stats.intervals import Resampled

POWER = 0.8
QUANTITIES = {
    "variance_share": "T, share of the variance of predictions over the data set",
    "rms_effect_sd": "RMS effect where the feature is present, in SDs of the predictions",
}


def ranked(
    quantity: str,
    estimates: Mapping[str, Resampled],
    without: Mapping[str, str],
    labels: Mapping[str, str],
    audited: int,
    level: float = LEVEL,
) -> Ranking:
    """Rank features by a quantity.

    Args:
        quantity: key of `QUANTITIES`.
        estimates: feature to the quantity on common resamples.
        without: feature without the quantity to the reason.
        labels: feature to its name for readers.
        audited: number of audited images.
        level: level of the intervals.
    """
    unranked = [Place(name, reason=reason) for name, reason in without.items()]
    places = ranking(Bootstrap(dict(estimates)), list(estimates), level) if estimates else []
    placed = [place for place in places if place.rank is not None]
    unranked = [place for place in places if place.rank is None] + unranked
    if len(placed) < 2:
        why = "fewer than two features have a value"
        return Ranking(quantity, placed + unranked, False, f"No ranking: {why}.", reason=why)
    first, second = placed[0], placed[1]
    top = [place for place in placed if place.tier == 1]
    decisive = len(top) == 1 and _positive(estimates[first.name])
    needed = None
    if not decisive:
        needed = images_to_separate(estimates[first.name], estimates[second.name], audited)
    return Ranking(
        quantity,
        placed + unranked,
        decisive,
        _sentence(placed, top, decisive, labels, needed),
        needed,
    )


def no_ranking(quantity: str, names: Sequence[str], reason: str) -> Ranking:
    """Return a ranking without ranks."""
    places = [Place(name, reason=reason) for name in names]
    return Ranking(quantity, places, False, f"No ranking: {reason}.", reason=reason)


def images_to_separate(first: Resampled, second: Resampled, audited: int) -> int | None:
    """Return the number of audited images that would show the difference of two features.

    A rough figure: standard errors fall with the root of n, the measured difference is taken to be
    the true one, and power is .8. None if the difference is 0 or unknown.
    """
    return images_to_show(first.draws - second.draws, _difference(first, second), audited)


def images_to_show(draws: np.ndarray, distance: float | None, audited: int) -> int | None:
    """Return the number of images whose interval would exclude a bound at some distance."""
    finite = draws[np.isfinite(draws)]
    if distance is None or distance == 0 or len(finite) < 2 or not np.isfinite(distance):
        return None
    error = float(finite.std(ddof=1))
    ratio = float(ndtri(0.975) + ndtri(POWER)) * error / abs(distance)
    needed = audited * max(ratio, 1.0) ** 2
    if not math.isfinite(needed) or needed > 1e7:
        return None
    return rounded_up(needed)


def rounded_up(n: float) -> int:
    """Return a number of images, rounded up to two digits: 1,234 to 1,300."""
    unit = 10 ** max(0, math.floor(math.log10(max(n, 1))) - 1)
    return int(math.ceil(n / unit - 1e-9) * unit)


def _difference(first: Resampled, second: Resampled) -> float | None:
    a, b = first.statistic.value, second.statistic.value
    return None if a is None or b is None else a - b


def _positive(resampled: Resampled) -> bool:
    low = resampled.interval().low
    return low is not None and low > 0


def _sentence(
    placed: Sequence[Place],
    top: Sequence[Place],
    decisive: bool,
    labels: Mapping[str, str],
    needed: int | None,
) -> str:
    first = placed[0]
    chance = number(first.first, 2, zero=False)
    if decisive:
        return f"The first place is decided: {labels[first.name]} (P(rank 1) = {chance})."
    if len(top) == 1:
        return (
            f"This ranking is not decisive: the interval of {labels[first.name]}, the first, "
            "includes 0."
        )
    names = ", ".join(
        f"{labels[place.name]} {number(place.first, 2, zero=False)}" for place in top[:4]
    )
    more = f" and {len(top) - 4} more" if len(top) > 4 else ""
    end = (
        f"; about {needed:,} audited images would separate the first two"
        if needed is not None
        else ""
    )
    return (
        f"This ranking is not decisive: the first tier holds {len(top)} features (P(rank 1): "
        f"{names}{more}){end}."
    )
