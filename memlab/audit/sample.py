"""Stratified sample of the images that are audited, and its weights. No torch.

Strata are the combinations of features that images have. A stratum of N images gets a share of the
sample that is proportional to the square root of N (power allocation; Bankier 1988), so that rare
combinations are kept whole as long as the sample allows. Each audited image then represents N / n
images of its stratum: the inverse of its inclusion probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from memlab.seeds import seed_of

LEAST = 2
"""Least images of a stratum, if it has as many: one alone has no variance."""
NOTHING = "none"
"""Name of the stratum of images without any of the features."""


def strata_of(present: pd.DataFrame) -> pd.Series:
    """Return the stratum of each image: its features, joined by `+`.

    >>> strata_of(pd.DataFrame({"face": [1, 0, None], "text": [1, 0, 1]})).tolist()
    ['face+text', 'none', 'face?+text']

    Args:
        present: a column per feature: 1, 0, or NaN where an image is not annotated for it.
    """
    values = present.to_numpy(dtype=float)
    names = [
        "+".join(
            f"{name}?" if np.isnan(value) else name
            for name, value in zip(present.columns, line, strict=True)
            if value != 0
        )
        for line in values
    ]
    return pd.Series([name or NOTHING for name in names], index=present.index, dtype="string")


def allocate(sizes: Mapping[str, int], n: int) -> dict[str, int]:
    """Return how many images of each stratum are sampled.

    >>> allocate({"none": 500, "face": 100, "face+text": 10}, 100)
    {'none': 63, 'face': 28, 'face+text': 9}

    Args:
        sizes: number of images of each stratum.
        n: number of sampled images, at most all.
    """
    total = sum(sizes.values())
    n = min(n, total)
    names = sorted(sizes)
    least = {name: min(LEAST, sizes[name]) for name in names}
    if sum(least.values()) >= n:  # too few for every stratum: the largest ones
        largest = sorted(names, key=lambda name: (-sizes[name], name))
        found = dict.fromkeys(sizes, 0)
        for name in [each for each in largest for _ in range(least[each])][:n]:
            found[name] += 1
        return found
    # the scale at which the rounded, capped square roots add up to n
    low, high = 0.0, float(n)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(_at(middle, sizes).values()) >= n else (middle, high)
    exact = _at(high, sizes)
    found = {name: int(exact[name]) for name in sizes}
    while sum(found.values()) < n:
        room = [name for name in names if found[name] < sizes[name]]
        found[max(room, key=lambda name: exact[name] - found[name])] += 1
    return found


def _at(scale: float, sizes: Mapping[str, int]) -> dict[str, float]:
    return {
        name: min(float(size), max(float(min(LEAST, size)), scale * size**0.5))
        for name, size in sizes.items()
    }


def draw(ids: Sequence[str], strata: Sequence[str], n: int, seed: int) -> list[str]:
    """Return the ids of the sampled images, in the order of `ids`.

    The sample depends on the ids, the strata, n and the seed alone. A larger sample contains nearly
    all images of a smaller one.

    Args:
        ids: ids of the population.
        strata: stratum of each image.
        n: number of sampled images.
        seed: seed of the sample.
    """
    members: dict[str, list[str]] = {}
    for name, stratum in zip(ids, strata, strict=True):
        members.setdefault(stratum, []).append(name)
    wanted = allocate({stratum: len(names) for stratum, names in members.items()}, n)
    chosen: set[str] = set()
    for stratum, names in members.items():
        chosen.update(in_random_order(names, seed, "audit")[: wanted[stratum]])
    return [name for name in ids if name in chosen]


def in_random_order(ids: Sequence[str], seed: int, purpose: str) -> list[str]:
    """Return ids in a random order that depends on seed and purpose alone."""
    return sorted(ids, key=lambda name: seed_of(seed, name, purpose))


def weights(strata: pd.Series, audited: pd.Series) -> pd.Series:
    """Return the number of images that each audited image represents; NaN for other images.

    Args:
        strata: stratum of each image of the population.
        audited: whether each image is audited.
    """
    sizes = strata.map(strata.value_counts())
    counts = strata.map(strata[audited].value_counts())
    return (sizes / counts).astype(float).where(audited)
