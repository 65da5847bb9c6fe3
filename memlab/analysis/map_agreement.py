"""Agreement of the maps of two methods, beside what maps of different images have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import rankdata

from memlab.analysis.means import weighted_mean
from memlab.attributions.coarse import on_grid
from memlab.numbers import interval, number
from memlab.stats.bootstrap import bootstrap
from memlab.stats.measures import Array, Statistic

FEWEST = 4
"""Images below which agreement is not compared with chance."""


@dataclass(frozen=True)
class MapAgreement:
    """Rank correlation of two methods' maps of the same image, mean over images.

    Args:
        methods: names of both methods.
        grid: height and width of the grid on which their maps are compared.
        rho: Spearman correlation over cells of the maps of the same image.
        chance: the same for one method's map of an image and the other's map of other images:
            what maps share without regard to the image, such as empty borders.
        above: `rho` minus `chance`.
    """

    methods: tuple[str, str]
    grid: tuple[int, int]
    rho: Statistic
    chance: Statistic
    above: Statistic


def map_agreements(arrays: Mapping[str, Mapping[str, Any]], seed: int) -> list[MapAgreement]:
    """Return the agreement of each pair of methods.

    Args:
        arrays: method to the content of `maps/METHOD.npz`, of which `id` and `maps` are used.
        seed: seed of the bootstrap.
    """
    return [
        map_agreement((one, other), (arrays[one], arrays[other]), seed)
        for one, other in combinations(arrays, 2)
    ]


def map_agreement(
    methods: tuple[str, str], arrays: Sequence[Mapping[str, Any]], seed: int
) -> MapAgreement:
    """Return the agreement of two methods over the images that both have explained.

    The finer maps are summed on the coarser grid, so that both have the same number of cells. A map
    that is constant or not finite has no ranks, and its image does not count.

    Args:
        methods: names of both methods.
        arrays: content of `maps/METHOD.npz` of both.
        seed: seed of the bootstrap.
    """
    ids = [[str(name) for name in one["id"]] for one in arrays]
    known = set(ids[1])
    common = [name for name in ids[0] if name in known]
    one, other = (
        np.asarray(maps["maps"], dtype=float)[[names.index(name) for name in common]]
        for maps, names in zip(arrays, ids, strict=True)
    )
    height, width = (min(pair) for pair in zip(one.shape[1:], other.shape[1:], strict=True))
    grid = (height, width)
    among = _ranks(one, grid) @ _ranks(other, grid).T
    own = np.diagonal(among).copy()
    n = len(own)
    chance = np.full(n, np.nan)
    usable = np.isfinite(own)
    if usable.sum() >= FEWEST:
        both = (among + among.T) / 2
        both = np.where(np.eye(n, dtype=bool), np.nan, both)[np.ix_(usable, usable)]
        chance[usable] = np.nanmean(both, axis=1)
    weights = np.ones(n)
    found = bootstrap(
        {
            "rho": weighted_mean(own, weights),
            "chance": weighted_mean(chance, weights),
            "above": weighted_mean(own - chance, weights),
        },
        seed,
    ).statistics
    return MapAgreement(methods, grid, found["rho"], found["chance"], found["above"])


def agreement_text(found: MapAgreement) -> str:
    """Return a sentence on the agreement of two methods."""
    names = " and ".join(found.methods)
    if found.rho.value is None:
        return f"{names}: agreement of their maps not measured: {found.rho.reason}."
    height, width = found.grid
    above = found.above.low
    verb = "agree" if above is not None and above > 0 else "are not shown to agree"
    beyond = "more than maps of different images"
    return (
        f"{names} {verb} {beyond}: ρ = {number(found.rho.value, 2)} "
        f"{interval(found.rho.low, found.rho.high, 2)} over {height} × {width} cells, "
        f"{number(found.chance.value, 2)} between different images (n = {found.rho.n})."
    ).replace("  ", " ")


def _ranks(maps: Array, grid: tuple[int, int]) -> Array:
    """Return ranks over cells of a grid, of mean 0 and length 1: (n, cells), NaN if constant."""
    flat = maps.reshape(len(maps), maps.shape[1] * maps.shape[2])
    finite = np.asarray(np.isfinite(flat).all(axis=1))
    usable = finite & np.asarray(np.ptp(np.where(finite[:, None], flat, 0), axis=1) > 0)
    cells = on_grid(maps[usable], grid).reshape(int(usable.sum()), grid[0] * grid[1])
    ranks = rankdata(cells, axis=1) if len(cells) else cells
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((ranks**2).sum(axis=1, keepdims=True))
    found = np.full((len(maps), grid[0] * grid[1]), np.nan)
    found[usable] = ranks / np.where(size > 0, size, np.nan)
    return found
