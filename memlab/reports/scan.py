"""Report of a blind scan: two lines of text, and a map beside the mean image. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from memlab.analysis.results import Scan
from memlab.drawing import SIGNED, save
from memlab.numbers import interval, number, p_value

ALIKE = 0.5
"""Correlation between halves of the images from which they are said to share a pattern."""
_EDGE = "#111111"


def scan_lines(scan: Scan) -> list[str]:
    """Return two lines: the strongest position, and whether its effect stands out.

    Args:
        scan: as in `results.json`.
    """
    outside = "outside " + ", ".join(scan.outside) if scan.outside else "no masks: all of it"
    title = f"scan of {scan.n} images, {outside}:"
    if scan.strongest is None:
        reasons = {str(position.reason) for position in scan.positions}
        return [f"{title} no position stands out", f"  {'; '.join(sorted(reasons))}"]
    strongest = scan.positions[scan.strongest]
    size, effect = scan.cell_size, strongest.specific_effect
    ends = interval(effect.low, effect.high, signed=True)
    text = f"{number(effect.value, signed=True)} {ends}".rstrip()
    first = (
        f"{title} strongest at x {strongest.left:g}–{strongest.left + size:g} %, "
        f"y {strongest.top:g}–{strongest.top + size:g} %: effect {text} "
        f"beyond similar cells, corrected p {p_value(strongest.p_corrected)}"
    )
    if not strongest.stands_out:
        least = f" by {number(scan.smallest_effect)} (0.05 SD of the predictions) or more"
        return [first, f"  no position stands out{least}"]
    shared = strongest.alike
    if shared is not None and shared >= ALIKE:
        return [
            first,
            f"  it stands out, and the images share a pattern there (r {number(shared, 2)})",
        ]
    correlation = "" if shared is None else f" (r {number(shared, 2)})"
    second = (
        f"  it stands out, but the images share no pattern there{correlation}: look at scan.png"
    )
    return [first, second]


def draw_scan(scan: Scan, mean: NDArray[Any], folder: Path) -> list[str]:
    """Draw the mean image beside the map of effects, with outlines of cells that stand out.

    Args:
        scan: as in `results.json`.
        mean: (H, W, 3) in [0, 1].
        folder: folder of `scan.png`.
    """
    values = [position.specific_effect.value for position in scan.positions]
    effects = np.array([np.nan if value is None else value for value in values])
    if not np.isfinite(effects).any():
        return []
    # The scale's end is at least the smallest effect of interest, so that smaller effects stay
    # pale.
    limit = max(float(np.nanmax(np.abs(effects))), scan.smallest_effect or 0.0) or 1.0
    down, across = scan.cells
    figure = Figure(figsize=(8.6, 4.3), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.imshow(mean, extent=(0, 100, 100, 0), interpolation="nearest")
    left.set_title(f"mean of the {scan.n} images", fontsize=9)
    # Cells overlap: draw each within the area nearest to its centre.
    edges = [
        _tiles([getattr(position, side) for position in scan.positions], scan.cell_size)
        for side in ("left", "top")
    ]
    right.pcolormesh(
        *edges, effects.reshape(down, across), cmap=SIGNED, norm=Normalize(-limit, limit)
    )
    right.set_facecolor("#cccccc")  # cells without images
    right.set_title("effect of occluding, beyond similar cells", fontsize=9)
    for position in scan.positions:
        if not position.stands_out:
            continue
        for axes in (left, right):
            axes.add_patch(
                Rectangle(
                    (position.left, position.top),
                    scan.cell_size,
                    scan.cell_size,
                    fill=False,
                    edgecolor=_EDGE,
                    linewidth=1.8,
                )
            )
    for axes in (left, right):
        axes.set(xlim=(0, 100), ylim=(100, 0), aspect="equal", xlabel="% of the width")
        axes.tick_params(labelsize=8)
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), SIGNED), ax=right, shrink=0.85)
    bar.set_label("effect on the score: red raises the score", fontsize=8)
    outlined = any(position.stands_out for position in scan.positions)
    caption = "outlined: stands out (corrected p < 0.05, above the smallest effect of interest)"
    caption = caption if outlined else "no position stands out"
    figure.suptitle(f"Blind scan; {caption}", fontsize=10)
    return save(figure, folder, "scan")


def _tiles(starts: list[float], size: float) -> NDArray[Any]:
    """Return borders half-way between the centres of neighbouring cells, from edge to edge."""
    middles = np.unique(starts) + size / 2
    return np.concatenate([[0.0], (middles[1:] + middles[:-1]) / 2, [100.0]])
