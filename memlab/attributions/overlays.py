"""Figures of maps drawn over their images, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from memlab.attributions.blanks import blank, within_rounding
from memlab.attributions.colours import coloured, muted, scale_colours
from memlab.attributions.shares import branch_shares
from memlab.attributions.texts import stretched
from memlab.drawing import save, short_name
from memlab.numbers import number

SHEET = 16
"""Number of images on the sheet; the page shows more."""
FINE = 56**2
"""Cells above which a map is one of pixels; layers have at most 56 × 56 of 224 pixels."""
PIXELS = 500
"""One of so many pixels has a larger value than the end of the scale."""


def map_overlays(
    arrays: dict[str, Any], method: str, unit: str, folder: Path, limit: float | None = None
) -> list[str]:
    """Draw the first 16 images beside their maps, on one symmetric scale with a colour bar.

    Images have the proportions of their files, although the model saw squares.

    Args:
        arrays: `id`, `maps`, `images`, `predicted`, `score`: the content of `maps/METHOD.npz`;
            `size` (n, 2), height and width of the files, if known.
        method: name of the method.
        unit: unit of the maps.
        folder: folder in which to write `maps/METHOD.png`.
        limit: value of full colour; by default the largest absolute value of all maps.

    Returns:
        The names of the written files.
    """
    maps = arrays["maps"]
    limit = limit or full_colour(maps)
    every, maps = len(maps), maps[:SHEET]
    shares = branch_shares(arrays)
    columns = min(4, len(maps))
    lines = -(-len(maps) // columns)
    figure = Figure(figsize=(columns * 3.1 + 1.2, lines * 1.9 + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns * 2, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    for index in range(len(maps)):
        line, column = divmod(index, columns)
        plain, over = axes[line, 2 * column], axes[line, 2 * column + 1]
        image = arrays["images"][index].transpose(1, 2, 0)
        _show(plain, image, arrays, index)
        plain.set_title(short_name(str(arrays["id"][index])), fontsize=7)
        _show(over, overlay(image, maps[index], limit), arrays, index)
        lines_of = [_scores(arrays, index)]
        if said := _without_values(maps[index]):
            lines_of.append(said)
        elif shares:
            whose = ", ".join(f"{name} {share[index]:.0%}" for name, share in shares.items())
            lines_of.append(whose)
        over.set_title("\n".join(lines_of), fontsize=7)
    bar = figure.colorbar(
        _mappable(limit), ax=list(axes.flat), shrink=min(1.0, 2.5 / lines), pad=0.01, aspect=30
    )
    bar.set_label(f"{method}: {unit}", fontsize=8)
    height, width = maps.shape[1:]
    figure.suptitle(
        f"{method} on a {height} × {width} grid, drawn bilinear\n"
        "red raises the score, blue lowers it; one scale for all"
        f"{_beyond(maps, limit)}{_of(len(maps), every)}",
        fontsize=9,
    )
    return save(figure, folder, f"maps/{method}")


def single_overlay(
    arrays: dict[str, Any],
    index: int,
    method: str,
    unit: str,
    limit: float,
    folder: Path,
    name: str,
) -> list[str]:
    """Draw one image beside its map, with a colour bar, in the proportions of its file.

    Args:
        arrays: as for `map_overlays`.
        index: which image.
        method: name of the method.
        unit: unit of the maps.
        limit: value of full colour, the same for all images that are compared.
        folder: folder in which to write.
        name: name of the file, without ending.

    Returns:
        The names of the written files.
    """
    height, width = size_shown(arrays, index)
    side = 3.2
    tall, wide = side * min(1, height / width), side * min(1, width / height)
    figure = Figure(figsize=(2 * wide + 1.3, tall + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    plain, over = figure.subplots(1, 2)
    image = arrays["images"][index].transpose(1, 2, 0)
    for panel, shown in ((plain, image), (over, overlay(image, arrays["maps"][index], limit))):
        panel.set_axis_off()
        _show(panel, shown, arrays, index)
    plain.set_title(short_name(str(arrays["id"][index])), fontsize=8)
    said = _without_values(arrays["maps"][index])
    over.set_title("\n".join([_scores(arrays, index), *said.splitlines()]), fontsize=8)
    bar = figure.colorbar(_mappable(limit), ax=[plain, over], pad=0.02, aspect=20)
    bar.set_label(f"{method}: {unit}", fontsize=7)
    bar.ax.tick_params(labelsize=7)
    return save(figure, folder, name)


def _of(shown: int, every: int) -> str:
    return f"; the first {shown} of {every} images" if shown < every else ""


def size_shown(arrays: Mapping[str, Any], index: int) -> tuple[int, int]:
    """Return height and width of the file, or of the model's image if they are unknown."""
    height, width = arrays["size"][index] if "size" in arrays else (0, 0)
    if height and width:
        return int(height), int(width)
    shape = arrays["images"].shape
    return int(shape[2]), int(shape[3])


def _show(panel: Any, image: Any, arrays: dict[str, Any], index: int) -> None:
    """Show an image of the model in the proportions of its file."""
    height, width = size_shown(arrays, index)
    panel.imshow(image, extent=(0, width, height, 0))


def _scores(arrays: dict[str, Any], index: int) -> str:
    """Return the predicted score, and the true one if it is known."""
    score = arrays["score"][index]
    true = "" if np.isnan(score) else f" (true {number(float(score), 2)})"
    return f"{number(float(arrays['predicted'][index]), 2)}{true}"


def overlay(image: Any, signed: Any, limit: float) -> Any:
    """Return a signed map over a muted grey copy of its image; see `colours.coloured`.

    Args:
        image: (H, W, 3) uint8.
        signed: (h, w) map, resized to the image bilinearly.
        limit: value of full colour, the same for all images that are compared.

    Returns:
        (H, W, 3) float in [0, 1]. Opacity grows with the absolute value; zero is transparent. A map
        with values that are not finite has no colour.
    """
    if blank(signed):
        return muted(image)
    return coloured(stretched(signed, image.shape) / limit, muted(image))


def full_colour(maps: Any) -> float:
    """Return the value of full colour for a set of maps: their largest absolute value.

    It is 1 for maps that are zero up to rounding, which must not be stretched to full colour. In
    maps with a value for each pixel, single pixels would leave all others pale: there it is the
    value that one of `PIXELS` exceeds, if that is not rounding, too.
    """
    finite = np.abs(np.nan_to_num(maps, nan=0, posinf=0, neginf=0))
    largest = float(finite.max(initial=0))
    cells = finite[0].size if len(finite) else 1
    if cells > FINE:
        shown = float(np.quantile(finite, 1 - 1 / PIXELS))
        largest = largest if within_rounding(shown, cells) else shown
    return 1.0 if within_rounding(largest, cells) else largest


def _beyond(maps: Any, limit: float) -> str:
    """Return that some values are beyond the scale, if so."""
    finite = np.nan_to_num(np.abs(maps), nan=0, posinf=0)
    return ", ended at full colour" if finite.max(initial=0) > 1.001 * limit else ""


def _without_values(signed: Any) -> str:
    """Return the first words on a map without values, empty for other maps."""
    return blank(signed).partition(":")[0]


def _mappable(limit: float) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(Normalize(-limit, limit), cmap=ListedColormap(scale_colours()))
