"""Figures without a display: colours, creation and saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.files import replacing

BLUE, GREY = "#2166ac", "#767676"
ORANGE = "#b35806"
"""Colour of controls; differs from blue for all colour-blind readers, and in greyscale."""
SIGNED = "RdBu_r"
"""Colour map of signed maps, safe for colour-blind readers: blue lowers, red raises the score."""


def new_figure(width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure of a size in inches, and its axes.

    The figure is made without pyplot: no global state, no display, thread-safe.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure into a folder atomically and return its name."""
    with replacing(folder / name) as temporary:
        figure.savefig(temporary, dpi=150)
    return name


def short_name(name: str) -> str:
    """Return the name, cut to its last 21 characters if too long for a label."""
    return name if len(name) <= 22 else f"…{name[-21:]}"
