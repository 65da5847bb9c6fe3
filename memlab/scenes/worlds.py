"""What a world is: how frequent each cause is, what goes with what, and what makes the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memlab.scenes.latents import FEATURES, RANGES, SIZES


@dataclass(frozen=True)
class World:
    """How pictures and their scores come about.

    A weight belongs to a term: a feature (``face``) or a product of features (``face*text``). In a
    term a presence feature counts 1 or 0, a value its number (see `memlab.scenes.scoring`); the
    term is then brought to mean 0 and SD 1 in this world, so that weights compare by the SD that
    they contribute, sign included. The weighted sum is the share ``r2`` of the scores' variance,
    the rest is noise; the scores' own mean and SD are the same in all worlds.

    Args:
        name: Short name, such as W3.
        weights: Term to weight, relative to the others; at least one is not 0 unless ``r2`` is 0.
        r2: Share of the scores' variance that the picture explains, 0 to below 1.
        prevalence: Presence feature to its probability; .5 where not given.
        correlations: Pair of features (``face,text``) to the correlation of their numbers.
        ranges: Value feature to the ends of its range, where not the usual ones.
        sizes: Figure to the range of its size, share of the picture's width, where not the usual.
        facing: Probability that a person's small head shows a face.
    """

    name: str
    weights: Mapping[str, float]
    r2: float = 0.9
    prevalence: Mapping[str, float] = field(default_factory=dict)
    correlations: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    facing: float = 0.0

    def rate(self, feature: str) -> float:
        """Probability that a picture has a presence feature."""
        return float(self.prevalence.get(feature, 0.5))

    def range(self, feature: str) -> tuple[float, float]:
        """Ends of a value's range."""
        low, high = self.ranges.get(feature, RANGES[feature])
        return float(low), float(high)

    def size(self, figure: str) -> tuple[float, float]:
        """Range of a figure's size."""
        low, high = self.sizes.get(figure, SIZES[figure])
        return float(low), float(high)

    def quantiles(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw where each feature lies in its distribution: (features,) in [0, 1)."""
        return rng.random(len(FEATURES))


SCENES = World(
    name="scenes",
    weights={"face": 0.085, "person": 0.05, "object": 0.028, "text": 0.018, "slope": 0.007},
    prevalence={"watermark": 0.0},
    ranges={"blur": (0.0, 0.0)},
    facing=0.5,
)
"""The pictures of the quickstart: people make the score, no colour, texture or mark does."""
