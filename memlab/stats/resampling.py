"""Bootstrap resampling of images; all resampling of the project uses this module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memlab.stats.measures import Array

_CELLS = 131_072  # counts held at once: 1 MB, which fits into a processor's cache
_FILLED = 65_536  # counts filled at once


@dataclass(frozen=True)
class Strata:
    """Strata of a sample.

    Args:
        part: (n,) part of each image; each part is resampled separately.
        stratum: (n,) stratum of a table that is itself a sample of all images: the sizes of its
            strata are resampled first, and all parts of a stratum grow or shrink with it. None if
            the sizes of the parts are known.
    """

    part: Array
    stratum: Array | None = None

    def sizes(self, rng: np.random.Generator, resamples: int) -> Array | None:
        """Return the size of each image's stratum in each resample, as a share of its own size.

        Returns:
            (resamples, n), or None if the sizes of the strata are known.
        """
        if self.stratum is None:
            return None
        _, group, counts = np.unique(self.stratum, return_inverse=True, return_counts=True)
        n = len(group)
        return np.asarray((rng.multinomial(n, counts / n, size=resamples) / counts)[:, group])


def resamples_of(
    n: int, seed: int, resamples: int, strata: Strata | None = None
) -> Iterator[Array]:
    """Yield how often each image is in each resample, in batches of bounded size.

    The counts are sufficient for means and ranks: one matrix product gives the means of all columns
    in all resamples, and ranks follow from the counts and the order of the values.

    Args:
        n: number of images, at least one.
        seed: seed of the resampling.
        resamples: total number of resamples.
        strata: strata of the images. From a part of m images, m - 1 are drawn, and each counts
            m / (m - 1) times: m draws would lose the share 1 / m of the variance (Rao & Wu 1988,
            Journal of the American Statistical Association 83, 231-241). A part of a single image
            stays as it is. If the sizes of strata are resampled, counts are multiplied by them.

    Yields:
        (B, n) counts, each row summing to the number of images; whole numbers without strata. The
        numbers depend on the arguments alone.
    """
    rng = np.random.default_rng(seed)
    groups = None
    if strata is not None:
        parts = np.unique(strata.part)
        groups = [np.flatnonzero(strata.part == part) for part in parts] if len(parts) > 1 else None
    step = max(1, _CELLS // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        counts = np.empty((size, n))
        if groups is None:
            _fill(counts, rng)
        else:
            for group in groups:
                part = np.ones((size, len(group)))
                if len(group) > 1:
                    _fill(part, rng, len(group) - 1)
                    part *= len(group) / (len(group) - 1)
                counts[:, group] = part
        sizes = None if strata is None else strata.sizes(rng, size)
        yield counts if sizes is None else counts * sizes


def _fill(counts: Array, rng: np.random.Generator, draws: int | None = None) -> None:
    n = counts.shape[1]
    step = max(1, _FILLED // n)
    for start in range(0, len(counts), step):
        rows = counts[start : start + step]
        drawn = rng.integers(n, size=(len(rows), n if draws is None else draws))
        drawn += n * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)
