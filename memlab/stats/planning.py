"""Planning of audits: required images and draws, and the smallest detectable effect."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from memlab.stats.equivalence import CLAIM_LEVEL

POWER = 0.8


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
    n: int, draws: int, sd_images: float, sd_draws: float, level: float = 0.95, quiet: bool = False
) -> float:
    """Return the expected width of the interval of S for n images with K control draws.

    S is a mean of D - c̄. Over images, this difference has the variance of the true effects, plus
    that of the mean of K draws, plus that of the target's own draw, which equals a control's:
    sd_images² + sd_draws² (1 + 1 / K).

    Args:
        n: number of images.
        draws: control draws K per image.
        sd_images: SD over images of the true specific effect.
        sd_draws: SD over draws of a control's effect on one image, in the same unit.
        level: level of the interval.
        quiet: whether the target's occlusion has no such noise of its own.
    """
    of_target = 0.0 if quiet else sd_draws**2
    variance = sd_images**2 + of_target + sd_draws**2 / draws
    return 2 * float(ndtri((1 + level) / 2)) * math.sqrt(variance / n)


def images_for_width(
    target: float,
    draws: int,
    sd_images: float,
    sd_draws: float,
    level: float = 0.95,
    quiet: bool = False,
) -> int:
    """Return the number of images for an expected interval of S of width `target`; see `width`."""
    return math.ceil((width(1, draws, sd_images, sd_draws, level, quiet) / target) ** 2 - 1e-9)


def draws_for_width(
    target: float,
    n: int,
    sd_images: float,
    sd_draws: float,
    level: float = 0.95,
    quiet: bool = False,
) -> int | None:
    """Return the control draws per image for an interval of S of width `target`.

    None if no number of draws suffices: more draws reduce only the controls' noise; the variance
    between images and the target's own noise remain. See `width`.
    """
    variance = n * (target / (2 * float(ndtri((1 + level) / 2)))) ** 2
    of_draws = variance - sd_images**2 - (0.0 if quiet else sd_draws**2)
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
    quiet: bool = False,
) -> float:
    """Return the probability that an audit claims "does not rely" if the mean specific effect is 0.

    The claim needs S inside ±SESOI, and either the upper bound of RMS⁺ below SESOI, or that of RMS
    below SESOI with V's interval not wholly below 0. The function uses the normal approximation for
    normal effects and noise, and the better of the two clauses, so the result is a lower bound.
    Squares are skewed: below 200 images the approximation is low by up to .1.

    Args:
        n: number of images that have the feature.
        draws: control draws K per image; one draw does not estimate the noise, so the result is 0.
        sd_draws: SD over draws of a control's effect on one image, in SDs of the predictions.
        sesoi: smallest effect of interest, in the same unit.
        sd_images: SD over images of the true specific effect; at SESOI or above, withholding the
            claim is correct.
        level: level of the intervals; .9 is two one-sided tests at .05.
        quiet: whether the target's occlusion has no noise of its own.
    """
    if draws < 2:
        return 0.0  # one draw does not estimate the noise
    z = float(ndtri((1 + level) / 2))
    noise, control = (0.0 if quiet else sd_draws**2), sd_draws**2
    spread = sd_images**2 + noise + control / draws  # variance of D - c̄
    inside = max(0.0, 2 * float(ndtr(_over(sesoi, math.sqrt(spread / n)) - z)) - 1)
    clauses = []
    for factor in (1 / draws, 1 + 1 / draws):  # V⁺, V: (D - c̄)² - factor s²
        mean = spread - factor * control
        error = math.sqrt((2 * spread**2 + 2 * (factor * control) ** 2 / (draws - 1)) / n)
        reached = float(ndtr(_over(sesoi**2 - mean, error) - z))
        if factor > 1:  # excludes intervals of V wholly below 0
            reached -= float(ndtr(_over(-mean, error) - z))
        clauses.append(max(0.0, reached))
    return inside * max(clauses)


def images_to_exclude(
    draws: int,
    sd_draws: float,
    sesoi: float = 0.05,
    sd_images: float = 0.0,
    level: float = CLAIM_LEVEL,
    quiet: bool = False,
    power: float = POWER,
    most: int = 1_000_000,
) -> int | None:
    """Return the fewest images at which "does not rely" is reached with probability `power`.

    None if more than `most` are needed; see `chance_to_exclude`.
    """

    def enough(n: int) -> bool:
        return chance_to_exclude(n, draws, sd_draws, sesoi, sd_images, level, quiet) >= power

    if not enough(most):
        return None
    low, high = 0, most  # the probability grows with n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _over(distance: float, error: float) -> float:
    return distance / error if error > 0 else math.copysign(math.inf, distance)
