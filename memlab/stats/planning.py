"""Planning of audits: required images and draws, and the smallest detectable effect."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from memlab.stats.equivalence import CLAIM_LEVEL

POWER = 0.8
TARGET_DRAWS = 2
"""Draws of a target that has matched controls: one draw would not show the target's own noise."""


def detectable(standard_error: float, power: float = POWER, alpha: float = 0.05) -> float:
    """Return the true effect that a two-sided test at `alpha` detects with probability `power`.

    At the defaults this is 2.80 standard errors (Gelman & Hill 2007, Data Analysis Using Regression
    and Multilevel/Hierarchical Models, section 20.1; Bloom 1995). Print it next to every effect
    that was not found: a smaller effect would be missed in more than 1 of 5 tests.

    Args:
        standard_error: standard error of the estimate, from `Resampled.standard_error`.
        power: required power, above .5.
        alpha: level of the test.
    """
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * standard_error


def width(
    n: int,
    draws: int,
    sd_images: float,
    sd_draws: float,
    level: float = 0.95,
    *,
    target_draws: int = TARGET_DRAWS,
    sd_target: float | None = None,
) -> float:
    """Return the expected width of the interval of S for n images with K control draws.

    S is a mean of D̄ - c̄. Over images, this difference has the variance of the true effects, plus
    that of the mean of K controls and of m draws of the target: sd_images² + sd_draws² / K +
    sd_target² / m.

    Args:
        n: number of images.
        draws: control draws K per image.
        sd_images: SD over images of the true specific effect, the effect of the target's position
            included.
        sd_draws: SD over draws of a control's effect on one image, in the same unit.
        level: level of the interval.
        target_draws: draws m of the target per image.
        sd_target: SD over draws of the target's effect on one image; by default `sd_draws`.
    """
    spread = _spread(draws, sd_images, sd_draws, target_draws, sd_target)
    return 2 * float(ndtri((1 + level) / 2)) * math.sqrt(spread / n)


def images_for_width(
    target: float,
    draws: int,
    sd_images: float,
    sd_draws: float,
    level: float = 0.95,
    *,
    target_draws: int = TARGET_DRAWS,
    sd_target: float | None = None,
) -> int:
    """Return the number of images for an expected interval of S of width `target`; see `width`."""
    one = width(
        1, draws, sd_images, sd_draws, level, target_draws=target_draws, sd_target=sd_target
    )
    return math.ceil((one / target) ** 2 - 1e-9)


def draws_for_width(
    target: float,
    n: int,
    sd_images: float,
    sd_draws: float,
    level: float = 0.95,
    *,
    target_draws: int = TARGET_DRAWS,
    sd_target: float | None = None,
) -> int | None:
    """Return the control draws per image for an interval of S of width `target`.

    None if no number of draws suffices: more controls reduce only the controls' noise; the variance
    between images and the target's own noise remain. See `width`.
    """
    variance = n * (target / (2 * float(ndtri((1 + level) / 2)))) ** 2
    of_draws = variance - _spread(1, sd_images, 0.0, target_draws, _own(sd_target, sd_draws))
    if sd_draws == 0:
        return 1 if of_draws >= -1e-12 * variance else None
    return max(1, math.ceil(sd_draws**2 / of_draws - 1e-9)) if of_draws > 0 else None


def chance_to_exclude(
    n: int,
    draws: int,
    sd_draws: float,
    sesoi: float = 0.05,
    sd_images: float = 0.0,
    level: float = CLAIM_LEVEL,
    *,
    target_draws: int = TARGET_DRAWS,
    sd_target: float | None = None,
) -> float:
    """Return the probability that an audit claims "does not rely" if the mean specific effect is 0.

    The claim needs S inside ±SESOI and the upper bound of RMS+ below SESOI. The function uses the
    normal approximation for normal effects and noise. Squares are skewed: below 200 images the
    approximation is low by up to .1.

    Args:
        n: number of images that have the feature.
        draws: control draws K per image; one draw does not estimate the noise, so the result is 0.
        sd_draws: SD over draws of a control's effect on one image, in SDs of the predictions.
        sesoi: smallest effect of interest, in the same unit.
        sd_images: SD over images of the true specific effect, the effect of the target's position
            included: an image may lose more at this position than at others by chance. At SESOI or
            above, the claim is not reached.
        level: level of the intervals; .9 is two one-sided tests at .05.
        target_draws: draws m of the target per image; the noise of a single draw is not subtracted.
        sd_target: SD over draws of the target's effect on one image; by default `sd_draws`.
    """
    if draws < 2:
        return 0.0  # one draw does not estimate the noise
    z = float(ndtri((1 + level) / 2))
    own = _own(sd_target, sd_draws)
    spread = _spread(draws, sd_images, sd_draws, target_draws, own)  # variance of D̄ - c̄
    inside = max(0.0, 2 * float(ndtr(_over(sesoi, math.sqrt(spread / n)) - z)) - 1)
    mean = spread - sd_draws**2 / draws
    square = 2 * spread**2 + 2 * (sd_draws**2 / draws) ** 2 / (draws - 1)
    if target_draws > 1:
        mean -= own**2 / target_draws
        square += 2 * (own**2 / target_draws) ** 2 / (target_draws - 1)
    small = float(ndtr(_over(sesoi**2 - mean, math.sqrt(square / n)) - z))
    return inside * small


def images_to_exclude(
    draws: int,
    sd_draws: float,
    sesoi: float = 0.05,
    sd_images: float = 0.0,
    level: float = CLAIM_LEVEL,
    power: float = POWER,
    most: int = 1_000_000,
    *,
    target_draws: int = TARGET_DRAWS,
    sd_target: float | None = None,
) -> int | None:
    """Return the fewest images at which "does not rely" is reached with probability `power`.

    None if more than `most` are needed; see `chance_to_exclude`.
    """

    def enough(n: int) -> bool:
        chance = chance_to_exclude(
            n,
            draws,
            sd_draws,
            sesoi,
            sd_images,
            level,
            target_draws=target_draws,
            sd_target=sd_target,
        )
        return chance >= power

    if not enough(most):
        return None
    low, high = 0, most  # the probability grows with n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _spread(
    draws: int, sd_images: float, sd_draws: float, target_draws: int, sd_target: float | None
) -> float:
    """Return the variance over images of D̄ - c̄."""
    own = _own(sd_target, sd_draws)
    return sd_images**2 + own**2 / target_draws + sd_draws**2 / draws


def _own(sd_target: float | None, sd_draws: float) -> float:
    return sd_draws if sd_target is None else sd_target


def _over(distance: float, error: float) -> float:
    return distance / error if error > 0 else math.copysign(math.inf, distance)
