"""Figures of maps drawn over their images, on one scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from memlab.attributions.shares import branch_shares
from memlab.drawing import SIGNED, save, short_name
from memlab.numbers import number


def map_overlays(
    arrays: dict[str, Any], method: str, unit: str, folder: Path, limit: float | None = None
) -> list[str]:
    """Draw each image beside its map, all maps on one symmetric scale with a colour bar.

    Args:
        arrays: `id`, `maps`, `images`, `predicted`, `score`: the content of `maps/METHOD.npz`.
        method: name of the method.
        unit: unit of the maps.
        folder: folder in which to write `maps/METHOD.png`.
        limit: value of full colour; by default the largest absolute value of all maps.

    Returns:
        The names of the written files.
    """
    maps, images = arrays["maps"], arrays["images"]
    limit = limit or float(np.abs(maps).max()) or 1.0
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
        image = images[index].transpose(1, 2, 0)
        plain.imshow(image)
        plain.set_title(short_name(str(arrays["id"][index])), fontsize=7)
        over.imshow(overlay(image, maps[index], limit))
        score = arrays["score"][index]
        true = "" if np.isnan(score) else f" (true {number(float(score), 2)})"
        lines_of = [f"{number(float(arrays['predicted'][index]), 2)}{true}"]
        if shares:
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
        "red raises the score, blue lowers it; one scale for all",
        fontsize=9,
    )
    return save(figure, folder, f"maps/{method}")


def overlay(image: Any, signed: Any, limit: float) -> Any:
    """Return a signed map over a muted grey copy of its image.

    Args:
        image: (H, W, 3) uint8.
        signed: (h, w) map, resized to the image bilinearly.
        limit: value of full colour, the same for all images that are compared.

    Returns:
        (H, W, 3) float in [0, 1]. Opacity grows with the absolute value; zero is transparent.
    """
    from PIL import Image

    size = (image.shape[1], image.shape[0])
    stretched = Image.fromarray(np.asarray(signed, dtype=np.float32)).resize(size, 2)
    values = np.asarray(stretched)
    colour = np.asarray(_mappable(limit).to_rgba(values))[..., :3]
    grey = image.mean(axis=2, keepdims=True) / 255 * 0.5 + 0.4
    opacity = np.clip(np.abs(values) / limit, 0, 1)[..., None] * 0.85
    return opacity * colour + (1 - opacity) * grey


def _mappable(limit: float) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(Normalize(-limit, limit), cmap=SIGNED)
