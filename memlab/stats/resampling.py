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
        strata: (n,) stratum of each image; each resample keeps the size of every stratum.

    Yields:
        (B, n) counts, each row summing to n; the numbers depend on the arguments alone.
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
                part = np.empty((size, len(group)))
                _fill(part, rng)
                counts[:, group] = part
        yield counts


def _fill(counts: Array, rng: np.random.Generator) -> None:
    n = counts.shape[1]
    step = max(1, _FILLED // n)
    for start in range(0, len(counts), step):
        rows = counts[start : start + step]
        drawn = rng.integers(n, size=rows.shape)
        drawn += n * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)
