"""Which images are drawn: the one place where the project resamples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from memlab.stats.measures import Array

_CELLS = 131_072  # counts held at once: 1 MB, which a processor's cache takes
_FILLED = 65_536  # counts filled in one go


def resamples_of(n: int, seed: int, resamples: int, strata: Array | None = None) -> Iterator[Array]:
    """How often each image is in each resample, a bounded number of resamples at a time.

    What follows from means needs these counts alone: one matrix product gives the means of all
    columns in all resamples, and ranks follow from counts and the order of the values.

    Args:
        n: images, at least one.
        seed: of the resampling.
        resamples: how many in all.
        strata: (n,) stratum of each image; as many images of each as there are are drawn from it.

    Yields:
        (B, n) counts, each row summing to n; the numbers depend on the seed alone.
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
        places = rng.integers(n, size=rows.shape)
        places += n * np.arange(len(rows))[:, None]
        rows[:] = np.bincount(places.ravel(), minlength=rows.size).reshape(rows.shape)
