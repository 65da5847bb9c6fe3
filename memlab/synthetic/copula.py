"""Gaussian copula: numbers with declared correlations.

Features are drawn from correlated normals, each mapped to its own distribution. A presence feature
thresholds its normal, so two features are less correlated than their normals. This module finds the
correlation of the normals that gives the features the declared correlation (NORTA, Cario and Nelson
1997; for two presence features it is the tetrachoric correlation).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Marginal = tuple[float, ...]
"""Quantiles, inside (0, 1), at which a number steps up by one; empty for a uniform number."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def correlation(first: Marginal, second: Marginal, normal: float) -> float:
    """Return the Pearson correlation of two numbers, given the correlation of their normals.

    Args:
        first: distribution of one number.
        second: distribution of the other.
        normal: correlation of the two standard normals, −1 to 1.
    """
    common = sum(
        _common(h, k, normal * first_shrink * second_shrink)
        for h, first_shrink in _cuts(first)
        for k, second_shrink in _cuts(second)
    )
    return common / math.sqrt(_variance(first) * _variance(second))


def factor(
    marginals: Mapping[str, Marginal], pairs: Mapping[tuple[str, str], float]
) -> NDArray[np.float64]:
    """Return the Cholesky factor of the normals' correlations, in the order of the marginals.

    Args:
        marginals: number to its distribution.
        pairs: two numbers to their correlation; missing pairs are uncorrelated.

    Raises:
        ValueError: if a pair cannot have this correlation, or not all pairs at once.
    """
    names = list(marginals)
    normals = np.eye(len(names))
    for (first, second), target in pairs.items():
        ends = [correlation(marginals[first], marginals[second], end) for end in (-1.0, 1.0)]
        if not ends[0] < target < ends[1]:
            raise ValueError(
                f"{first},{second} {target:g}: with these distributions only from "
                f"{ends[0]:.3f} to {ends[1]:.3f}, ends excluded"
            )
        cell = names.index(first), names.index(second)
        normals[cell] = normals[cell[::-1]] = _normal(marginals[first], marginals[second], target)
    try:
        return np.asarray(np.linalg.cholesky(normals), dtype=np.float64)
    except np.linalg.LinAlgError:
        listed = ", ".join(f"{a},{b} {target:g}" for (a, b), target in pairs.items())
        raise ValueError(
            f"{listed} contradict each other; weaken one, or correlate the other pairs, too"
        ) from None


def _normal(first: Marginal, second: Marginal, target: float) -> float:
    """Return the normals' correlation that gives two numbers the wanted one, by bisection."""
    low, high = -1.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        if correlation(first, second, middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _cuts(marginal: Marginal) -> list[tuple[float, float]]:
    """Return thresholds of the normal, and the factor by which each scales its correlation.

    A uniform number is the probability that a second, independent normal lies below the first. The
    difference of the two normals is thresholded at 0.
    """
    if not marginal:
        return [(0.0, math.sqrt(0.5))]
    return [(NormalDist().inv_cdf(quantile), 1.0) for quantile in marginal]


def _common(h: float, k: float, r: float) -> float:
    """Return the covariance of X > h and Y > k, standard normals correlated r (Plackett 1954)."""
    angle = math.asin(r)
    sine = np.sin(angle * (_NODES + 1.0) / 2.0)
    heights = np.exp(-(h * h + k * k - 2.0 * h * k * sine) / (2.0 * (1.0 - sine * sine)))
    return float(angle * (_WEIGHTS @ heights) / (4.0 * math.pi))


def _variance(marginal: Marginal) -> float:
    if not marginal:
        return 1.0 / 12.0
    return sum(min(a, b) - a * b for a in marginal for b in marginal)
