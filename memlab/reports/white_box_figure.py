"""Figure of the white-box matrix: effects of ablations on white-box models, with declarations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from memlab.files import replacing
from memlab.numbers import number

BRIGHT = 1.0
"""Effect, in SD, that gets the darkest colour."""
MARKS = {"must": ("o", "#1b7837"), "must not": ("x", "#762a83")}
"""Shape and colour of the declarations; they also differ in shape for colour-blind readers."""
_RED = "#d6604d"


def draw_white_box_matrix(table: pd.DataFrame, path: Path, title: str = "") -> None:
    """Draw a heat map of effects, ablations by family against white-box models, with declarations.

    Args:
        table: as `memlab.validation.matrix.white_box_matrix` returns it.
        path: path of the PNG.
        title: title above the figure.
    """
    table = table.assign(model=table["model"].str.removeprefix("white_box_"))
    ablations = table.sort_values(["family", "ablation"])["ablation"].drop_duplicates().tolist()
    models = table["model"].drop_duplicates().tolist()
    values = table.pivot(index="ablation", columns="model", values="effect")
    effects = values.loc[ablations, models].to_numpy(dtype=float)
    figure = Figure(figsize=(8.6, 1.9 + 0.34 * len(ablations)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    mesh = axes.imshow(effects.clip(0, BRIGHT), cmap="Blues", vmin=0, vmax=BRIGHT, aspect="auto")
    for row in table.itertuples():
        x, y = models.index(str(row.model)), ablations.index(str(row.ablation))
        effect = float(str(row.effect))
        ink = "white" if np.nan_to_num(effect) > 0.6 * BRIGHT else "black"
        text = number(effect, 2)
        axes.text(x + 0.08, y, text, color=ink, fontsize=7.5, ha="center", va="center")
        if row.declared in MARKS:
            marker, colour = MARKS[str(row.declared)]
            pale = {"must": "#a6dba0", "must not": "#e7d4e8"}[str(row.declared)]
            edge = pale if ink == "white" else colour
            axes.plot(x - 0.34, y, marker, color=edge, markersize=5, markeredgewidth=1.5)
        if row.verdict == "breach":
            corner = (x - 0.47, y - 0.45)
            axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor=_RED, linewidth=2))
    families = table.drop_duplicates("ablation").set_index("ablation")["family"].loc[ablations]
    for index in np.flatnonzero(families.to_numpy()[1:] != families.to_numpy()[:-1]):
        axes.axhline(index + 0.5, color="#767676", linewidth=1)
    axes.set_xticks(range(len(models)), [name.replace("_", "\n", 1) for name in models])
    doses = table.drop_duplicates("ablation").set_index("ablation")
    labels = [
        f"{name}  {doses.loc[name, 'dose']:g} {doses.loc[name, 'unit']}" for name in ablations
    ]
    axes.set_yticks(range(len(ablations)), labels)
    axes.tick_params(labelsize=8, length=0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(
        mesh, ax=axes, shrink=min(1.0, 6 / len(ablations)), extend="max", pad=0.01
    )
    bar.set_label("effect on the score of the white-box model, in SD", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    handles: list[Line2D | Rectangle] = [
        Line2D([], [], marker=marker, color=colour, linestyle="", label=f"declares: {name} move")
        for name, (marker, colour) in MARKS.items()
    ]
    handles.append(Rectangle((0, 0), 1, 1, fill=False, edgecolor=_RED, linewidth=2, label="breach"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
