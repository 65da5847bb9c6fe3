"""Memorability score of a synthetic image: a declared function of its causes, plus noise."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from memlab.synthetic.latents import FEATURES, PRESENCE, SIZES, TEXTURES, Latents
from memlab.synthetic.sampling import warmth
from memlab.synthetic.worlds import QUICKSTART, World

MEAN = 0.7
"""Mean of the scores in every world."""

SPREAD = 0.12
"""Standard deviation of the scores in every world, before they are cut at 0 and 1."""

_Number = TypeVar("_Number", float, NDArray[np.float64])


def number(latents: Latents, feature: str, world: World = QUICKSTART) -> float:
    """Return a feature as the number that counts in scores and correlations.

    A presence feature is 1 or 0. A value is standardised to mean 0 and SD 1: the palette counts as
    the nearness of its hue to skin's, the texture as its kind, the layout as the figures' mean
    size. A value that is the same in all images is 0.
    """
    if feature in PRESENCE:
        return float(getattr(latents, feature) is not None)
    if feature == "texture":
        return _kind(float(latents.texture.kind), TEXTURES)
    if feature == "palette":
        return math.sqrt(12.0) * (warmth(latents.palette.hue) - 0.5)
    if feature == "layout":
        parts = [(figure.size, *world.size(name)) for name, figure in vars(latents.layout).items()]
    else:
        parts = [(getattr(latents, feature), *world.range(feature))]
    shares: list[float] = [(value - low) / (high - low) for value, low, high in parts if low < high]
    return math.sqrt(12.0 / max(len(shares), 1)) * sum(share - 0.5 for share in shares)


def numbers(world: World, n: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Draw the numbers of all features, as `number` gives them, for many images at once.

    They have the same distribution as those of sampled images, but are not the same draws.

    Args:
        world: frequencies and correlations.
        n: number of images.
        seed: seed of the draw.

    Returns:
        Feature to (n,).
    """
    rng = np.random.default_rng(seed)
    quantiles = world.quantiles(rng.random((n, len(FEATURES))))
    drawn = {name: _at(world, name, quantiles[:, k]) for k, name in enumerate(FEATURES)}
    sizes = sum(low < high for low, high in map(world.size, SIZES))
    drawn["layout"] = math.sqrt(12.0 / max(sizes, 1)) * (rng.random((n, sizes)) - 0.5).sum(axis=1)
    return drawn


def signal(latents: Latents, world: World = QUICKSTART) -> float:
    """Return the explained part of the score: mean 0 and SD 1 over the world's images.

    It is 0 in a world without weights.
    """
    total = 0.0
    for term in _terms(world):
        value = math.prod(number(latents, feature, world) for feature in term.features)
        total += term.slope * (value - term.mean)
    return total


def score(latents: Latents, seed: int, world: World = QUICKSTART) -> float:
    """Return a synthetic image's memorability score.

    Args:
        latents: the causes of the image.
        seed: seed of the noise. For a given seed, the noise depends only on the image's identity
            (``latents.seed`` and ``latents.index``), so replacing a latent changes the score by
            exactly that latent's effect.
        world: world that defines the score.

    Returns:
        The score, in [0, 1]: mean .7, standard deviation .12.
    """
    rng = np.random.default_rng((seed, latents.seed, latents.index, 2))
    explained = math.sqrt(world.r2) * signal(latents, world) if world.r2 > 0 else 0.0
    value = explained + math.sqrt(1.0 - world.r2) * rng.standard_normal()
    return float(np.clip(MEAN + SPREAD * value, 0.0, 1.0))


class NoiseCeiling(NamedTuple):
    """Noise ceiling: the correlations of a perfect predictor, which knows the signal.

    Attributes:
        pearson: Pearson correlation with the scores: √r2, except for the clipping at 1.
        spearman: Spearman correlation, by simulation.
    """

    pearson: float
    spearman: float


