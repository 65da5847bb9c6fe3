"""Base class of sources, and recognition of the source of a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from memlab.data.table import Table
from memlab.errors import DataError, NoNumberedSplitsError, PluginError
from memlab.image_files import images_in, left_out_line, shown, what_is
from memlab.registry import load, plugins
from memlab.spec import Specified


class Source(Specified, ABC):
    """Layout of one data set on disk."""

    general: ClassVar[bool] = False
    """Whether the layout fits many data sets (any table, any folder): recognised after others."""

    @classmethod
    @abstractmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether `root` looks like this layout; must be cheap."""

    def prepare(self, root: Path) -> None:
        """Make the files that the source generates; does nothing by default.

        Called once, in one process, before `table`.
        """

    @abstractmethod
    def table(self, root: Path, split: int | None = None) -> Table:
        """Read the table. Nothing is decoded, and nothing is written.

        Args:
            root: the folder (or file) of the data set.
            split: number of the split, where the data set has several.

        Raises:
            DataError: if the layout is missing; names the expected files.
        """


def recognise(root: Path) -> Source:
    """Return the source for a folder, by its layout: third-party sources first, then memlab's own.

    Raises:
        DataError: if the folder is missing, or no source recognises it.
    """
    kind = what_is(root)
    if kind == "nothing":
        raise DataError(f"{shown(root)}: no such file or folder; give that of your images")
    if kind not in ("file", "folder"):
        raise DataError(f"{shown(root)}: neither a table nor a folder, but {kind}")
    for source in _most_specific_first():
        if source.recognises(root):
            return source()
    left: Counter[str] = Counter()
    next(images_in(root, left), None)
    told = f" ({left_out_line(Path(), left)})" if left else ""
    raise DataError(
        f"{shown(root)}: no images and no table found{told}; set --data.source to say what it is"
    )


def _most_specific_first() -> list[type[Source]]:
    """Return the installed sources in the order in which they are asked."""
    found: list[tuple[bool, bool, str, type[Source]]] = []
    for plugin in plugins("sources"):
        try:
            source = load("sources", plugin.name)
        except PluginError:  # a broken plugin fails only the run that asks for it
            continue
        found.append((plugin.distribution == "memlab", source.general, plugin.name, source))
    return [source for *_, source in sorted(found, key=lambda one: one[:3])]


def make_table(
    columns: dict[str, Any],
    root: Path,
    origin: str,
    notes: Iterable[str] = (),
    scoring: str = "",
    differences: bool = False,
) -> Table:
    """Build a table from columns; required columns that are missing are filled with NA.

    See `Table` for the arguments.
    """
    rows = pd.DataFrame(columns).reset_index(drop=True)
    for name in ("score", "split"):
        if name not in rows:
            rows[name] = None
    rows["score"] = rows["score"].astype(float)
    rows["id"] = rows["id"].astype(str)
    if rows.empty:
        raise DataError(f"{origin}: no images in it")
    return Table(rows, root, origin, notes=tuple(notes), scoring=scoring, differences=differences)


def one_split_only(split: int | None, origin: str) -> None:
    """Raise a NoNumberedSplitsError if a split number was asked of a source that has none."""
    if split is not None:
        raise NoNumberedSplitsError(
            f"{origin} has no numbered splits; write --data.split 80/20 for a random one"
        )
