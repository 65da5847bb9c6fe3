"""Worlds: frequencies of the causes, their correlations, and the definition of the score."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memlab.errors import MemlabError
from memlab.synthetic.copula import Marginal, factor
from memlab.synthetic.declared import check
from memlab.synthetic.latents import FEATURES, PRESENCE, RANGES, SIZES, TEXTURES


@dataclass(frozen=True)
class World:
    """Definition of a collection of images and their scores.

    A weight belongs to a term: a feature (``face``) or a product of features (``face*text``). In a
    term a presence feature counts 1 or 0, and a value counts as its number (see
    `memlab.synthetic.scoring`). Each term is standardised to mean 0 and SD 1 in this world, so
    weights are signed contributions in SDs. The weighted sum is the share ``r2`` of the scores'
    variance; the rest is noise. All worlds have the same mean and SD of scores.

    Args:
        name: short name, such as W3.
        weights: term to weight, relative to the others; at least one is not 0 unless ``r2`` is 0.
        r2: share of the scores' variance that the image explains, 0 to below 1.
        prevalence: presence feature to its probability; .5 by default.
        correlations: pair of features (``face,text``) to the correlation of their numbers.
        ranges: value feature to the ends of its range, if they differ from the defaults.
        sizes: figure to the range of its size, share of the image's width, if not the default.
        facing: probability that a person's small head shows a face.
        photos: whether the images are the user's photographs with a planted watermark, instead of
            rendered images.

    Raises:
        MemlabError: if the world is invalid; names world, value and remedy.
    """

    name: str
    weights: Mapping[str, float] = field(default_factory=dict)
    r2: float = 0.9
    prevalence: Mapping[str, float] = field(default_factory=dict)
    correlations: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    facing: float = 0.0
    photos: bool = False

    def __post_init__(self) -> None:
        if self.name == "scenes":  # former name of the quickstart's world
            object.__setattr__(self, "name", "quickstart")
        check(self)
        for name in ("ranges", "sizes"):  # lists, if read from a file
            ends = {key: (float(low), float(high)) for key, (low, high) in vars(self)[name].items()}
            object.__setattr__(self, name, ends)
        if self.correlations:
            _copula(self)

    def __hash__(self) -> int:
        """Hash the name only, so that costly properties of a world are cached under it."""
        return hash(self.name)

    @property
    def pairs(self) -> dict[tuple[str, str], float]:
        """Return the correlated pairs of features, and their correlations."""
        return {
            (first, second): float(value)
            for pair, value in self.correlations.items()
            for first, _, second in [pair.replace(" ", "").partition(",")]
        }

    def rate(self, feature: str) -> float:
        """Return the probability that an image has a presence feature."""
        return float(self.prevalence.get(feature, 0.5))

    def range(self, feature: str) -> tuple[float, float]:
        """Return the ends of a value's range."""
        low, high = self.ranges.get(feature, RANGES[feature])
        return float(low), float(high)

    def size(self, figure: str) -> tuple[float, float]:
        """Return the range of a figure's size."""
        low, high = self.sizes.get(figure, SIZES[figure])
        return float(low), float(high)

    def varies(self, feature: str) -> bool:
        """Return whether images can differ in a feature, as the number that counts in scores."""
        if feature in PRESENCE:
            return 0.0 < self.rate(feature) < 1.0
        if feature == "layout":
            return any(low < high for low, high in map(self.size, SIZES))
        low, high = self.range(feature) if feature in RANGES else (0.0, 1.0)
        return low < high

    def marginal(self, feature: str) -> Marginal:
        """Return the distribution of a feature's number over the quantiles of its draws."""
        if feature in PRESENCE:
            return (1.0 - self.rate(feature),)
        return tuple(k / TEXTURES for k in range(1, TEXTURES)) if feature == "texture" else ()

    def quantiles(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map independent quantiles to quantiles correlated as in this world.

        Args:
            uniform: (..., features), independent and uniform in [0, 1).

        Returns:
            The same shape; unchanged in all features without correlations.
        """
        if not self.correlations:
            return uniform
        from scipy.special import ndtr, ndtri

        columns, cholesky = _copula(self)
        normals = ndtri(np.maximum(uniform[..., columns], 1e-16)) @ cholesky.T
        correlated = uniform.copy()
        correlated[..., columns] = np.minimum(ndtr(normals), np.nextafter(1.0, 0.0))
        return correlated


@functools.lru_cache(maxsize=64)
def _copula(world: World) -> tuple[list[int], NDArray[np.float64]]:
    """Return the indices of the correlated features, and the Cholesky factor of their normals."""
    names = [name for name in FEATURES if any(name in pair for pair in world.pairs)]
    marginals = {name: world.marginal(name) for name in names}
    try:
        return [FEATURES.index(name) for name in names], factor(marginals, world.pairs)
    except ValueError as error:
        raise MemlabError(f"world {world.name}: correlations: {error}") from None


QUICKSTART = World(
    name="quickstart",
    weights={"face": 0.085, "person": 0.05, "object": 0.028, "text": 0.018, "slope": 0.007},
    prevalence={"watermark": 0.0},
    ranges={"blur": (0.0, 0.0)},
    facing=0.5,
)
"""World of the quickstart: people determine the score; colour, texture and mark do not."""
