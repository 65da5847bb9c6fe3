"""What a world is: how frequent each cause is, what goes with what, and what makes the score."""

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
    """How images and their scores come about.

    A weight belongs to a term: a feature (``face``) or a product of features (``face*text``). In a
    term a presence feature counts 1 or 0, a value its number (see `memlab.synthetic.scoring`); the
    term is then brought to mean 0 and SD 1 in this world, so that weights compare by the SD that
    they contribute, sign included. The weighted sum is the share ``r2`` of the scores' variance,
    the rest is noise; the scores' own mean and SD are the same in all worlds.

    Args:
        name: Short name, such as W3.
        weights: Term to weight, relative to the others; at least one is not 0 unless ``r2`` is 0.
        r2: Share of the scores' variance that the image explains, 0 to below 1.
        prevalence: Presence feature to its probability; .5 where not given.
        correlations: Pair of features (``face,text``) to the correlation of their numbers.
        ranges: Value feature to the ends of its range, where not the usual ones.
        sizes: Figure to the range of its size, share of the image's width, where not the usual.
        facing: Probability that a person's small head shows a face.
        photos: Whether the images are photographs of the user's own, on which the watermark is
            planted, instead of rendered ones.

    Raises:
        MemlabError: If it cannot be; names world, value and remedy.
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
        check(self)
        for name in ("ranges", "sizes"):  # lists, where it was read from a file
            ends = {key: (float(low), float(high)) for key, (low, high) in vars(self)[name].items()}
            object.__setattr__(self, name, ends)
        if self.correlations:
            _copula(self)

    def __hash__(self) -> int:
        """Of the name alone: what is costly to find out about a world is kept for later calls."""
        return hash(self.name)

    @property
    def pairs(self) -> dict[tuple[str, str], float]:
        """The features that are correlated, and how much."""
        return {
            (first, second): float(value)
            for pair, value in self.correlations.items()
            for first, _, second in [pair.replace(" ", "").partition(",")]
        }

    def rate(self, feature: str) -> float:
        """Probability that an image has a presence feature."""
        return float(self.prevalence.get(feature, 0.5))

    def range(self, feature: str) -> tuple[float, float]:
        """Ends of a value's range."""
        low, high = self.ranges.get(feature, RANGES[feature])
        return float(low), float(high)

    def size(self, figure: str) -> tuple[float, float]:
        """Range of a figure's size."""
        low, high = self.sizes.get(figure, SIZES[figure])
        return float(low), float(high)

    def varies(self, feature: str) -> bool:
        """Whether two images can differ in a feature, as the number that counts in scores."""
        if feature in PRESENCE:
            return 0.0 < self.rate(feature) < 1.0
        if feature == "layout":
            return any(low < high for low, high in map(self.size, SIZES))
        low, high = self.range(feature) if feature in RANGES else (0.0, 1.0)
        return low < high

    def marginal(self, feature: str) -> Marginal:
        """Distribution of a feature's number over the quantiles that it is drawn by."""
        if feature in PRESENCE:
            return (1.0 - self.rate(feature),)
        return tuple(k / TEXTURES for k in range(1, TEXTURES)) if feature == "texture" else ()

    def quantiles(self, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
        """Let features go together: independent quantiles to those of this world.

        Args:
            uniform: (..., features), independent and even in [0, 1).

        Returns:
            The same shape; unchanged in all features without correlations.
        """
        if not self.correlations:
            return uniform
        from scipy.special import ndtr, ndtri

        places, cholesky = _copula(self)
        normals = ndtri(np.maximum(uniform[..., places], 1e-16)) @ cholesky.T
        correlated = uniform.copy()
        correlated[..., places] = np.minimum(ndtr(normals), np.nextafter(1.0, 0.0))
        return correlated


@functools.lru_cache(maxsize=64)
def _copula(world: World) -> tuple[list[int], NDArray[np.float64]]:
    """The places of the features that are correlated, and how their normals come about."""
    names = [name for name in FEATURES if any(name in pair for pair in world.pairs)]
    marginals = {name: world.marginal(name) for name in names}
    try:
        return [FEATURES.index(name) for name in names], factor(marginals, world.pairs)
    except ValueError as error:
        raise MemlabError(f"world {world.name}: correlations: {error}") from None


SCENES = World(
    name="scenes",
    weights={"face": 0.085, "person": 0.05, "object": 0.028, "text": 0.018, "slope": 0.007},
    prevalence={"watermark": 0.0},
    ranges={"blur": (0.0, 0.0)},
    facing=0.5,
)
"""The images of the quickstart: people make the score, no colour, texture or mark does."""