@functools.lru_cache(maxsize=64)
def noise_ceiling(world: World, draws: int = 200_000) -> NoiseCeiling:
    """Simulate the highest correlations with a world's scores that a model can expect.

    The Spearman correlation has no formula: if few causes count, many images share a signal and tie
    (for a Gaussian signal it would be 6/π asin(√r2 / 2)). The seed is fixed, so the result is
    always the same, with an error of about ±.002.

    Args:
        world: the world; ceilings are 0 if it has no weights.
        draws: number of simulated images.
    """
    from scipy.stats import rankdata

    drawn = numbers(world, draws)
    terms = _terms(world)
    if not terms or world.r2 == 0.0:
        return NoiseCeiling(0.0, 0.0)
    explained = np.zeros(draws)
    for term in terms:
        explained += term.slope * (_product(drawn, term.features) - term.mean)
    noise = np.random.default_rng(1).standard_normal(draws)
    scores = MEAN + SPREAD * (math.sqrt(world.r2) * explained + math.sqrt(1.0 - world.r2) * noise)
    scores = np.clip(scores, 0.0, 1.0)
    return NoiseCeiling(
        float(np.corrcoef(explained, scores)[0, 1]),
        float(np.corrcoef(rankdata(explained.round(9)), rankdata(scores))[0, 1]),
    )


class _Term(NamedTuple):
    features: tuple[str, ...]
    mean: float
    slope: float  # change of the signal per unit of the term


@functools.lru_cache(maxsize=64)
def _terms(world: World) -> tuple[_Term, ...]:
    """Return the weighted terms, standardised to mean 0 and SD 1, with slopes that give SD 1."""
    weights = {tuple(term.split("*")): float(w) for term, w in world.weights.items() if w}
    if not weights:
        return ()
    means = np.array([_mean(world, term) for term in weights])
    seconds = np.array([[_mean(world, first + second) for second in weights] for first in weights])
    covariance = seconds - np.outer(means, means)
    spreads = np.sqrt(np.diag(covariance))
    slopes = np.array(list(weights.values())) / spreads
    slopes /= math.sqrt(slopes @ covariance @ slopes)
    return tuple(
        _Term(features, float(mean), float(slope))
        for features, mean, slope in zip(weights, means, slopes, strict=True)
    )


def _mean(world: World, features: tuple[str, ...]) -> float:
    """Return the mean over the world's images of a product of features, each once or twice.

    Correlated features are integrated over a Sobol sequence, ±.0002; all others are exact.
    """
    correlated = {name for pair in world.pairs for name in pair}
    together = tuple(name for name in features if name in correlated)
    alone = set(features) - set(together)
    if len(set(together)) == 1:
        alone, together = alone | set(together), ()
    exact = math.prod(
        world.rate(name) if name in PRESENCE else float(features.count(name) == 2) for name in alone
    )
    return exact * float(_product(_lattice(world), together).mean()) if together else exact


@functools.lru_cache(maxsize=64)
def _lattice(world: World) -> dict[str, NDArray[np.float64]]:
    """Return the correlated features' numbers of 65,536 evenly spread images."""
    from scipy.stats.qmc import Sobol

    names = [name for name in FEATURES if any(name in pair for pair in world.pairs)]
    points = np.full((2**16, len(FEATURES)), 0.5)
    points[:, [FEATURES.index(name) for name in names]] = (
        Sobol(len(names), scramble=False).random_base2(16) + 2.0**-17
    )
    quantiles = world.quantiles(points)
    return {name: _at(world, name, quantiles[:, FEATURES.index(name)]) for name in names}


def _at(world: World, feature: str, quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of a feature, except the layout, at quantiles of its distribution."""
    if not world.varies(feature) and feature not in PRESENCE:
        return np.zeros_like(quantiles)
    steps = world.marginal(feature)
    if not steps:
        even: NDArray[np.float64] = math.sqrt(12.0) * (quantiles - 0.5)
        return even
    raised = np.searchsorted(steps, quantiles, side="right").astype(np.float64)
    return raised if feature in PRESENCE else _kind(raised, TEXTURES)


def _kind(kind: _Number, kinds: int) -> _Number:
    """Return a kind, counted from 0, of several equally frequent kinds, with mean 0 and SD 1."""
    return (kind - (kinds - 1) / 2.0) / math.sqrt((kinds**2 - 1) / 12.0)


def _product(
    drawn: dict[str, NDArray[np.float64]], features: tuple[str, ...]
) -> NDArray[np.float64]:
    return np.asarray(math.prod(drawn[name] for name in features))
