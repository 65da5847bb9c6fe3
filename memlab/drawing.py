"""Figures without a display: colours, creation and saving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.files import replacing

BLUE, GREY = "#2166ac", "#767676"
ORANGE = "#b35806"
"""Colour of controls; differs from blue for all colour-blind readers, and in greyscale."""
SIGNED = "RdBu_r"
"""Colour map of signed maps, safe for colour-blind readers: blue lowers, red raises the score."""


_formats: ContextVar[tuple[str, ...]] = ContextVar("formats", default=())
_TEXT: Any = {"svg.fonttype": "none", "svg.hashsalt": "memlab", "pdf.fonttype": 42}


def new_figure(width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure of a size in inches, and its axes.

    The figure is made without pyplot: no global state, no display, thread-safe.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


@contextmanager
def also_as(formats: Sequence[str]) -> Iterator[None]:
    """Write every figure within the context in these formats, too: `pdf`, `svg`."""
    token = _formats.set(tuple(formats))
    try:
        yield
    finally:
        _formats.reset(token)


def save(figure: Figure, folder: Path, name: str) -> list[str]:
    """Write a figure into a folder atomically: as PNG, and in the formats of `also_as`.

    In PDF and SVG, text stays text, and no date is written.

    Args:
        figure: the figure.
        folder: output folder.
        name: name of the file, without ending.

    Returns:
        The names of the files, PNG first.
    """
    names = []
    for ending in ("png", *_formats.get()):
        file = f"{name}.{ending}"
        undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(ending)
        with replacing(folder / file) as temporary, matplotlib.rc_context(_TEXT):
            figure.savefig(temporary, dpi=150, format=ending, metadata=undated)
        names.append(file)
    return names


def short_name(name: str) -> str:
    """Return the name, cut to its last 21 characters if too long for a label."""
    return literal(name if len(name) <= 22 else f"…{name[-21:]}")


def literal(text: str) -> str:
    """Return a text in which matplotlib shows dollar signs; it takes two of them for a formula."""
    return text.replace("$", r"\$")
