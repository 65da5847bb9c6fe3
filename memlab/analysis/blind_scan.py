"""Does one place of the images matter more than places like it? The test behind a blind scan.

Photographs have their subjects near the middle, so an occlusion there costs more, mark or no mark:
a cell is compared with like ones only, the up to seven others as far from the middle, into which
mirroring and turning the square takes it. Null hypothesis: had each image been mirrored or turned
by any of those eight, its drops would have been as likely. Choosing one of the eight for each
image then gives statistics from the same distribution, however skewed the drops and however cells
depend on each other, so the most extreme of all cells (max-T; Westfall & Young 1993) has its
distribution, too. What differs between top and bottom in most images (sky, ground) breaks the
null as a mark does: p says that a place differs, and only looking says what is there. Networks
break it a little, too, by strides and padding that are not alike on all sides; so a place stands
out only if its effect is also above the smallest of interest. A mark that lies evenly about the
middle of the image is one with the subject, and is not found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from memlab.stats import Estimate, bootstrap
from memlab.stats.measures import Array, Statistic

PERMUTATIONS = 9999
LEVEL = 0.05
_BLOCK = 4_000_000  # choices held at once


@dataclass(frozen=True)
class Place:
    """What occluding one cell did.

    Args:
        row: from the top, 0 first.
        column: from the left.
        n: images in which it and all like cells could be occluded.
        drop: mean of clean − occluded, with interval.
        specific: that less the median of the like cells' mean drops, with interval.
        spread: how far drops lie from their image's mean over it and the like cells (mean
            square), less the median of that of the like cells: the root of its absolute value, with
            its sign, with interval. Large also where some scores rise and others fall.
        z: the more extreme of `specific` and the mean square, in its SDs over all relabellings.
        p: share of relabellings as extreme.
        p_corrected: the same against the most extreme of all cells.
        stands_out: whether that is below 0.05 and the interval of `specific`, or of `spread`, above
            the smallest effect of interest.
        reason: why there is no p.
    """

    row: int
    column: int
    n: int
    drop: Statistic
    specific: Statistic
    spread: Statistic
    z: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    stands_out: bool = False
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        shown = {name: getattr(self, name).describe() for name in ("drop", "specific", "spread")}
        return {**asdict(self), **shown}


def like_cells(side: int) -> NDArray[np.int64]:
    """Where mirroring and turning a grid takes each cell: (side², 8) places, its own first."""
    grid = np.arange(side * side).reshape(side, side)
    turned = [np.rot90(one, times).ravel() for one in (grid, grid.T) for times in range(4)]
    return np.stack(turned, axis=1)


def scan(
    drops: Array, side: int, smallest: float, seed: int, permutations: int = PERMUTATIONS
) -> list[Place]:
    """Test every cell of a grid against those like it.

    Two statistics a cell: its mean drop less the median of its like cells' (the median, so that a
    mark does not make the cells opposite stand out, too), two-sided; and the same of mean squares,
    for a mark that raises some scores and lowers others, one-sided. Both are divided by their SD
    over the relabellings; p counts the observed labels (Phipson & Smyth 2010).

    Args:
        drops: (n, side²) clean − occluded, row by row; NaN where a cell is not eligible. An image
            bears on a cell if that and all its like cells are eligible.
        side: cells across, and down.
        smallest: the smallest effect of interest, in units of the score.
        seed: of the relabellings and the bootstrap.
        permutations: how many relabellings.

    Returns:
        One entry per cell, row by row.
    """
    like = like_cells(side)
    cells = drops.shape[1]
    # (n, cells), the same for like cells
    bearing: NDArray[np.bool_] = np.logical_not(np.isnan(drops)[:, like].any(axis=2))
    known = np.where(bearing, drops, 0.0)
    centred = (known - known[:, like].mean(axis=2)) ** 2
    counts = bearing.sum(axis=0)
    found = _statistics(known, centred, counts, like, permutations, seed)
    observed, drawn = np.abs(found[0]), np.abs(found)
    # a square has one side to be extreme on
    observed[cells:], drawn[:, cells:] = found[0, cells:], found[:, cells:]
    sd = found.std(axis=0)
    largest = np.abs(known).max(initial=0.0)
    tested = (sd > 1e-9 * np.r_[np.full(cells, largest), np.full(cells, largest**2)]) & (
        np.tile(counts, 2) >= 3
    )
    scaled = np.where(tested, drawn / np.where(tested, sd, 1), -np.inf)
    either = np.maximum(scaled[:, :cells], scaled[:, cells:])
    least = either[0] - 1e-9  # equal but for rounding is equal
    p = (either >= least).mean(axis=0)
    p_corrected = (either.max(axis=1)[:, None] >= least).mean(axis=0)
    described = bootstrap(_estimates(known, centred, bearing, like), seed).statistics
    places = []
    for cell in range(cells):
        drop, own, spread = (described[f"{name} {cell}"] for name in ("drop", "specific", "spread"))
        count = int(counts[cell])
        reason = None
        if count < 3:
            reason = f"only {count} images bear on it" if count else "no eligible image"
        elif either[0, cell] == -np.inf:
            reason = "occluding it and cells like it has the same effect"
        if reason is not None:
            places.append(Place(*divmod(cell, side), count, drop, own, spread, reason=reason))
            continue
        places.append(
            Place(
                *divmod(cell, side),
                count,
                drop,
                own,
                spread,
                z=float(either[0, cell]),
                p=float(p[cell]),
                p_corrected=float(p_corrected[cell]),
                stands_out=bool(p_corrected[cell] < LEVEL)
                and (_beyond(own, smallest) or _beyond(spread, smallest)),
            )
        )
    return places


def strongest(places: list[Place]) -> Place | None:
    """Of the cells that stand out, else of all, that of the largest z; None if none was tested."""
    tested = [place for place in places if place.z is not None]
    return max(tested, key=lambda place: (place.stands_out, place.z or 0.0), default=None)


def _beyond(statistic: Statistic, smallest: float) -> bool:
    """Whether the interval lies wholly above `smallest`, or wholly below its negative."""
    low, high = statistic.low, statistic.high
    return low is not None and high is not None and (low > smallest or high < -smallest)


def _statistics(
    known: Array,
    centred: Array,
    counts: NDArray[np.int64],
    like: NDArray[np.int64],
    permutations: int,
    seed: int,
) -> Array:
    """Both statistics of all cells, (1 + permutations, 2 cells): as observed, then relabelled."""
    n, cells = known.shape
    # row 8 i + g: the image i after mirroring and turning g
    table = np.concatenate([known[:, like], centred[:, like]], axis=1)
    table = table.transpose(0, 2, 1).reshape(8 * n, 2 * cells) / np.tile(np.maximum(counts, 1), 2)
    rng = np.random.default_rng(seed)
    sums = [table[::8].sum(axis=0)[None]]
    step = max(1, _BLOCK // max(n, 1))
    for start in range(0, permutations, step):
        size = min(step, permutations - start)
        picked = rng.integers(8, size=(size, n)) + 8 * np.arange(n)
        ends = np.arange(size + 1) * n
        choice = sparse.csr_array((np.ones(size * n), picked.ravel(), ends), (size, 8 * n))
        sums.append(choice @ table)
    means = np.concatenate(sums).reshape(1 + permutations, 2, cells)
    less = np.stack([np.median(means[..., _others(like, j)], axis=2) for j in range(cells)], axis=2)
    return np.asarray((means - less).reshape(1 + permutations, 2 * cells))


def _others(like: NDArray[np.int64], cell: int) -> NDArray[np.int64]:
    return np.setdiff1d(like[cell], [cell])


def _estimates(
    known: Array, centred: Array, bearing: NDArray[np.bool_], like: NDArray[np.int64]
) -> dict[str, Estimate]:
    def mean(means: Array) -> Array:  # (..., a column, who bears on it)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Array = means[..., 0] / means[..., -1]
        return found

    def specific(means: Array) -> Array:  # (..., a column, those of like cells, who bears on it)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Array = (means[..., 0] - np.median(means[..., 1:-1], axis=-1)) / means[..., -1]
        return found

    def spread(means: Array) -> Array:
        squares = specific(means)
        return np.asarray(np.sign(squares) * np.sqrt(np.abs(squares)))

    estimates = {}
    for cell in range(known.shape[1]):
        there = bearing[:, cell, None].astype(float)
        cells, n = np.r_[cell, _others(like, cell)], int(there.sum())
        drops, squares = (np.hstack([one[:, cells], there]) for one in (known, centred))
        estimates[f"drop {cell}"] = Estimate(drops[:, [0, -1]], mean, n)
        estimates[f"specific {cell}"] = Estimate(drops, specific, n)
        estimates[f"spread {cell}"] = Estimate(squares, spread, n)
    return estimates
