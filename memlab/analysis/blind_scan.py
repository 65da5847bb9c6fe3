"""Test behind a blind scan: does one cell of the images matter more than similar cells?

The subject of a photograph is usually near the centre, so occluding central cells has larger
effects even without a mark. Each cell is therefore compared only with the up to seven other cells
that mirroring or turning the square maps it to; these have the same distance to the centre. Null
hypothesis: each image is equally likely in its original orientation or mirrored or turned in any of
the eight ways. Choosing one of the eight for each image then gives statistics from the same
distribution, for any distribution of effects and any dependence between cells. The most extreme of
all cells therefore also has a known distribution (max-T; Westfall & Young 1993). Typical
differences between top and bottom (sky, ground) violate the null hypothesis just as a mark does: p
says that a cell differs, and a person must look at the images to see why. Strides and padding that
differ between sides also violate it slightly, so a cell stands out only if its effect also exceeds
the smallest effect of interest. A mark that is symmetric about the centre is not detected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from memlab.analysis.cell_effect import CellEffect
from memlab.stats import Estimate, bootstrap
from memlab.stats.measures import Array, Statistic

PERMUTATIONS = 9999
LEVEL = 0.05
_BLOCK = 4_000_000  # choices held in memory at once


def like_cells(side: int) -> NDArray[np.int64]:
    """Return the cells that mirroring and turning a grid maps each cell to, (side², 8).

    The first column is the cell itself.
    """
    grid = np.arange(side * side).reshape(side, side)
    turned = [np.rot90(square, times).ravel() for square in (grid, grid.T) for times in range(4)]
    return np.stack(turned, axis=1)


def scan(
    effects: Array, side: int, smallest: float, seed: int, permutations: int = PERMUTATIONS
) -> list[CellEffect]:
    """Test every cell of a grid against similar cells.

    Each cell has two statistics. The first is the mean effect minus the median of the similar
    cells' mean effects, two-sided; with the median, a mark does not make the opposite cells stand
    out. The second is the same for mean squares, one-sided, which detects a mark that raises some
    scores and lowers others. Both are divided by their SD over the permutations; p counts the
    observed labels (Phipson & Smyth 2010).

    Args:
        effects: (n, side²) effects, clean − occluded, row by row; NaN if a cell is not eligible. An
            image contributes to a cell if this cell and all similar cells are eligible.
        side: number of cells per side.
        smallest: the smallest effect of interest, in units of the score.
        seed: seed of the permutations and the bootstrap.
        permutations: number of permutations.

    Returns:
        One entry per cell, row by row.
    """
    like = like_cells(side)
    cells = effects.shape[1]
    # (n, cells); equal for similar cells
    bearing: NDArray[np.bool_] = np.logical_not(np.isnan(effects)[:, like].any(axis=2))
    measured = np.where(bearing, effects, 0.0)
    centred = (measured - measured[:, like].mean(axis=2)) ** 2
    counts = bearing.sum(axis=0)
    statistics = _statistics(measured, centred, counts, like, permutations, seed)
    observed, drawn = np.abs(statistics[0]), np.abs(statistics)
    # The test of mean squares is one-sided.
    observed[cells:], drawn[:, cells:] = statistics[0, cells:], statistics[:, cells:]
    sd = statistics.std(axis=0)
    largest = np.abs(measured).max(initial=0.0)
    tested = (sd > 1e-9 * np.r_[np.full(cells, largest), np.full(cells, largest**2)]) & (
        np.tile(counts, 2) >= 3
    )
    scaled = np.where(tested, drawn / np.where(tested, sd, 1), -np.inf)
    either = np.maximum(scaled[:, :cells], scaled[:, cells:])
    least = either[0] - 1e-9  # tolerance for rounding in ties
    p = (either >= least).mean(axis=0)
    p_corrected = (either.max(axis=1)[:, None] >= least).mean(axis=0)
    described = bootstrap(_estimates(measured, centred, bearing, like), seed).statistics
    cell_effects = []
    for cell in range(cells):
        effect, specific, spread = (
            described[f"{name} {cell}"] for name in ("effect", "specific", "spread")
        )
        count = int(counts[cell])
        reason = None
        if count < 3:
            reason = f"only {count} images bear on it" if count else "no eligible image"
        elif either[0, cell] == -np.inf:
            reason = "occluding it and cells like it has the same effect"
        if reason is not None:
            cell_effects.append(
                CellEffect(*divmod(cell, side), count, effect, specific, spread, reason=reason)
            )
            continue
        cell_effects.append(
            CellEffect(
                *divmod(cell, side),
                count,
                effect,
                specific,
                spread,
                z=float(either[0, cell]),
                p=float(p[cell]),
                p_corrected=float(p_corrected[cell]),
                stands_out=bool(p_corrected[cell] < LEVEL)
                and (_beyond(specific, smallest) or _beyond(spread, smallest)),
            )
        )
    return cell_effects


def strongest(cell_effects: list[CellEffect]) -> CellEffect | None:
    """Return the cell with the largest z among cells that stand out, or else among all.

    None if no cell was tested.
    """
    tested = [cell for cell in cell_effects if cell.z is not None]
    return max(tested, key=lambda cell: (cell.stands_out, cell.z or 0.0), default=None)


def _beyond(statistic: Statistic, smallest: float) -> bool:
    """Return whether the interval lies wholly above `smallest` or wholly below its negative."""
    low, high = statistic.low, statistic.high
    return low is not None and high is not None and (low > smallest or high < -smallest)


def _statistics(
    measured: Array,
    centred: Array,
    counts: NDArray[np.int64],
    like: NDArray[np.int64],
    permutations: int,
    seed: int,
) -> Array:
    """Return both statistics of all cells, (1 + permutations, 2 cells), observed values first."""
    n, cells = measured.shape
    # row 8 i + g: image i after symmetry g of the square
    table = np.concatenate([measured[:, like], centred[:, like]], axis=1)
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
    medians = np.stack(
        [np.median(means[..., _others(like, j)], axis=2) for j in range(cells)], axis=2
    )
    return np.asarray((means - medians).reshape(1 + permutations, 2 * cells))


def _others(like: NDArray[np.int64], cell: int) -> NDArray[np.int64]:
    return np.setdiff1d(like[cell], [cell])


def _estimates(
    measured: Array, centred: Array, bearing: NDArray[np.bool_], like: NDArray[np.int64]
) -> dict[str, Estimate]:
    def mean(means: Array) -> Array:  # (..., columns: the value, contributes)
        with np.errstate(invalid="ignore", divide="ignore"):
            average: Array = means[..., 0] / means[..., -1]
        return average

    def specific(means: Array) -> Array:  # (..., columns: the value, similar cells, contributes)
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Array = (means[..., 0] - np.median(means[..., 1:-1], axis=-1)) / means[..., -1]
        return value

    def spread(means: Array) -> Array:
        squares = specific(means)
        return np.asarray(np.sign(squares) * np.sqrt(np.abs(squares)))

    estimates = {}
    for cell in range(measured.shape[1]):
        contributes = bearing[:, cell, None].astype(float)
        cells, n = np.r_[cell, _others(like, cell)], int(contributes.sum())
        effects, squares = (
            np.hstack([values[:, cells], contributes]) for values in (measured, centred)
        )
        estimates[f"effect {cell}"] = Estimate(effects[:, [0, -1]], mean, n)
        estimates[f"specific {cell}"] = Estimate(effects, specific, n)
        estimates[f"spread {cell}"] = Estimate(squares, spread, n)
    return estimates
