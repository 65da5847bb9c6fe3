"""Effect of occluding one cell of a grid, as a blind scan reports it. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.stats.measures import Statistic


@dataclass(frozen=True)
class CellEffect:
    """Effect of occluding one cell.

    Args:
        row: row from the top, starting with 0.
        column: column from the left, starting with 0.
        n: number of images in which this cell and all similar cells could be occluded.
        effect: mean effect, clean − occluded, with interval.
        specific_effect: mean effect minus the median of the similar cells' mean effects, with
            interval.
        spread: mean square deviation of effects from their image's mean over this cell and the
            similar cells, minus the median of the same for the similar cells; given as the signed
            square root, with interval. It is also large if some scores rise and others fall.
        z: the more extreme of `specific_effect` and the mean square, in SDs over all permutations.
        p: share of permutations that are as extreme.
        p_corrected: share of permutations whose most extreme cell is as extreme.
        stands_out: whether `p_corrected` is below 0.05 and the interval of `specific_effect` or of
            `spread` lies beyond the smallest effect of interest.
        reason: why there is no p.
        left: left edge of the cell, in % of the width; set by the scan, as are the next.
        top: top edge of the cell, in % of the height.
        eligible: number of images in which this cell could be occluded.
        alike: correlation between halves of the images of their mean fine detail in this cell.
    """

    row: int
    column: int
    n: int
    effect: Statistic
    specific_effect: Statistic
    spread: Statistic
    z: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    stands_out: bool = False
    reason: str | None = None
    left: float = 0.0
    top: float = 0.0
    eligible: int = 0
    alike: float | None = None
