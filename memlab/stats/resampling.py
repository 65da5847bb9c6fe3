"""Bootstrap resampling of images; all resampling of the project uses this module."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from memlab.stats.measures import Array

_CELLS = 131_072  # counts held at once: 1 MB, which fits into a processor's cache
_FILLED = 65_536  # counts filled at once


def resamples_of(n: int, seed: int, resamples: int, strata: Array | None = None) -> Iterator[Array]:
    """Yield how often each image is in each resample, in batches of bounded size.

    The counts are sufficient for means and ranks: one matrix product gives the means of all columns
    in all resamples, and ranks follow from the counts and the order of the values.

    Args:
        n: number of images, at least one.
        seed: seed of the resampling.
        resamples: total number of resamples.
        strata: (n,) stratum of each image. From a stratum of m images, m - 1 are drawn, and each
            counts m / (m - 1) times: m draws would lose the share 1 / m of the variance (Rao & Wu
            1988, Journal of the American Statistical Association 83, 231-241). A stratum of a
            single image stays as it is.

    Yields:
        (B, n) counts, each row and each of its strata summing to its number of images; whole
        numbers without strata. The numbers depend on the arguments alone.
    """
    rng = np.random.default_rng(seed)
    groups = None
    if strata is not None:
        names = np.unique(strata)
        groups = [np.flatnonzero(strata == name) for name in names] if len(names) > 1 else None
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
        yield counts


def _fill(counts: Array, rng: np.random.Generator, draws: int | None = None) -> None:
    n = counts.shape[1]
    step = max(1, _FILLED // n)
    for start in range(0, len(counts), step):
        rows = counts[start : start + step]
        drawn = rng.integers(n, size=(len(rows), n if draws is None else draws))
        drawn += n * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)
