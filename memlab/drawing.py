"""Figures without a display: their colours, and how they are made and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.files import replacing

BLUE, GREY = "#2166ac", "#767676"
ORANGE = "#b35806"
"""Of what an effect is compared with; apart from blue for all colour-blind readers, and in grey."""
SIGNED = "RdBu_r"
"""Colours of signed maps: blue lowers, white is zero, red raises; safe for colour-blind readers."""


def new_figure(width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure of a size in inches, and its axes.

    It is made without pyplot: no global state, no display, safe in threads.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure into a folder, atomically; return its name."""
    with replacing(folder / name) as temporary:
        figure.savefig(temporary, dpi=150)
    return name


def short_name(name: str) -> str:
    """Return the end of a name that is too long for a label."""
    return name if len(name) <= 22 else f"…{name[-21:]}"
