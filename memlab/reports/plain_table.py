"""Frame of the terminal tables of effects and of audits."""

from __future__ import annotations

from rich import box
from rich.table import Table


def plain_table(title: str) -> Table:
    """Return an empty table with a line under its head alone, and a title at the left."""
    return Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
